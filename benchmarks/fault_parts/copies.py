"""Copies of a home's two databases, and the product's processes working on one."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from config.embedded.roles import OWNERS, copy_statements
from config.runner.services import worker
from config.runner.session import Session, child_environment, start


class Copy:
    """The databases of one round: made from the seed, dropped after it."""

    def __init__(self, session: Session, name: str) -> None:
        assert session.servers is not None
        self.session, self.servers, self.name = session, session.servers, name
        self.logs = session.home / "logs"
        self.logs.mkdir(mode=0o700, exist_ok=True)

    def environment(self, process: str) -> dict[str, str]:
        """What a process may know, its databases being the copy's."""
        given = {
            name: self._own(value) if name.endswith("DATABASE_URL") else value
            for name, value in self.servers.env(process).items()
        }
        return child_environment(given)

    def url(self, role: str) -> str:
        return self._own(self.servers.role_url(role))

    def _own(self, url: str) -> str:
        return re.sub(r"/(store|vault)\?", rf"/\1_{self.name}?", url)

    def run(self, process: str, *words: str) -> None:
        """Run a program of ours to its end; RuntimeError where it fails."""
        child = self.start(process, *words)
        if child.wait():
            raise RuntimeError(f"{' '.join(words)} failed: {self.told(words)}")

    def start(self, process: str, *words: str) -> "subprocess.Popen[str]":
        """Start a program of ours; what it says goes to a file."""
        with self._log(words).open("a") as log:
            return start(
                words, self.environment(process), stdout=log, stderr=log, apart=True
            )

    def worker(self) -> "subprocess.Popen[str]":
        (service,) = worker()
        return self.start(service.process, *service.arguments)

    def told(self, words: Sequence[str]) -> str:
        """The last that a program said."""
        return self._log(words).read_text()[-2000:]

    def _log(self, words: Sequence[str]) -> Path:
        name = re.sub(r"[^a-z_]+", "-", " ".join(words[:2]).lower())
        return self.logs / f"{self.name}{name}.log"

    def backends(self) -> list[int]:
        """The server's processes that work for the copy."""
        with self.servers.postgres.connect() as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = ANY(%s)"
                " AND pid <> pg_backend_pid() ORDER BY pid",
                [[f"{database}_{self.name}" for database in OWNERS]],
            ).fetchall()
        return [pid for (pid,) in rows]


@contextmanager
def copied(session: Session, name: str) -> Iterator[Copy]:
    """Copy the databases, with rights and settings, for a while."""
    copy = Copy(session, name)
    with copy.servers.postgres.connect() as connection:
        for database in OWNERS:
            _drop(connection, f"{database}_{name}")
            for statement in copy_statements(database, name):
                connection.execute(statement)
        # As on the original, where a server's death could lose what was committed.
        connection.execute(
            f"ALTER ROLE loader IN DATABASE store_{name} SET synchronous_commit = off"
        )
    try:
        yield copy
    finally:
        with suppress(psycopg.OperationalError), copy.servers.postgres.connect() as c:
            for database in OWNERS:
                _drop(c, f"{database}_{name}")


def _drop(connection: psycopg.Connection, database: str) -> None:
    connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
