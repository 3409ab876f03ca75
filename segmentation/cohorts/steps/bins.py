"""A number's column as fine bins of people, so that a range is a union of bitmaps.

Every distinct value has its own bin where there are few; else edges lie at every
number of two or three significant digits, which is what people type, and at
quantiles. A range that begins or ends inside a bin is settled by the column itself.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from math import floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from linkage.steps.index import bitmap_of

Numbers = NDArray[np.float32]
Ids = NDArray[np.uint32]
MOST_BINS = 512
QUANTILES = 64


@dataclass(frozen=True)
class FineBins:
    """The people of a release by bins of one number, ascending.

    `lows[i]` is the least value of bin i and `highs[i]` its greatest, as they occur.
    """

    lows: list[float]
    highs: list[float]
    bins: list[BitMap]
    known: BitMap

    def between(
        self,
        low: float | None,
        high: float | None,
        values: Callable[[BitMap], tuple[Ids, Numbers]],
    ) -> BitMap:
        """Return who has a number from `low` (inclusive) to under `high`.

        `values` gives the people of a set and their numbers; it is asked only where
        an end of the range lies inside a bin.
        """
        first = 0 if low is None else bisect_left(self.highs, low)
        last = len(self.bins) if high is None else bisect_left(self.lows, high)
        if first >= last:
            return BitMap()
        cut = {
            n
            for n in {first, last - 1}
            if (low is not None and self.lows[n] < low)
            or (high is not None and self.highs[n] >= high)
        }
        whole = [n for n in range(first, last) if n not in cut]
        found = self._whole(whole)
        for n in cut:
            ids, numbers = values(self.bins[n])
            chosen = np.ones(len(ids), dtype=bool)
            if low is not None:
                chosen &= numbers >= np.float32(low)
            if high is not None:
                chosen &= numbers < np.float32(high)
            found |= bitmap_of(ids[chosen])
        return found

    def _whole(self, chosen: list[int]) -> BitMap:
        """Unite bins; where most are chosen, take the others away instead."""
        if not chosen:
            return BitMap()
        if 2 * len(chosen) > len(self.bins):
            taken = set(chosen)
            rest = [b for n, b in enumerate(self.bins) if n not in taken]
            return self.known - BitMap.union(*rest) if rest else self.known.copy()
        return BitMap.union(*(self.bins[n] for n in chosen))


def fine_bins(people: Ids, numbers: Numbers) -> FineBins:
    """Divide people by a number aligned with them; NaN is not known, in no bin."""
    known = ~np.isnan(numbers)
    ids, numbers = people[known], numbers[known]
    if not len(ids):
        return FineBins([], [], [], BitMap())
    edges = _edges(np.sort(numbers))
    slots = (np.searchsorted(edges, numbers, side="right") - 1).astype(np.uint16)
    order = np.argsort(slots, kind="stable")
    bounds = np.searchsorted(slots[order], np.arange(len(edges) + 1))
    lows, highs, bins = [], [], []
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        if start == end:
            continue
        inside = order[start:end]
        lows.append(float(numbers[inside].min()))
        highs.append(float(numbers[inside].max()))
        bins.append(bitmap_of(ids[inside]))
    return FineBins(lows, highs, bins, bitmap_of(ids))


def _edges(ordered: Numbers) -> Numbers:
    """Choose the lower edges of the bins, the least value among them."""
    steps = np.flatnonzero(np.diff(ordered)) + 1
    if len(steps) < MOST_BINS:
        each: Numbers = ordered[np.concatenate([[0], steps])]
        return each
    least, greatest = float(ordered[0]), float(ordered[-1])
    quantiles = ordered[:: max(1, len(ordered) // QUANTILES)]
    rounds = _round_numbers(least, greatest)
    both = np.concatenate([[np.float32(least)], quantiles, rounds])
    found: Numbers = np.unique(both[both >= least]).astype(np.float32)
    return found


def _round_numbers(least: float, greatest: float) -> Numbers:
    """Every number of three significant digits in a range, or of two if too many."""
    for digits in (3, 2):
        found = _of_digits(least, greatest, digits)
        if len(found) <= MOST_BINS:
            return found
    return np.empty(0, dtype=np.float32)


def _of_digits(least: float, greatest: float, digits: int) -> Numbers:
    found: list[NDArray[np.float64]] = [np.zeros(1)]
    size = max(abs(least), abs(greatest))
    if size and isfinite(size):
        # Four decades hold all that is told apart; below them is nearly nothing.
        top = floor(log10(size))
        for power in range(top - 4, top + 1):
            step = 10.0 ** (power - digits + 1)
            decade = np.arange(10 ** (digits - 1), 10**digits) * step
            found += [decade, -decade]
    numbers = np.concatenate(found).astype(np.float32)
    inside: Numbers = numbers[(numbers >= least) & (numbers <= greatest)]
    return inside
