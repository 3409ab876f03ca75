"""One PostgreSQL 18 of the product's own: made, started, adopted and stopped."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

from config.embedded import roles
from config.embedded.places import OsUser
from config.embedded.process import (
    ServerFailed,
    fresh_log,
    is_running,
    live_pid,
    stop_pid,
    wait_until,
)

SUPERUSER = "bootstrap"
PORT = 5432  # only the socket's name; nothing listens on the network
# Crash recovery after a killed bulk load replays up to max_wal_size.
START_SECONDS = 300.0
STOP_SECONDS = 300.0
ORPHAN_TRIES = 20
MB = 1024 * 1024


class Postgres:
    """A cluster in `data`, reached through a Unix socket in `sockets`.

    `passwords` has one entry per role and one for SUPERUSER. `throwaway` gives up
    safety against a power cut, for clusters that live as long as one test run.
    """

    def __init__(
        self,
        *,
        tree: Path,
        data: Path,
        sockets: Path,
        user: OsUser,
        passwords: Mapping[str, str],
        throwaway: bool = False,
    ) -> None:
        self.tree = tree
        self.data = data
        self.sockets = sockets
        self.user = user
        self.passwords = passwords
        self.throwaway = throwaway
        self.log = data.parent / "postgres.log"

    def start(self) -> None:
        """Make the cluster when there is none; start it or adopt a running one."""
        if not (self.data / "made").exists():
            self._initialise()
        self._write_hba()
        if self.pid() is None:
            self._launch_patiently()
        else:
            self._wait(None)
            self._reload()
        if not self.is_made():
            self._make_roles()

    def is_made(self) -> bool:
        """Whether the cluster has its roles and databases."""
        return (self.data / "roles").exists()

    def pid(self) -> int | None:
        """The pid of this cluster's server, or None when it does not run."""
        return live_pid(self.data / "postmaster.pid", "postgres", str(self.data))

    def stop(self) -> None:
        """Stop the server; connections still open are ended."""
        pid = self.pid()
        if pid is not None:
            # SIGINT is PostgreSQL's "fast" stop; SIGTERM would wait for sessions.
            stop_pid(pid, seconds=STOP_SECONDS, first=signal.SIGINT)

    def connect(
        self, database: str = "postgres", role: str = SUPERUSER
    ) -> psycopg.Connection:
        """A connection in autocommit; the caller closes it."""
        return psycopg.connect(
            host=str(self.sockets),
            port=PORT,
            user=role,
            password=self.passwords[role],
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def _initialise(self) -> None:
        if self.data.exists():
            # Without "made" an earlier initdb was interrupted: nothing is in it yet.
            shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        self.user.own(self.data)
        password_file = self.data.parent / "superuser.password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords[SUPERUSER] + "\n")
        self.user.own(password_file)
        command = [
            str(self.tree / "bin" / "initdb"),
            f"--pgdata={self.data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
        ] + (["--no-sync"] if self.throwaway else [])
        try:
            made = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                cwd=self.data,
                env=self._environment(),
                **self.user.popen(),  # type: ignore[call-overload]
            )
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise ServerFailed(f"initdb failed:\n{made.stderr[-2000:]}")
        self._write("postgresql.auto.conf", self._configuration())
        self._write("made", "")

    def _configuration(self) -> str:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MB
        shared = 256 if self.throwaway else max(128, min(896, memory // 8))
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": self.sockets,
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
            "max_connections": 100,
            # Whole-population loads and reads; a load of any size stays below 2 GiB,
            # of which the loader takes 0.7.
            "shared_buffers": f"{shared}MB",
            "effective_cache_size": f"{max(256, memory // 2)}MB",
            "work_mem": "64MB",
            "maintenance_work_mem": "512MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "random_page_cost": 1.1,
            "jit": "off",
            # No replica reads the log, so bulk loads need not write rows twice.
            "wal_level": "minimal",
            "max_wal_senders": 0,
            # A statement or a failing row may hold a name or an NHS number.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_line_prefix": "%m [%p] %u@%d ",
        }
        shared_memory = Path("/dev/shm")
        if shared_memory.is_dir():
            found = os.statvfs(shared_memory)
            if found.f_frsize * found.f_blocks < 512 * MB:
                # Containers give 64 MB: parallel queries would fail there.
                settings["dynamic_shared_memory_type"] = "mmap"
        if self.throwaway:
            settings |= {"fsync": "off", "full_page_writes": "off"}
            settings |= {"synchronous_commit": "off", "autovacuum_naptime": "10min"}
        return "".join(f"{name} = '{value}'\n" for name, value in settings.items())

    def _write_hba(self) -> None:
        self._write("pg_hba.conf", roles.hba(SUPERUSER))
        # A moved checkout has other socket folders: rewritten at each start.
        if self.pid() is None:
            self._write("postgresql.auto.conf", self._configuration())

    def _write(self, name: str, content: str) -> None:
        path = self.data / name
        path.touch(mode=0o600)
        path.write_text(content)
        self.user.own(path)

    def _launch_patiently(self) -> None:
        # A killed server's sessions end a moment after it, and until the last has
        # gone PostgreSQL refuses to start beside them.
        for _ in range(ORPHAN_TRIES):
            try:
                self._launch()
                return
            except ServerFailed as error:
                if "shared memory block" not in str(error):
                    raise
                time.sleep(1.0)
        self._launch()

    def _launch(self) -> None:
        # No live server of ours: what a crash or a kill left would block the start.
        for stale in (
            self.data / "postmaster.pid",
            self.sockets / f".s.PGSQL.{PORT}",
            self.sockets / f".s.PGSQL.{PORT}.lock",
        ):
            stale.unlink(missing_ok=True)
        with fresh_log(self.log).open("wb") as log:
            server = subprocess.Popen(
                [str(self.tree / "bin" / "postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                env=self._environment(),
                # A session of its own: Ctrl-C at the terminal must not reach it.
                start_new_session=True,
                **self.user.popen(),  # type: ignore[call-overload]
            )
        self._wait(server.pid)

    def _wait(self, started: int | None) -> None:
        def failed() -> str | None:
            pid = started or self.pid()
            gone = pid is None or not is_running(pid)
            return "the server ended while starting" if gone else None

        wait_until(
            self._answers,
            seconds=START_SECONDS,
            failed=failed,
            what="PostgreSQL did not start",
            log=self.log,
        )

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServerFailed(
                    "PostgreSQL runs but refuses the kept password: the secrets and "
                    f"the data in {self.data} do not belong together. "
                    "`./run demo --rebuild` makes both anew."
                ) from error
            return False
        return True

    def _reload(self) -> None:
        with self.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")

    def _make_roles(self) -> None:
        with self.connect() as connection:
            # An interrupted earlier try may have made some of them.
            for database in roles.OWNERS:
                connection.execute(f"DROP DATABASE IF EXISTS {database}")
            for role in roles.ROLES:
                connection.execute(f"DROP ROLE IF EXISTS {role}")
            for statement in roles.cluster_statements(self.passwords):
                connection.execute(statement)
        for database in roles.OWNERS:
            with self.connect(database) as connection:
                for statement in roles.database_statements(database):
                    connection.execute(statement)
        self._write("roles", "")

    def _environment(self) -> dict[str, str]:
        # Nothing of the caller's: PGDATA and the like would steer another cluster.
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
