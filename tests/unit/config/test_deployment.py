"""The deployment's files agree with each other and with what processes may know."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config.embedded.keys import NAMES, PROCESSES, Keys
from config.runner.arguments import parser
from config.runner.deployment import write_secrets
from config.runner.health import CHECKS
from config.runner.session import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if service.get("image", "").startswith("catchment:")
}


def variables(service: dict) -> set[str]:
    """The names a service is given, whether as a value or as a file."""
    return {name for name in service["environment"] if name != "CATCHMENT_HOSTS"}


def test_the_compose_file_fits_its_published_schema() -> None:
    program = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", OURS)
def test_a_service_knows_what_its_embedded_twin_knows(name, tmp_path) -> None:
    service = OURS[name]
    process = service["environment"]["CATCHMENT_PROCESS"]
    twin = Keys(tmp_path).environment(
        process, home=tmp_path, sockets=tmp_path, vault_socket=tmp_path / "v"
    )
    known = {
        name if name in NAMES else name.removesuffix("_FILE")
        for name in variables(service)
        if name in NAMES or name.removesuffix("_FILE") in NAMES
    }
    # The image itself says where a process keeps its files.
    assert known | {"CATCHMENT_HOME"} == set(twin)


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_handed_exactly_the_secrets_it_names(name) -> None:
    service = OURS[name]
    named = {
        value.removeprefix("/run/secrets/")
        for value in service["environment"].values()
        if str(value).startswith("/run/secrets/")
    }
    assert named == set(service["secrets"])


def test_no_secret_stands_in_the_compose_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"(?i)password:\s*[^{\s]", text)
    assert "postgresql://" not in text


def test_the_vaults_secrets_reach_the_vault_alone() -> None:
    for secret in ("vault_data_key", "pseudonym_key", "vault_database_url"):
        holders = [
            name
            for name, service in COMPOSE["services"].items()
            if secret in service.get("secrets", ())
        ]
        assert holders == ["vault"]


def test_every_process_has_a_service_and_a_health_check() -> None:
    processes = {s["environment"]["CATCHMENT_PROCESS"] for s in OURS.values()}
    assert processes == set(PROCESSES)
    for service in COMPOSE["services"].values():
        if service.get("restart") != "no":
            assert "healthcheck" in service
    assert {service["healthcheck"]["test"][-1] for service in OURS.values()
            if "healthcheck" in service} == set(CHECKS)  # fmt: skip


def test_only_the_web_opens_a_port() -> None:
    opened = {name for name, s in COMPOSE["services"].items() if "ports" in s}
    assert opened == {"web"}
    assert COMPOSE["networks"]["inside"]["internal"]
    outside = {n for n, s in COMPOSE["services"].items() if "front" in s["networks"]}
    assert outside == {"web"}


@pytest.mark.parametrize("name", OURS)
def test_a_services_command_is_one_of_ours(name) -> None:
    given = parser().parse_args(["--home", "/data", *OURS[name]["command"]])
    assert given.command in ("web", "worker", "beat", "vault", "manage")


def test_the_written_folder_holds_every_file_compose_names(tmp_path) -> None:
    folder = tmp_path / "secrets"
    assert write_secrets(folder, database_host="postgres", broker_host="valkey") == 0
    named = [*COMPOSE["secrets"].values(), *COMPOSE["configs"].values()]
    assert {Path(each["file"]).name for each in named} == {
        path.name for path in folder.iterdir()
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len((folder / "vault_data_key").read_bytes()) == 32


def test_word_by_email_reaches_the_worker_and_the_web_knows_of_it(tmp_path) -> None:
    worker, web = (OURS[name]["environment"] for name in ("worker", "web"))
    names = {"CATCHMENT_MAIL_DOMAINS", "CATCHMENT_ADDRESS"}
    assert names | {"CATCHMENT_SMTP_URL_FILE", "CATCHMENT_MAIL_FROM"} <= set(worker)
    assert names | {"CATCHMENT_MAIL"} <= set(web)
    assert "CATCHMENT_SMTP_URL_FILE" not in web
    # The worker says yes by having a server, and no by the empty file.
    assert "CATCHMENT_MAIL" not in worker
    folder = tmp_path / "secrets"
    write_secrets(folder, database_host="postgres", broker_host="valkey")
    assert (folder / "smtp_url").read_text() == ""


def test_secrets_are_never_written_over(tmp_path) -> None:
    assert write_secrets(tmp_path, database_host="p", broker_host="v") == 2
    assert list(tmp_path.iterdir()) == []


def test_the_sample_lists_every_variable_a_process_reads() -> None:
    sample = (ROOT / "dotenv-sample").read_text()
    read = set(NAMES)
    for path in (ROOT / "config").glob("*.py"):
        read |= set(re.findall(r'(?:value|required)\(\s*"([A-Z_]+)"', path.read_text()))
    missing = {name for name in read if not re.search(rf"\b{name}\b", sample)}
    assert missing == set()


def test_the_dockerfile_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER catchment$", text, re.MULTILINE)
    assert "--require-hashes" in text
    assert "libgomp1" in text
