"""The embedded servers' parts that need no server."""

import os
import stat

import pytest

from config.embedded import places as places_module
from config.embedded import roles
from config.embedded.keys import NAMES, PROCESSES, Keys, dotenv, write_closed
from config.embedded.places import OsUser, places, walkable
from config.embedded.process import live_pid
from config.embedded.servers import Servers


def test_no_role_reaches_both_databases() -> None:
    assert all(len(databases) == 1 for databases in roles.ROLES.values())
    assert {
        role for role, [database] in roles.ROLES.items() if database == "vault"
    } == {
        "vault",
        "vault_migrator",
    }


def test_every_role_is_made_without_privileges() -> None:
    passwords = dict.fromkeys(roles.ROLES, "secret")
    made = [s for s in roles.cluster_statements(passwords) if "ROLE" in s]
    assert len(made) == len(roles.ROLES)
    for statement in made:
        for refused in ("NOSUPERUSER", "NOBYPASSRLS", "NOCREATEDB", "NOCREATEROLE"):
            assert refused in statement


def test_hba_trusts_nobody_and_ends_in_a_refusal() -> None:
    lines = [line.split() for line in roles.hba("boss").splitlines() if line[0] != "#"]
    assert {line[-1] for line in lines} == {"scram-sha-256", "reject"}
    assert {line[0] for line in lines} == {"local"}
    assert lines[-1][1:] == ["all", "all", "reject"]


def test_a_password_cannot_leave_its_literal() -> None:
    assert roles.quoted("o'clock") == "'o''clock'"
    with pytest.raises(ValueError):
        roles.quoted("back\\slash")


def test_the_script_opens_each_database_before_setting_its_doors() -> None:
    script = roles.script(dict.fromkeys(roles.ROLES, "secret"))
    for database in roles.OWNERS:
        opened = script.index(f"\\connect {database}\n")
        assert opened < script.index(f"REVOKE ALL ON DATABASE {database}")
        assert script.index(f"CREATE DATABASE {database}") < opened


@pytest.fixture
def environments(tmp_path) -> dict[str, dict[str, str]]:
    keys = Keys(tmp_path)
    keys.save()
    return {
        process: keys.environment(
            process,
            home=tmp_path,
            sockets=tmp_path / "sockets",
            vault_socket=tmp_path / "vault.sock",
        )
        for process in PROCESSES
    }


def test_a_process_knows_only_its_own(environments) -> None:
    knowing = {
        name: {process for process, known in environments.items() if name in known}
        for name in NAMES
    }
    assert knowing["VAULT_DATABASE_URL"] == {"vault", "migrator"}
    assert knowing["VAULT_DATA_KEY_FILE"] == {"vault"}
    assert knowing["PSEUDONYM_KEY_FILE"] == {"vault"}
    assert knowing["VAULT_ASSERTION_KEY"] == {"web", "vault"}
    assert knowing["VAULT_SERVICE_URL"] == {"web"}
    assert knowing["AUDIT_DATABASE_URL"] == {"web", "worker", "vault"}
    assert knowing["DATABASE_URL"] == set(PROCESSES)
    for known in environments.values():
        assert set(known) <= set(NAMES)


def test_no_secret_key_serves_two_processes(environments) -> None:
    keys = {known["CATCHMENT_SECRET_KEY"] for known in environments.values()}
    assert len(keys) == len(PROCESSES)


def test_secrets_survive_a_restart_and_stay_closed(tmp_path) -> None:
    first = Keys(tmp_path)
    assert first.new
    first.save()
    second = Keys(tmp_path)
    assert not second.new
    assert second.passwords == first.passwords
    assert len(second.data_key.read_bytes()) == 32
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_closed_file_replaces_an_open_one(tmp_path) -> None:
    path = tmp_path / "web.env"
    path.write_text("old")
    path.chmod(0o644)
    write_closed(path, dotenv({"A": "1"}))
    assert path.read_text() == "A='1'\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_walkable_stops_at_a_closed_folder(tmp_path) -> None:
    stranger = OsUser(uid=54321, gid=54321)
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    assert not walkable(inner, stranger)
    owner = OsUser(uid=os.getuid(), gid=54321)
    assert walkable(inner, owner) == walkable(tmp_path, owner)


def test_a_long_path_gets_short_sockets(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(places_module, "server_user", OsUser)
    monkeypatch.setattr(places_module, "short_folder", lambda: tmp_path)
    home = tmp_path / ("x" * 90)
    found = places(home, tmp_path)
    assert len(os.fsencode(found.sockets)) < len(os.fsencode(home))
    assert found.sockets.parent == tmp_path
    assert stat.S_IMODE(found.sockets.stat().st_mode) == 0o700
    assert found.vault_socket.parent != found.sockets


def test_two_homes_never_share_sockets(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(places_module, "server_user", OsUser)
    monkeypatch.setattr(places_module, "short_folder", lambda: tmp_path)
    long = "x" * 90
    one, other = (places(tmp_path / f"{long}{n}", tmp_path) for n in (1, 2))
    assert one.sockets != other.sockets


def test_a_folder_of_somebody_else_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(places_module, "server_user", OsUser)
    home = tmp_path / "home"
    home.mkdir()
    (home / "secrets").symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        places(home, tmp_path)


def test_a_pid_file_alone_proves_nothing(tmp_path) -> None:
    pid_file = tmp_path / "postmaster.pid"
    assert live_pid(pid_file, "postgres") is None
    pid_file.write_text(f"{os.getpid()}\n")
    assert live_pid(pid_file, "no-such-program") is None
    assert live_pid(pid_file, "python") == os.getpid()
    pid_file.write_text("rubbish")
    assert live_pid(pid_file, "python") is None


def test_unknown_processes_get_nothing(tmp_path) -> None:
    with pytest.raises(KeyError):
        Servers.env(_only_keys(tmp_path), "intruder")


def _only_keys(folder) -> Servers:
    servers = Servers.__new__(Servers)
    servers.keys = Keys(folder)
    servers.places = places_module.Places(
        home=folder,
        secrets=folder,
        data=folder,
        sockets=folder,
        vault_socket=folder / "vault.sock",
        user=OsUser(),
        programs=None,
    )
    return servers
