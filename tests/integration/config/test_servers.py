"""The embedded servers: who may connect, and what a crash or a kill leaves behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time

import psycopg
import pytest
import redis

from config.embedded import places
from config.embedded.postgres import SUPERUSER
from config.embedded.process import is_running
from config.embedded.roles import OWNERS, ROLES
from config.embedded.servers import Servers, ServersInUse
from config.runner.session import ROOT
from config.runner.testing import throwaway_home


@pytest.fixture(scope="module")
def servers():
    with throwaway_home() as home, Servers(home, throwaway=True) as made:
        yield made


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("database", OWNERS)
def test_a_role_enters_its_own_database_only(servers, role, database) -> None:
    url = servers.role_url(role, database)
    if database in ROLES[role]:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role,)
    else:
        with pytest.raises(psycopg.OperationalError, match="pg_hba.conf rejects"):
            psycopg.connect(url)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_enters_postgres_own_database(servers, role) -> None:
    with pytest.raises(psycopg.OperationalError, match="pg_hba.conf rejects"):
        psycopg.connect(servers.role_url(role, "postgres"))


@pytest.mark.parametrize("user", ["web", SUPERUSER])
def test_nobody_enters_without_the_password(servers, user) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            host=str(servers.places.sockets), user=user, dbname="store", password="x"
        )


def test_no_role_stands_above_row_level_security(servers) -> None:
    with servers.postgres.connect() as connection:
        found = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND "
            "(rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole)",
            [list(ROLES)],
        ).fetchall()
    assert found == []


def test_no_role_is_a_member_of_another(servers) -> None:
    with servers.postgres.connect() as connection:
        found = connection.execute(
            "SELECT m.member::regrole::text FROM pg_auth_members m "
            "WHERE m.member::regrole::text = ANY(%s)",
            [list(ROLES)],
        ).fetchall()
    assert found == []


def test_nothing_listens_on_the_network(servers) -> None:
    with servers.postgres.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    broker = redis.Redis.from_url(servers.env("worker")["REDIS_URL"])
    assert broker.config_get("port") == {"port": "0"}


def test_the_broker_asks_for_its_password(servers) -> None:
    stranger = redis.Redis(unix_socket_path=str(servers.valkey.socket))
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_secrets_and_sockets_are_closed_to_others(servers) -> None:
    for path in servers.places.secrets.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (servers.places.secrets, servers.places.sockets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in servers.places.secrets.glob("*.env"):
        assert SUPERUSER not in path.read_text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root hands the servers over")
def test_root_hands_the_servers_to_an_unprivileged_user(servers) -> None:
    for pid in (servers.postgres.pid(), servers.valkey.pid()):
        assert os.stat(f"/proc/{pid}").st_uid not in (0, None)


def test_the_last_user_stops_them_and_the_first_does_not(servers) -> None:
    second = Servers(servers.home, throwaway=True)
    second.start()
    pid = servers.postgres.pid()
    assert second.postgres.pid() == pid
    assert second.stop() is False
    assert servers.postgres.pid() == pid


def test_wiping_under_another_user_is_refused(servers) -> None:
    second = Servers(servers.home, throwaway=True)
    second.start()
    with pytest.raises(ServersInUse, match="Another"):
        second.wipe()
    assert servers.postgres.pid() is not None


@pytest.fixture
def alone():
    with throwaway_home() as home:
        made = Servers(home, throwaway=True)
        yield made
        made.stop()


def test_a_killed_supervisor_leaves_servers_that_are_adopted(alone) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from config.embedded.servers import Servers\n"
        "servers = Servers(Path(sys.argv[1]), throwaway=True)\n"
        "servers.start()\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(alone.home)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert killed.stdout.readline() == b"ready\n"
    killed.kill()
    killed.wait()
    pids = (alone.postgres.pid(), alone.valkey.pid())
    assert None not in pids
    alone.start()
    assert (alone.postgres.pid(), alone.valkey.pid()) == pids
    assert alone.stop() is True
    assert (alone.postgres.pid(), alone.valkey.pid()) == (None, None)


def test_rows_survive_a_killed_server_and_a_reused_pid(alone) -> None:
    alone.start()
    with psycopg.connect(alone.role_url("migrator")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
    pid = alone.postgres.pid()
    assert alone.stop()
    assert not is_running(pid)
    # What a crash leaves: a pid file, whose number belongs to another program now.
    (alone.postgres.data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    alone.start()
    # A session still works when the server is killed: its memory outlives the server.
    with alone.postgres.connect("store") as busy:
        busy.execute("SELECT 1")
        os.kill(alone.postgres.pid(), signal.SIGKILL)
        deadline = time.monotonic() + 10
        while alone.postgres.pid() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        alone.start()
    with psycopg.connect(alone.role_url("migrator")) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (1,)


def test_an_interrupted_first_start_is_begun_again(alone) -> None:
    alone.postgres.data.mkdir(mode=0o700)
    (alone.postgres.data / "half").write_text("")
    alone.start()
    assert alone.postgres.connect("store").execute("SELECT 1").fetchone() == (1,)


def test_wiping_takes_the_rows_and_keeps_the_secrets(alone) -> None:
    alone.start()
    with psycopg.connect(alone.role_url("migrator")) as connection:
        connection.execute("CREATE TABLE gone AS SELECT 1 AS x")
    alone.wipe()
    alone.start()
    with (
        psycopg.connect(alone.role_url("migrator")) as connection,
        pytest.raises(psycopg.errors.UndefinedTable),
    ):
        connection.execute("SELECT x FROM gone")


def test_a_cut_is_told_to_all_and_goes_with_the_data(alone) -> None:
    alone.wipe()
    alone.cut_into(4)
    with alone:
        assert alone.env("vault")["CATCHMENT_SHARDS"] == "4"
        with pytest.raises(ValueError, match="cut already"):
            alone.cut_into(8)
    alone.wipe()
    assert "CATCHMENT_SHARDS" not in alone.env("vault")


def test_data_whose_secrets_are_gone_is_made_anew(alone) -> None:
    alone.start()
    alone.stop()
    for path in alone.places.secrets.iterdir():
        path.unlink()
    again = Servers(alone.home, throwaway=True)
    with again, psycopg.connect(again.role_url("web")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(os.getuid() != 0, reason="only root hands the servers over")
def test_a_closed_folder_stays_closed(tmp_path) -> None:
    tmp_path.chmod(0o700)
    servers = Servers(tmp_path / "home", throwaway=True)
    data = servers.places.data
    try:
        with servers, psycopg.connect(servers.role_url("web")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
        assert not data.is_relative_to(tmp_path)
    finally:
        shutil.rmtree(data.parent)
        shutil.rmtree(servers.places.sockets)


@pytest.mark.skipif(os.getuid() != 0, reason="only root hands the servers over")
def test_programs_out_of_reach_are_copied(alone, monkeypatch) -> None:
    reachable = places.walkable
    monkeypatch.setattr(
        places,
        "walkable",
        lambda path, user: "site-packages" not in str(path) and reachable(path, user),
    )
    copied = Servers(alone.home, throwaway=True)
    with copied, psycopg.connect(copied.role_url("web")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert copied.postgres.tree.is_relative_to(copied.places.data)
