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
from collections.abc import Iterable
from dataclasses import dataclass

from pyroaring import BitMap

LEAST_TOLERANCE = 7
TOLERANCES = 9
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


def twin(people: BitMap, before: Iterable[Shown]) -> Shown | None:
    """Return the nearest earlier set that counts as this one; the earliest of equals.

    Up to seven people apart it is, where half of the people at least are the same (two
    groups of eight strangers are two groups). Up to its tolerance it is where three
    quarters are: a group of fifteen is not shown as one of thirty.
    """
    best: Shown | None = None
    least = 0
    for each in before:
        apart = people.symmetric_difference_cardinality(each.people)
        if not _is_twin(people, each, apart):
            continue
        if best is None or apart < least:
            best, least = each, apart
    return best


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


def _is_twin(people: BitMap, other: Shown, apart: int) -> bool:
    if apart > other.tolerance:
        return False
    larger = max(len(people), len(other.people))
    same = people.intersection_cardinality(other.people)
    return same >= (0.5 if apart <= LEAST_TOLERANCE else 0.75) * larger
