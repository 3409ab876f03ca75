"""A number's column as sets of people by value: a range is the difference of two.

A count of things: for each value who has it or more. An age, a cost or a measurement
has too many values for that: there a column of codes in the order of `person_no` is
compared whole, which takes half a millisecond for 1.5 million people and is exact as
well, whatever was typed.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from segmentation.cohorts.steps.containers import (
    BLOCK_BITS,
    BLOCK_BYTES,
    Bits,
    Ids,
    bitmap_of_bits,
    bitmap_of_mask,
    bitmap_of_sorted,
    chosen,
    ids_of,
)

Numbers = NDArray[np.float32]
Codes = NDArray[np.uint8] | NDArray[np.uint16]
Code = np.uint8 | np.uint16 | np.float32
# "Value or more" is nearly everyone for low values and nearly nobody for high ones: up
# to here a set for each takes no more than the column itself. An age has a hundred
# values, and sets of them would take five times as much as its codes.
MOST_STEPS = 32
# One byte each; beyond, two.
MOST_SHORT_CODES = 255
MOST_CODES = 65_535
# A scope of fewer people than a sixteenth is asked one by one.
FEW = 16


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
    codes: Codes = np.zeros(len(column), dtype=np.uint16)
    if len(levels) <= MOST_SHORT_CODES:
        codes = np.zeros(len(column), dtype=np.uint8)
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
        return bitmap_of_bits(self._bits(*self._codes(low, high)))

    def within(self, scope: BitMap, low: float | None, high: float | None) -> BitMap:
        """Return who of a scope has a number from `low` to under `high`."""
        first, end = self._codes(low, high)
        if len(scope) * FEW > len(self.known):
            return chosen(scope, self._bits(first, end))
        if scope and scope.max() >= len(self.codes):
            scope = scope & self.known
        ids = ids_of(scope)
        codes = self.codes[ids]
        found = codes >= first
        return bitmap_of_sorted(ids[found if end is None else found & (codes < end)])

    def _codes(self, low: float | None, high: float | None) -> tuple[Code, Code | None]:
        """Return a range in codes: the first, and the one after the last."""
        if self.levels is None:
            first = np.float32(-np.inf if low is None else low)
            return first, None if high is None else np.float32(high)
        start, end = 1, len(self.levels) + 1
        if low is not None:
            start += int(np.searchsorted(self.levels, np.float32(low)))
        if high is not None:
            end = 1 + int(np.searchsorted(self.levels, np.float32(high)))
        code = self.codes.dtype.type
        if start >= end:
            return code(1), code(1)
        return code(start), None if end > len(self.levels) else code(end)

    def _bits(self, first: Code, end: Code | None) -> Bits:
        """Compare everybody's code with a range, a block of them at a time.

        A block stays in the processor's own memory until it is packed.
        """
        blocks = -(-len(self.codes) // BLOCK_BITS)
        rows = np.zeros((blocks, BLOCK_BYTES), dtype=np.uint8)
        masks = np.empty((2, BLOCK_BITS), dtype=np.bool_)
        for row, start in zip(rows, range(0, len(self.codes), BLOCK_BITS), strict=True):
            codes = self.codes[start : start + BLOCK_BITS]
            mask, under = masks[:, : len(codes)]
            np.greater_equal(codes, first, out=mask)
            if end is not None:
                np.less(codes, end, out=under)
                mask &= under
            packed = np.packbits(mask, bitorder="little")
            row[: len(packed)] = packed
        return rows.view(np.uint64)

    def total(self, people: BitMap) -> float:
        """Return the sum over a set of people; unknown values add nothing."""
        codes = self.codes[ids_of(people & self.known)]
        if self.levels is None:
            return float(codes.sum(dtype=np.float64))
        return float(self.levels[codes.astype(np.int64) - 1].sum(dtype=np.float64))

    def contributors(self, people: BitMap) -> BitMap:
        """Return who of a set has a number other than zero."""
        tiny = float(np.finfo(np.float32).tiny)
        return (people & self.known) - self.between(0.0, tiny)
