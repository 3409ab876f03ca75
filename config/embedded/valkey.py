"""One Valkey of the product's own: the queue's broker, behind a Unix socket."""

import subprocess
from pathlib import Path

import redis

from config.embedded.places import OsUser
from config.embedded.process import (
    ServerFailed,
    fresh_log,
    is_running,
    live_pid,
    stop_pid,
    wait_until,
)

START_SECONDS = 60.0
STOP_SECONDS = 60.0


class Valkey:
    """A server that keeps its data in `data` and answers on `sockets`/valkey.sock.

    What it holds is work in hand, never data: losing it costs time only.
    """

    def __init__(
        self, *, program: Path, data: Path, sockets: Path, user: OsUser, password: str
    ) -> None:
        self.program = program
        self.data = data
        self.socket = sockets / "valkey.sock"
        self.user = user
        self.password = password
        self.log = data.parent / "valkey.log"
        self.configuration = data / "valkey.conf"
        self.pid_file = data / "valkey.pid"

    def start(self) -> None:
        """Start the server, or adopt the one that runs already."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.user.own(self.data)
        if self.pid() is None:
            self._launch()
        wait_until(
            self._answers,
            seconds=START_SECONDS,
            failed=lambda: None if self.pid() else "the server ended while starting",
            what="Valkey did not start",
            log=self.log,
        )

    def pid(self) -> int | None:
        """The pid of this server, or None when it does not run."""
        # The server shows its socket, not its file, once it has renamed itself.
        pid = live_pid(self.pid_file, "valkey-server")
        return pid if pid is not None and is_running(pid) else None

    def stop(self) -> None:
        """Stop the server; it saves to its folder first."""
        pid = self.pid()
        if pid is not None:
            stop_pid(pid, seconds=STOP_SECONDS)

    def _launch(self) -> None:
        # The password stands in a closed file, not on a command line all can list.
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(
            f"port 0\nunixsocket {self.socket}\nunixsocketperm 700\n"
            f"requirepass {self.password}\ndir {self.data}\n"
            "appendonly no\nsave 60 1\ndaemonize no\n"
            # A full broker must refuse work aloud, never drop a task in silence.
            "maxmemory 512mb\nmaxmemory-policy noeviction\n"
        )
        self.user.own(self.configuration)
        self.socket.unlink(missing_ok=True)
        with fresh_log(self.log).open("wb") as log:
            server = subprocess.Popen(
                [str(self.program), str(self.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                **self.user.popen(),  # type: ignore[call-overload]
            )
        self.pid_file.write_text(f"{server.pid}\n")

    def _answers(self) -> bool:
        client = redis.Redis(
            unix_socket_path=str(self.socket), password=self.password, socket_timeout=5
        )
        try:
            return bool(client.ping())
        except redis.AuthenticationError as error:
            raise ServerFailed("Valkey refuses the kept password.") from error
        except (redis.ConnectionError, redis.TimeoutError):
            # BusyLoadingError is one of these: it still reads its file.
            return False
        finally:
            client.close()
