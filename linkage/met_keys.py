"""Which row keys of a file were met in its earlier batches, exactly and at little cost.

A table of bits, one probe a key, tells almost every new key at once: with ten million
keys met, one in 27 new ones looks known. Only those are searched for among the sorted
keys of each batch. A join with all that was met cost as much as reading the batch did.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

BITS = 1 << 28
Keys = NDArray[np.int64]


class MetKeys:
    """The keys met so far; each batch is added once, after it was asked about."""

    def __init__(self) -> None:
        self._bits: NDArray[np.uint8] | None = None
        self._batches: list[Keys] = []

    def held(self, keys: pl.Series) -> pl.Series:
        """For each key, whether an earlier batch had it."""
        asked = keys.to_numpy()
        found = np.zeros(len(asked), dtype=np.bool_)
        if self._bits is not None:
            place, bit = _places(asked)
            maybe = np.flatnonzero(self._bits[place] & bit)
            wanted = asked[maybe]
            for batch in self._batches:
                at = np.minimum(np.searchsorted(batch, wanted), len(batch) - 1)
                found[maybe] |= batch[at] == wanted
        return pl.Series(found)

    def add(self, keys: pl.Series) -> None:
        """Remember a batch's keys."""
        if keys.is_empty():
            return
        met = keys.to_numpy()
        if self._bits is None:
            self._bits = np.zeros(BITS // 8, dtype=np.uint8)
        place, bit = _places(met)
        np.bitwise_or.at(self._bits, place, bit)
        self._batches.append(np.sort(met))


def _places(keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The byte and the bit of each key; the keys are well mixed."""
    low = keys & (BITS - 1)
    return low >> 3, np.left_shift(1, low & 7).astype(np.uint8)
