"""The embedded PostgreSQL and Valkey of one home folder, shared by every command.

Several commands may use one home at a time (`./run web` beside `./run worker`). Each
holds a shared lock while it needs the servers; the last to leave stops them. The
kernel drops a killed command's lock, so no count can leak.
"""

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType

from config.embedded import binaries
from config.embedded.keys import PROCESSES, Keys, dotenv, write_closed
from config.embedded.places import places
from config.embedded.postgres import Postgres
from config.embedded.roles import ROLES
from config.embedded.valkey import Valkey


class ServersInUse(RuntimeError):
    """Somebody else's command still works on the servers that should go."""


class Servers:
    """`with Servers(home) as servers: servers.env("web")`.

    `throwaway` makes servers for a single test run: faster, unsafe in a power cut.
    Raises ServerMissing or ServerFailed with a message for the person at the terminal.
    """

    def __init__(self, home: Path, *, throwaway: bool = False) -> None:
        tree = binaries.postgres_tree()
        self.places = places(home, tree)
        self.keys = Keys(self.places.secrets)
        data = self.places.data / "postgres"
        if self.keys.new and data.exists():
            # The home was removed and its data, kept elsewhere, was left behind:
            # without its passwords nobody can ever open it again.
            self._wipe_data()
        self.keys.save()
        programs = self.places.programs
        self.postgres = Postgres(
            tree=binaries.copy_postgres(programs) if programs else tree,
            data=data,
            sockets=self.places.sockets,
            user=self.places.user,
            passwords=self.keys.passwords,
            throwaway=throwaway,
        )
        program = binaries.copy_valkey(programs) if programs else None
        self.valkey = Valkey(
            program=program or binaries.valkey_server(),
            data=self.places.data / "valkey",
            sockets=self.places.sockets,
            user=self.places.user,
            password=self.keys.passwords["valkey"],
        )
        self._use: int | None = None

    @property
    def home(self) -> Path:
        """The folder everything of this installation belongs to."""
        return self.places.home

    @property
    def vault_socket(self) -> Path:
        """Where the vault's service listens, in a folder closed to others."""
        return self.places.vault_socket

    def cut_into(self, shards: int) -> None:
        """Have a store that is not made yet made with this many shards."""
        if self.exist():
            raise ValueError(f"The store in {self.home} is cut already.")
        write_closed(self._shards, str(shards))

    def exist(self) -> bool:
        """Whether the databases were made by an earlier start."""
        return self.postgres.is_made()

    def start(self) -> None:
        """Start both servers or join those that run; write the secret files."""
        gate = self._lock("start.lock", fcntl.LOCK_EX)
        try:
            for process in PROCESSES:
                write_closed(
                    self.places.secrets / f"{process}.env", dotenv(self.env(process))
                )
            self.postgres.start()
            self.valkey.start()
            self._use = self._lock("use.lock", fcntl.LOCK_SH)
        finally:
            os.close(gate)

    def stop(self) -> bool:
        """Leave; returns True when this was the last user and the servers stopped."""
        gate = self._lock("start.lock", fcntl.LOCK_EX)
        try:
            if self._use is not None:
                os.close(self._use)
                self._use = None
            try:
                alone = self._lock("use.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self.valkey.stop()
            self.postgres.stop()
            os.close(alone)
            return True
        finally:
            os.close(gate)

    def env(self, process: str) -> dict[str, str]:
        """What one process (web, worker, beat, vault, migrator) may know."""
        known = self.keys.environment(
            process,
            home=self.home,
            sockets=self.places.sockets,
            vault_socket=self.vault_socket,
        )
        if self._shards.exists():
            known["CATCHMENT_SHARDS"] = self._shards.read_text()
        return known

    def role_url(self, role: str, database: str | None = None) -> str:
        """A connection string of one database role, for tests of the walls.

        Without `database` it is the one that the role belongs to.
        """
        return self.keys.database_url(
            role, database or ROLES[role][0], self.places.sockets
        )

    def wipe(self) -> None:
        """Remove both databases and the queue; the next start makes them anew.

        Raises ServersInUse while another command uses them.
        """
        self.refuse_if_used()
        self._wipe_data()

    def refuse_if_used(self) -> None:
        """Stop the servers; raises ServersInUse while another command uses them."""
        if not self.stop():
            raise ServersInUse(
                f"Another ./run command is using the servers in {self.home}; "
                "stop it first."
            )

    @property
    def _shards(self) -> Path:
        return self.places.secrets / "shards"

    def _wipe_data(self) -> None:
        self._shards.unlink(missing_ok=True)
        for name in ("postgres", "valkey"):
            shutil.rmtree(self.places.data / name, ignore_errors=True)

    def _lock(self, name: str, kind: int) -> int:
        # The descriptor is not inherited, so a child never keeps the lock alive.
        path = self.places.secrets / name
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, kind)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def __enter__(self) -> "Servers":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
