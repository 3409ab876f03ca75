"""A number's column as sets of people by value: a range is the difference of two.

An age, a count, a score of a hundred values: for each value who has it or more. A cost
or a measurement has as many values as people: there a column of codes in the order of
`person_no` is compared whole, which takes a millisecond for 1.5 million people and is
exact as well, whatever was typed.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

Numbers = NDArray[np.float32]
Ids = NDArray[np.uint32]
Codes = NDArray[np.uint16]
# "Value or more" is nearly everyone for low values and nearly nobody for high ones: up
# to here a set for each takes less than the column itself.
MOST_STEPS = 128
MOST_CODES = 65_535
# A scope of fewer people than a sixteenth is asked one by one, and a mask that holds
# fewer is written down one by one.
FEW = 16
BLOCK_BITS = 1 << 16
BLOCK_BYTES = BLOCK_BITS // 8
# Roaring's portable format (RoaringFormatSpec, GitHub): containers of more than 4,096
# members are bitsets of 8 KiB, smaller ones lists of 16-bit numbers.
MOST_LISTED = 4096
NO_RUNS_COOKIE = 12346


class ByNumber(Protocol):
    """The people of a release by one number."""

    @property
    def known(self) -> BitMap: ...
    def between(self, low: float | None, high: float | None) -> BitMap: ...
    def within(
        self, scope: BitMap, low: float | None, high: float | None
    ) -> BitMap: ...
    def total(self, people: BitMap) -> float: ...
    def contributors(self, people: BitMap) -> BitMap: ...


def by_number(people: Ids, numbers: Numbers) -> ByNumber:
    """Return people by a number aligned with them; NaN is not known."""
    levels = np.unique(numbers)
    levels = levels[~np.isnan(levels)]
    column = np.full(int(people[-1]) + 1 if len(people) else 0, np.nan, np.float32)
    column[people] = numbers
    if len(levels) <= MOST_STEPS:
        above = [bitmap_of_mask(column >= level) for level in levels]
        return Steps([float(level) for level in levels], above)
    known = bitmap_of_mask(~np.isnan(column))
    if len(levels) > MOST_CODES:
        return Dense(None, column, known)
    codes = np.zeros(len(column), dtype=np.uint16)
    # By the block: whole, the places alone would take twice the column.
    for start in range(0, len(column), BLOCK_BITS):
        block = column[start : start + BLOCK_BITS]
        places = np.searchsorted(levels, block) + 1
        codes[start : start + BLOCK_BITS] = np.where(np.isnan(block), 0, places)
    return Dense(levels, codes, known)


@dataclass(frozen=True)
class Steps:
    """Who has each value or more: `above` beside `values`, ascending."""

    values: list[float]
    above: list[BitMap]

    @property
    def known(self) -> BitMap:
        return self.above[0] if self.above else BitMap()

    def between(self, low: float | None, high: float | None) -> BitMap:
        """Return who has a number from `low` (inclusive) to under `high`."""
        found = self.known.copy() if low is None else self._at_least(low).copy()
        if high is not None:
            found -= self._at_least(high)
        return found

    def _at_least(self, value: float) -> BitMap:
        place = bisect_left(self.values, float(np.float32(value)))
        return self.above[place] if place < len(self.above) else BitMap()

    def within(self, scope: BitMap, low: float | None, high: float | None) -> BitMap:
        """Return who of a scope has a number from `low` to under `high`."""
        found = scope & (self.known if low is None else self._at_least(low))
        if high is not None:
            found -= self._at_least(high)
        return found

    def total(self, people: BitMap) -> float:
        """Return the sum over a set of people; unknown values add nothing.

        Whoever has a value or more adds its distance from the value below it.
        """
        below, found = 0.0, 0.0
        for value, above in zip(self.values, self.above, strict=True):
            found += (value - below) * people.intersection_cardinality(above)
            below = value
        return found

    def contributors(self, people: BitMap) -> BitMap:
        """Return who of a set has a number other than zero."""
        found = people & self.known
        if 0.0 in self.values:
            place = self.values.index(0.0)
            more = self.above[place + 1 : place + 2]
            found -= self.above[place] - BitMap.union(*more, BitMap())
        return found


@dataclass(frozen=True)
class Dense:
    """A code for each `person_no` from 0 on; 0 is not known, and n the nth level.

    With more levels than codes the numbers themselves stand there, NaN not known.
    """

    levels: Numbers | None
    codes: Codes | Numbers
    known: BitMap

    def between(self, low: float | None, high: float | None) -> BitMap:
        """Return who has a number from `low` (inclusive) to under `high`."""
        return bitmap_of_mask(self._chosen(self.codes, low, high))

    def _chosen(
        self, codes: Codes | Numbers, low: float | None, high: float | None
    ) -> NDArray[np.bool_]:
        """Whether each code lies in a range; one that is not known does not."""
        if self.levels is None:
            chosen = codes >= np.float32(-np.inf if low is None else low)
            return chosen if high is None else chosen & (codes < np.float32(high))
        first, last = 1, len(self.levels) + 1
        if low is not None:
            first += int(np.searchsorted(self.levels, np.float32(low)))
        if high is not None:
            last = 1 + int(np.searchsorted(self.levels, np.float32(high)))
        if first >= last:
            return np.zeros(len(codes), dtype=np.bool_)
        chosen = codes >= np.uint16(first)
        return chosen & (codes < np.uint16(last)) if high is not None else chosen

    def within(self, scope: BitMap, low: float | None, high: float | None) -> BitMap:
        """Return who of a scope has a number from `low` to under `high`."""
        if len(scope) * FEW > len(self.known):
            return scope & self.between(low, high)
        ids = _ids(scope & self.known)
        return bitmap_of_sorted(ids[self._chosen(self.codes[ids], low, high)])

    def total(self, people: BitMap) -> float:
        """Return the sum over a set of people; unknown values add nothing."""
        codes = self.codes[_ids(people & self.known)]
        if self.levels is None:
            return float(codes.sum(dtype=np.float64))
        return float(self.levels[codes.astype(np.int64) - 1].sum(dtype=np.float64))

    def contributors(self, people: BitMap) -> BitMap:
        """Return who of a set has a number other than zero."""
        tiny = float(np.finfo(np.float32).tiny)
        return (people & self.known) - self.between(0.0, tiny)


def _ids(people: BitMap) -> Ids:
    return np.frombuffer(people.to_array(), dtype=np.uint32)


def bitmap_of_mask(mask: NDArray[np.bool_]) -> BitMap:
    """Make a bitmap of a mask's positions: half a millisecond for 1.5 million."""
    if np.count_nonzero(mask) * FEW < len(mask):
        return bitmap_of_sorted(np.flatnonzero(mask).astype(np.uint32))
    packed = np.packbits(mask, bitorder="little")
    padded = np.zeros(-(-len(packed) // BLOCK_BYTES) * BLOCK_BYTES, dtype=np.uint8)
    padded[: len(packed)] = packed
    blocks = padded.reshape(-1, BLOCK_BYTES)
    sizes = np.bitwise_count(blocks.view(np.uint64)).sum(axis=1, dtype=np.int64)
    keys = np.flatnonzero(sizes)
    bodies = [
        blocks[key].tobytes() if sizes[key] > MOST_LISTED else _listed(blocks[key])
        for key in keys
    ]
    return _written(keys, sizes[keys], bodies)


def bitmap_of_sorted(ids: Ids) -> BitMap:
    """Make a bitmap of ascending numbers, several times as fast as one by one."""
    if not len(ids):
        return BitMap()
    keys = np.arange(int(ids[0]) >> 16, (int(ids[-1]) >> 16) + 1)
    ends = np.searchsorted(ids, np.append(keys, keys[-1] + 1).astype(np.int64) << 16)
    sizes = np.diff(ends)
    low = ids.astype("<u2")  # the lower half of each number
    held = np.flatnonzero(sizes)
    bodies = [
        low[ends[n] : ends[n + 1]].tobytes()
        if sizes[n] <= MOST_LISTED
        else _bitset(low[ends[n] : ends[n + 1]])
        for n in held
    ]
    return _written(keys[held], sizes[held], bodies)


def _listed(block: NDArray[np.uint8]) -> bytes:
    members = np.flatnonzero(np.unpackbits(block, bitorder="little"))
    return members.astype("<u2").tobytes()


def _bitset(members: NDArray[np.uint16]) -> bytes:
    mask = np.zeros(BLOCK_BITS, dtype=np.bool_)
    mask[members] = True
    return np.packbits(mask, bitorder="little").tobytes()


def _written(
    keys: NDArray[np.int64], sizes: NDArray[np.int64], bodies: list[bytes]
) -> BitMap:
    """Read containers back from roaring's own written form."""
    head = np.empty((len(keys), 2), dtype="<u2")
    head[:, 0], head[:, 1] = keys, sizes - 1
    first = 8 + 8 * len(keys)
    lengths = [len(body) for body in bodies]
    places = (first + np.cumsum([0, *lengths[:-1]])).astype("<u4")[: len(keys)]
    cookie = np.array([NO_RUNS_COOKIE, len(keys)], dtype="<u4")
    written = [cookie.tobytes(), head.tobytes(), places.tobytes(), *bodies]
    return BitMap.deserialize(b"".join(written))
