"""What goes wrong: a process killed with signal 9, a server gone, a disk full."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import psycopg

from benchmarks.fault_parts.copies import Copy

DISK_MB = 3_000
FULL_SECONDS = 1.5


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk in memory at a folder; whether that was allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=711", "tmpfs"]
    done = subprocess.run([*command, str(folder)], capture_output=True, check=False)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


class Acts:
    """Seeded faults on one copy's processes; `counts` says how often which."""

    def __init__(self, rng: Random, disk: Path | None) -> None:
        self.rng, self.disk = rng, disk
        self.counts: dict[str, int] = {}

    @property
    def done(self) -> int:
        return sum(self.counts.values())

    def one(
        self,
        copy: Copy,
        child: "subprocess.Popen[str]",
        worker: "subprocess.Popen[str] | None",
    ) -> None:
        """Let one thing go wrong; servers stand again afterwards."""
        kinds = ["process"] * 6 + ["backend"] * 3 + ["server", "restart"]
        kinds += ["disk"] if self.disk else []
        kinds += ["worker"] * 4 + ["queue"] if worker else []
        kind = self.rng.choice(kinds)
        if kind == "process":
            kill(child.pid)
        elif kind == "worker" and worker is not None:
            kill(worker.pid)
            # Whoever waits for a dead worker's unit would wait for the clock.
            kill(child.pid)
        elif kind == "backend":
            backends = copy.backends()
            if not backends:
                return
            kill(self.rng.choice(backends))
        elif kind == "server":
            kill(copy.servers.postgres.pid())
        elif kind == "restart":
            copy.servers.postgres.stop()
        elif kind == "queue":
            kill(copy.servers.valkey.pid())
            for kept in (copy.servers.places.data / "valkey").glob("*.rdb"):
                kept.unlink()
            kill(child.pid)
        else:
            self._fill()
        self.counts[kind] = self.counts.get(kind, 0) + 1
        stand(copy)

    def _fill(self) -> None:
        """Leave no byte on the disk for a moment."""
        assert self.disk is not None
        ballast = self.disk / "ballast"
        free = shutil.disk_usage(self.disk).free
        with suppress(OSError), ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free, 1))
        time.sleep(FULL_SECONDS)
        ballast.unlink(missing_ok=True)


def stand(copy: Copy) -> None:
    """Bring both servers up again, and wait until recovery is over."""
    for _ in range(60):
        with suppress(psycopg.OperationalError, RuntimeError):
            copy.servers.postgres.start()
            copy.servers.valkey.start()
            copy.servers.postgres.connect().close()
            return
        time.sleep(0.5)
    raise RuntimeError("the servers did not come up again")


def kill(pid: int | None) -> None:
    """Signal 9 to one process of ours, if it is still there."""
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
