"""Which row keys of a file were met in its earlier batches, exactly and at little cost.

A table of bits, one probe a key, tells almost every new key at once: with so many keys
met that the table must grow, one in 16 new ones looks known. Only those are searched
for among the sorted keys. A join with all that was met cost as much as reading the
batch did.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from linkage.key_runs import KeyRuns, Keys

BITS = 1 << 28
MOST_BITS = 1 << 32
BITS_A_KEY = 16  # at least, until the table is as large as it may be


class MetKeys:
    """The keys met so far; each batch is added once, after it was asked about."""

    def __init__(self) -> None:
        self.keys = KeyRuns()
        self._bits: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)

    def held(self, keys: pl.Series) -> pl.Series:
        """For each key, whether an earlier batch had it."""
        asked = keys.to_numpy()
        found = np.zeros(len(asked), dtype=np.bool_)
        if self.keys.many:
            place, bit = self._places(asked)
            maybe = np.flatnonzero(self._bits[place] & bit)
            found[maybe] = self.keys.held(asked[maybe])
        return pl.Series(found)

    def add(self, keys: pl.Series) -> None:
        """Remember a batch's keys."""
        met = keys.to_numpy()
        self.keys.add(met)
        wanted = self._wanted()
        if self._bits.size * 8 == wanted:
            self._note(met)
            return
        self._bits = np.zeros(wanted // 8, dtype=np.uint8)
        for batch in self.keys.batches():
            self._note(batch)

    def _wanted(self) -> int:
        """How many bits the table should have for so many keys."""
        if not self.keys.many:
            return 0
        bits = 1 << (self.keys.many * BITS_A_KEY - 1).bit_length()
        return min(max(bits, BITS), MOST_BITS)

    def _note(self, keys: Keys) -> None:
        place, bit = self._places(keys)
        np.bitwise_or.at(self._bits, place, bit)

    def _places(self, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """The byte and the bit of each key; the keys are well mixed."""
        low = keys & (self._bits.size * 8 - 1)
        return low >> 3, np.left_shift(1, low & 7).astype(np.uint8)
