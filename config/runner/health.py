"""`python -m config.runner.health PROCESS`: is it answering? For container platforms.

Without Django, so that a check every few seconds costs little. Exit code 0 is well,
1 is not, with the reason on one line.
"""

import http.client
import os
import socket
import sys
import time
from pathlib import Path

from celery import Celery

from config.environment import broker, required

PORT = 8000
VAULT_SOCKET = "/vault/vault.sock"
ANSWER_SECONDS = 5.0
# Celery's beat writes its schedule every three minutes.
OLDEST_SCHEDULE_SECONDS = 600.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("vault", timeout=ANSWER_SECONDS)
        self.path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_SECONDS)
        self.sock.connect(self.path)


def web(address: str = "") -> str | None:
    """None when pages are served, else the reason. `address` is PORT or HOST:PORT."""
    host, _, port = (address or str(PORT)).rpartition(":")
    return _answers(
        http.client.HTTPConnection(host or "127.0.0.1", int(port), ANSWER_SECONDS)
    )


def vault(path: str = "") -> str | None:
    """None when the service answers and its worker does, else the reason."""
    return _answers(UnixConnection(path or VAULT_SOCKET)) or worker("vault")


def worker(queue: str = "") -> str | None:
    """None when this host's worker of the queue answers, else the reason."""
    name = f"{queue or 'default'}@{socket.gethostname()}"
    url = broker(required("REDIS_URL", "the broker's address"))
    with Celery(broker=url) as app:
        found = app.control.ping(destination=[name], timeout=ANSWER_SECONDS)
    return None if found else f"{name} does not answer"


def beat(folder: str = "") -> str | None:
    """None when the clock wrote its schedule lately, else the reason."""
    home = Path(folder or os.environ.get("CATCHMENT_HOME", "/data"))
    written = [path.stat().st_mtime for path in home.glob("beat-schedule*")]
    if not written:
        return f"no schedule in {home}"
    age = time.time() - max(written)
    return None if age < OLDEST_SCHEDULE_SECONDS else f"schedule {age:.0f} s old"


CHECKS = {"web": web, "worker": worker, "beat": beat, "vault": vault}


def _answers(connection: http.client.HTTPConnection) -> str | None:
    try:
        connection.request("GET", "/", headers={"Host": "localhost"})
        status = connection.getresponse().status
    except OSError as error:
        return f"no answer: {error}"
    finally:
        connection.close()
    # A refusal is an answer: who may see what is not this check's affair.
    return None if status < 500 else f"answers with {status}"


if __name__ == "__main__":
    trouble = CHECKS[sys.argv[1]](*sys.argv[2:])
    if trouble:
        sys.exit(trouble)
