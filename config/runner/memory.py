"""How much memory our processes take together, sampled while they run.

Shared pages (PostgreSQL's buffers, libraries) are counted once: each process counts
its share of them, as Linux reports in smaps_rollup. Other systems have no such
figure; there the largest finished child stands for the whole.
"""

import os
import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

SAMPLE_SECONDS = 1.0
# Linux walks every page to tell a share: over a server's buffers that is slow, and the
# server waits for it. So looking never takes more than this part of the time.
LOOKING_SHARE = 0.03
PROC = Path("/proc")


class Sampler:
    """`with Sampler(also=…) as sampler:` then `sampler.peak_mb`, in MiB.

    Counts this process's descendants and those of the pids that `also` returns (the
    servers, which are nobody's children), every SAMPLE_SECONDS or less often.
    """

    def __init__(self, also: Callable[[], Iterable[int | None]] = tuple) -> None:
        self.also = also
        self.peak_mb = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        if not self.peak_mb:
            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            self.peak_mb = largest / (1024**2 if sys.platform == "darwin" else 1024)

    def _sample(self) -> None:
        pause = SAMPLE_SECONDS
        while not self._end.wait(pause):
            began = time.monotonic()
            roots = [os.getpid(), *(pid for pid in self.also() if pid)]
            kib = sum(share_kib(pid) for pid in with_descendants(roots))
            self.peak_mb = max(self.peak_mb, kib / 1024)
            took = time.monotonic() - began
            pause = max(SAMPLE_SECONDS, took / LOOKING_SHARE)


def with_descendants(roots: Iterable[int]) -> set[int]:
    """`roots` and all their children's children, by Linux's process table."""
    children = defaultdict(list)
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            # "pid (name) state parent …": the name may hold spaces and brackets.
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        children[int(parent)].append(int(stat.parent.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children[pid]
    return found


def share_kib(pid: int) -> int:
    """The process's own memory and its share of what it shares, in KiB; 0 if gone."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        # Ended meanwhile, or belongs to somebody we may not look into.
        return 0
    return 0
