"""Small help with server processes: is this pid ours, wait until ready, stop."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


class ServerFailed(RuntimeError):
    """An embedded server did not start or did not stop; the message ends in its log."""


def command_line(pid: int) -> str:
    """The command line of a process, or "" when there is no such process."""
    proc = Path(f"/proc/{pid}/cmdline")
    if proc.parent.parent.joinpath("self").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    shown = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout.strip()


def live_pid(pid_file: Path, *marks: str) -> int | None:
    """The pid in `pid_file` if that process runs and its command line bears `marks`.

    A pid file alone proves nothing: after a crash the number may be anyone's.
    """
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    shown = command_line(pid)
    return pid if shown and all(mark in shown for mark in marks) else None


def wait_until(
    ready: Callable[[], bool],
    *,
    seconds: float,
    failed: Callable[[], str | None],
    what: str,
    log: Path,
) -> None:
    """Wait until `ready()`; raise ServerFailed when `failed()` gives a reason."""
    deadline = time.monotonic() + seconds
    while not ready():
        reason = failed()
        if reason is None and time.monotonic() > deadline:
            reason = f"no answer within {seconds:.0f} seconds"
        if reason is not None:
            raise ServerFailed(f"{what}: {reason}.\n{tail(log)}")
        time.sleep(0.05)


def stop_pid(pid: int, *, seconds: float, first: int = signal.SIGTERM) -> None:
    """Ask a process to end, and end it when it has not within `seconds`."""
    try:
        os.kill(pid, first)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_running(pid):
                return
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def is_running(pid: int) -> bool:
    """Whether the process exists; a finished child of ours is collected first."""
    try:
        collected, _ = os.waitpid(pid, os.WNOHANG)
        if collected == pid:
            return False
    except ChildProcessError:
        # Not our child: started by an earlier command and adopted.
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, or a word that there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return f"(no log at {log})"


def fresh_log(log: Path) -> Path:
    """Keep one earlier log beside the new one."""
    if log.exists():
        log.replace(log.with_suffix(".before.log"))
    return log
