"""64-bit keys of a file, any number of them, in sorted runs of which few are in memory.

A run is what sorting at once costs little; runs beyond IN_MEMORY keys lie in a file
without a name, which no kill can leave behind, and are read where they are asked.
"""

import mmap
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
RUN = 1 << 22
IN_MEMORY = 1 << 24
PAGE = mmap.ALLOCATIONGRANULARITY


class KeyRuns:
    """Keys that are added, found again exactly, and read out by range."""

    def __init__(self) -> None:
        self.many = 0
        self._recent: list[Keys] = []
        self._runs: list[Keys] = []
        self._file: IO[bytes] | None = None
        self._mapped: list[mmap.mmap] = []

    def add(self, keys: Keys) -> None:
        """Remember keys; they may come more than once."""
        if not keys.size:
            return
        self.many += keys.size
        self._recent.append(np.sort(keys))
        if sum(batch.size for batch in self._recent) >= RUN:
            run = np.sort(np.concatenate(self._recent), kind="stable")
            self._runs.append(self._spilt(run) if self.many > IN_MEMORY else run)
            self._recent = []

    def held(self, keys: Keys) -> NDArray[np.bool_]:
        """For each key, whether it was added."""
        found = np.zeros(keys.size, dtype=np.bool_)
        order = np.argsort(keys)  # neighbours are looked up in neighbouring pages
        wanted = keys[order]
        for run in self._all():
            at = np.minimum(np.searchsorted(run, wanted), run.size - 1)
            found[order] |= run[at] == wanted
        self._let_go()
        return found

    def between(self, low: int, high: int) -> Keys:
        """The keys from `low` up to and with `high`, in no order."""
        cut = np.array([low, high], dtype=np.int64)
        parts = []
        for run in self._all():
            first = np.searchsorted(run, cut[0], side="left")
            last = np.searchsorted(run, cut[1], side="right")
            parts.append(np.array(run[first:last]))
        self._let_go()
        return np.concatenate([np.empty(0, dtype=np.int64), *parts])

    def batches(self) -> Iterator[Keys]:
        """All keys, run by run."""
        for run in self._all():
            yield run
            self._let_go()

    def _all(self) -> list[Keys]:
        return [*self._runs, *self._recent]

    def _spilt(self, run: Keys) -> Keys:
        """Write a run to the file and return it as it stands there."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
        # A mapping begins at a page.
        begun = -(-self._file.seek(0, 2) // PAGE) * PAGE
        self._file.seek(begun)
        self._file.write(memoryview(run))
        self._file.flush()
        self._mapped.append(
            mmap.mmap(
                self._file.fileno(), run.nbytes, access=mmap.ACCESS_READ, offset=begun
            )
        )
        return np.frombuffer(self._mapped[-1], dtype=np.int64)

    def _let_go(self) -> None:
        """Let the pages go that were read: they are the file's, not ours."""
        for mapped in self._mapped:
            mapped.madvise(mmap.MADV_DONTNEED)
