"""The servers a command works on: real ones when given, else the embedded ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

from config.embedded.keys import NAMES
from config.embedded.servers import Servers
from config.runner.demo_notes import Notes

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = sys.executable
# By its path, not as a module: importing our packages would cost each child half a
# second before its own program begins.
CHILD = Path(__file__).with_name("child.py")
GRACE_SECONDS = 60.0
# For what opens no database: settings refuse to load without an address.
NOWHERE = {
    "CATCHMENT_PROCESS": "migrator",
    "CATCHMENT_SECRET_KEY": "unused",
    "DATABASE_URL": "postgresql://nobody@/store?host=/nonexistent",
    "VAULT_DATABASE_URL": "postgresql://nobody@/vault?host=/nonexistent",
}


class Session:
    """`with Session(home) as session: session.run("worker", ["manage.py", …])`.

    With DATABASE_URL in the environment every process gets the environment as given,
    one process's worth of secrets, and nothing is started.
    """

    def __init__(self, home: Path, *, throwaway: bool = False) -> None:
        self.home = home
        self.servers = (
            None if uses_real_servers() else Servers(home, throwaway=throwaway)
        )

    def environment(self, process: str | None) -> dict[str, str]:
        """The whole environment of a child that plays `process`.

        None is a program of no process: it gets no connection and no key at all.
        """
        if process is None:
            return child_environment({})
        if self.servers is None:
            given = {"CATCHMENT_PROCESS": os.environ.get("CATCHMENT_PROCESS", process)}
            return child_environment(given, keep_secrets=True)
        # A demo's accounts sign in with a password alone; nobody else's do.
        demo = {"CATCHMENT_DEMO": "yes"} if Notes(self.home).is_demo() else {}
        return child_environment(demo | self.servers.env(process))

    def popen(
        self,
        process: str | None,
        arguments: Sequence[str],
        *,
        stdout: int | IO[str] | None = None,
        stderr: int | IO[str] | None = None,
        apart: bool = False,
    ) -> subprocess.Popen[str]:
        """Start a Python program of ours as `process`.

        `apart`: Ctrl-C at the terminal does not reach it; the caller stops it.
        """
        return start(
            arguments,
            self.environment(process),
            stdout=stdout,
            stderr=stderr,
            apart=apart,
        )

    def run(self, process: str, arguments: Sequence[str]) -> int:
        """Run a Python program of ours as `process`; returns its exit code."""
        return wait_for(self.popen(process, arguments))

    def __enter__(self) -> "Session":
        if self.servers is not None:
            self.servers.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.servers is not None:
            self.servers.stop()


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdout: int | IO[str] | None = None,
    stderr: int | IO[str] | None = None,
    apart: bool = False,
) -> subprocess.Popen[str]:
    """Start `python ARGUMENTS…` in the checkout, tied to this process's life."""
    tied = [PYTHON, str(CHILD), str(os.getpid()), PYTHON]
    return subprocess.Popen(
        [*tied, *arguments],
        cwd=ROOT,
        env=dict(environment),
        text=True,
        stdout=stdout,
        stderr=stderr,
        start_new_session=apart,
    )


def uses_real_servers() -> bool:
    """Whether the caller's environment names servers of its own."""
    return bool(os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"))


def child_environment(
    given: Mapping[str, str], *, keep_secrets: bool = False
) -> dict[str, str]:
    """The caller's environment without any process's secrets, plus `given`."""
    secret = set() if keep_secrets else {*NAMES, *(f"{name}_FILE" for name in NAMES)}
    kept = {name: value for name, value in os.environ.items() if name not in secret}
    kept.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # A worker does two shards at a time. Were each of them to start as many threads of
    # BLAS as there are cores, they would spin waiting for one another: a regression on
    # 23,000 people took 1.9 processor seconds on two threads and 0.3 on one.
    kept.setdefault("OPENBLAS_NUM_THREADS", "1")
    return kept | {"PYTHONUNBUFFERED": "1", **given}


def wait_for(child: subprocess.Popen[str]) -> int:
    """Wait for a child; when we are told to end, end it first."""
    try:
        return child.wait()
    except (KeyboardInterrupt, SystemExit):
        # Ctrl-C reached the child too (same terminal); a SIGTERM reached only us.
        stop(child)
        raise


def stop(*children: subprocess.Popen[str]) -> None:
    """Ask children to end, all at once, and kill those that do not in time."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def end_on_signals() -> None:
    """Make SIGTERM and SIGHUP end us as Ctrl-C does, so that servers are stopped.

    Which of them it was is said: a long command would seem to have ended by itself.
    Under nohup SIGHUP stays ignored.
    """

    def end(number: int, frame: FrameType | None) -> None:
        # A second one must not break into the orderly stop of the first.
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        with suppress(OSError):  # the terminal may be what is gone
            os.write(2, f"Told to end by {signal.Signals(number).name}.\n".encode())
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, end)
