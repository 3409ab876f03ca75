"""The very commands that the compose file names, run by hand on servers of ours."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import yaml

from config.embedded import binaries
from config.embedded.postgres import PORT
from config.embedded.roles import ROLES
from config.embedded.servers import Servers
from config.runner.deployment import write_secrets
from config.runner.session import ROOT, child_environment, start, stop
from config.runner.testing import throwaway_home

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
START_SECONDS = 90.0


@pytest.fixture(scope="module")
def deployed():
    """Servers whose roles the deployment's own script made, and its secrets."""
    with throwaway_home() as home, Servers(home, throwaway=True) as servers:
        folder = home / "deployment"
        write_secrets(folder, database_host="nowhere", broker_host="nowhere")
        with servers.postgres.connect() as connection:
            for database in ("store", "vault"):
                connection.execute(f"DROP DATABASE {database} WITH (FORCE)")
            for role in ROLES:
                connection.execute(f"DROP ROLE {role}")
        subprocess.run(
            [
                binaries.postgres_tree() / "bin" / "psql",
                *("--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"),
                *("--host", servers.places.sockets, "--username", "bootstrap"),
                *("--dbname", "postgres", "--file", folder / "roles.sql"),
            ],
            check=True,
            env={"PGPASSWORD": servers.keys.passwords["bootstrap"]},
        )
        # The addresses lead to a host that compose would name; here it is a socket.
        for path in folder.glob("*_database_url"):
            path.chmod(0o600)
            where = f"?host={servers.places.sockets}&port={PORT}"
            path.write_text(path.read_text().replace("@nowhere/", "@/") + where)
        (folder / "redis_url").chmod(0o600)
        (folder / "redis_url").write_text(servers.env("worker")["REDIS_URL"])
        yield servers, folder


@pytest.mark.parametrize("role", ROLES)
def test_the_script_makes_every_role_that_a_secret_names(deployed, role) -> None:
    _, folder = deployed
    urls = [path.read_text() for path in folder.glob("*_database_url")]
    [url] = {url for url in urls if f"//{role}:" in url}
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)


def test_the_compose_commands_work(deployed, tmp_path) -> None:
    servers, folder = deployed
    port = free_port()
    migrate = launch("migrate", folder, tmp_path, port)
    assert migrate.wait(timeout=START_SECONDS) == 0, logged(tmp_path, "migrate")
    running = []
    try:
        for name in ("vault", "worker", "beat", "web"):
            running.append(launch(name, folder, tmp_path, port))
        for name in ("web", "worker", "vault"):
            wait_healthy(name, folder, tmp_path, port)
        # A clock writes its schedule first after three minutes: it must only live.
        assert all(child.poll() is None for child in running)
    finally:
        stop(*running)
    for name, child in zip(("vault", "worker", "beat", "web"), running, strict=True):
        assert child.returncode in (0, 143, -15), (name, logged(tmp_path, name))


def launch(name: str, folder: Path, data: Path, port: int) -> subprocess.Popen:
    words = [local(word, data, port) for word in COMPOSE["services"][name]["command"]]
    with (data / f"{name}.log").open("w") as log:
        return start(
            ["-m", "config.runner", "--home", str(data / name), *words],
            environment(name, folder, data),
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def environment(name: str, folder: Path, data: Path) -> dict[str, str]:
    given = {
        key: str(value)
        .replace("/run/secrets", str(folder))
        .replace("/vault/vault.sock", str(data / "vault.sock"))
        for key, value in COMPOSE["services"][name]["environment"].items()
        if not str(value).startswith("${")
    }
    given["CATCHMENT_HOME"] = str(data / name)
    return child_environment(given)


def local(word: str, data: Path, port: int) -> str:
    word = word.replace("/vault/vault.sock", str(data / "vault.sock"))
    return {"8000": str(port), "0.0.0.0": "127.0.0.1"}.get(word, word)


def wait_healthy(name: str, folder: Path, data: Path, port: int) -> None:
    check = [*COMPOSE["services"][name]["healthcheck"]["test"][2:]]
    where = {"web": [str(port)], "vault": [str(data / "vault.sock")]}.get(name, [])
    deadline = time.monotonic() + START_SECONDS
    while True:
        done = subprocess.run(
            [sys.executable, *check, *where],
            cwd=ROOT,
            env=environment(name, folder, data),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, (name, done.stderr, logged(data, name))
        time.sleep(0.5)


def logged(data: Path, name: str) -> str:
    return (data / f"{name}.log").read_text()[-3000:]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_unhealthy_process_is_told_from_a_healthy_one(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "config.runner.health", "web", str(free_port())],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no answer" in done.stderr
