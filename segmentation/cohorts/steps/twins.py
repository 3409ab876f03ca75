"""Sets of people that nearly equal one another: which one's figures are shown.

Counts of one set, and of the same set without a few people, tell about those few
whatever is rounded or hidden. So a set that differs from one whose figures were shown
before by no more than that one's `tolerance` gets the figures of the earlier one: near
twins cannot be told from the same question asked again. A refusal would tell them
apart. The tolerance differs from set to set, between 7 and 15, and nobody knows it: a
fixed one could be found out by asking. Source: this platform's own design after Asghar
and Kaafar (PETS 2020), who averaged out the noise of an interactive table builder.
"""

import secrets
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from pyroaring import BitMap

LEAST_TOLERANCE = 7
TOLERANCES = 9
MOST_TOLERANCE = LEAST_TOLERANCE + TOLERANCES - 1
# From the tolerance up to here, a set is close to an earlier one: a few such questions
# are chance, many are somebody closing in on a few people.
CLOSE = 40
# Close questions about a large set tell little: this share of it is the bound.
CLOSE_SHARE = 0.1


@dataclass(frozen=True)
class Shown:
    """A set whose figures were shown before, and how near another counts as it."""

    people: BitMap
    tolerance: int


def tolerance() -> int:
    """Return a tolerance, 7 to 15 by lot, for a set that is shown the first time."""
    return LEAST_TOLERANCE + secrets.randbelow(TOLERANCES)


class Earlier:
    """The sets shown before, in order of their size, each with its turn.

    Sets differ by as many people at least as their sizes do, so that only those of
    nearly a set's size are held against it, each in one intersection.
    """

    def __init__(self, before: Iterable[Shown] = ()) -> None:
        turns = ((len(each.people), n, each) for n, each in enumerate(before))
        self._by_size = sorted(turns, key=lambda turn: turn[:2])

    def add(self, latest: Shown) -> None:
        """Take in a set that is shown after all others."""
        turn = (len(latest.people), len(self._by_size), latest)
        insort(self._by_size, turn, key=lambda turn: turn[:2])

    def twin(self, people: BitMap) -> Shown | None:
        """Return the nearest earlier set that counts as this one; the first of equals.

        Up to seven people apart it is, where half of the people at least are the same
        (two groups of eight strangers are two groups). Up to its tolerance it is where
        three quarters are: a group of fifteen is not shown as one of thirty.
        """
        size = len(people)
        best: Shown | None = None
        least = (0, 0)
        for other, turn, each in self._of_size(size - MOST_TOLERANCE):
            if other > size + MOST_TOLERANCE:
                break
            same = people.intersection_cardinality(each.people)
            apart = size + other - 2 * same
            if not _is_twin(each, same, apart, max(size, other)):
                continue
            if best is None or (apart, turn) < least:
                best, least = each, (apart, turn)
        return best

    def _of_size(self, least: int) -> Iterator[tuple[int, int, Shown]]:
        first = bisect_left(self._by_size, least, key=lambda turn: turn[0])
        return islice(self._by_size, first, None)


def close(people: BitMap, before: Iterable[Shown]) -> int:
    """Return how many earlier sets are near this one without being its twin."""
    bound = min(CLOSE, CLOSE_SHARE * len(people))
    return sum(
        each.tolerance < people.symmetric_difference_cardinality(each.people) <= bound
        for each in before
    )


def fitting(people: BitMap, whole: BitMap) -> BitMap:
    """Return people, or the whole they are part of where there would be more of them.

    A twin asked about in a wider place may hold a few people from outside this one.
    """
    return people if len(people) <= len(whole) else whole


def _is_twin(other: Shown, same: int, apart: int, larger: int) -> bool:
    if apart > other.tolerance:
        return False
    return same >= (0.5 if apart <= LEAST_TOLERANCE else 0.75) * larger
