"""The processes that run for long: web, worker, beat and the vault's two."""

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from config.runner.session import Session, stop

WATCH_SECONDS = 0.2


@dataclass(frozen=True)
class Service:
    """One child: the process it plays (its secrets), and what Python runs."""

    name: str
    process: str
    arguments: Sequence[str] = field(default_factory=tuple)


def web(port: int, host: str = "127.0.0.1") -> list[Service]:
    """Pages and API. Two processes of four threads, for two cores."""
    return [
        Service(
            "web",
            "web",
            [
                *("-m", "gunicorn", "config.wsgi"),
                *("--bind", f"{host}:{port}", "--workers", "2", "--threads", "4"),
                *("--timeout", "120", "--graceful-timeout", "20"),
                # A cohort of many criteria is an address of several thousand letters.
                *("--limit-request-line", "8190"),
            ],
        )
    ]


def worker() -> list[Service]:
    """The shards' worker. Threads, never forks: Polars in a forked child hangs."""
    return [Service("worker", "worker", _celery("default", "threads", concurrency=2))]


def beat(session: Session) -> list[Service]:
    """The clock that starts the nightly order and resumes what stalled."""
    folder = session.home
    folder.mkdir(parents=True, exist_ok=True)
    schedule = folder / "beat-schedule"
    return [
        Service(
            "beat",
            "beat",
            [
                *("-m", "celery", "-A", "config", "beat", "--loglevel", "WARNING"),
                *("--schedule", str(schedule), "--pidfile", ""),
            ],
        )
    ]


def vault(session: Session, bind: str | None = None) -> list[Service]:
    """Re-identification over a Unix socket, and the vault zone's own worker."""
    if bind is None:
        if session.servers is None:
            raise ValueError("With servers of your own, say where: ./run vault --bind")
        bind = f"unix:{session.servers.vault_socket}"
    return [
        Service(
            "vault",
            "vault",
            [
                *("-m", "gunicorn", "config.vault_wsgi", "--bind", bind),
                *("--workers", "1", "--threads", "4", "--umask", "0o177"),
            ],
        ),
        Service("vault-worker", "vault", _celery("vault", "solo")),
    ]


def _celery(queue: str, pool: str, concurrency: int | None = None) -> list[str]:
    words = ["-m", "celery", "-A", "config", "worker", "--queues", queue]
    words += ["--pool", pool, "--hostname", f"{queue}@%h", "--loglevel", "WARNING"]
    # Nothing here needs workers to know of each other, and it costs start-up time.
    words += ["--without-gossip", "--without-mingle"]
    return words + (["--concurrency", str(concurrency)] if concurrency else [])


class Running:
    """Started services; `watch` waits on them, leaving the block stops them."""

    def __init__(
        self, session: Session, services: Sequence[Service], *, logs: bool = False
    ) -> None:
        self.session = session
        self.services = services
        self.logs = logs
        self.children: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> "Running":
        try:
            for service in self.services:
                self.children[service.name] = self._start(service)
        except BaseException:
            stop(*self.children.values())
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stop(*self.children.values())

    def watch(self) -> int:
        """Wait until one service ends (its code, 1 for 0) or we are told to end."""
        while True:
            for name, child in self.children.items():
                if child.poll() is not None:
                    print(f"{name} ended with code {child.returncode}.", flush=True)
                    return child.returncode or 1
            time.sleep(WATCH_SECONDS)

    def _start(self, service: Service) -> subprocess.Popen[str]:
        if not self.logs:
            return self.session.popen(service.process, service.arguments, apart=True)
        folder = self.session.home / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / f"{service.name}.log").open("w") as log:
            return self.session.popen(
                service.process,
                service.arguments,
                stdout=log,
                stderr=subprocess.STDOUT,
                apart=True,
            )


def serve(session: Session, services: Sequence[Service]) -> int:
    """Run services in the foreground until Ctrl-C; returns the exit code."""
    with Running(session, services) as running:
        try:
            return running.watch()
        except KeyboardInterrupt:
            return 0


def wait_for_port(port: int, running: Running, seconds: float = 60.0) -> bool:
    """Wait until `port` answers; False when a service ended or none answered."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(child.poll() is not None for child in running.children.values()):
            return False
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(WATCH_SECONDS)
    return False


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            # As servers do it: a port that only waits out its last connection is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
