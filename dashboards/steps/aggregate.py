"""Turn a release's people into the cells of an indicator, before disclosure control."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np
from pyroaring import BitMap

from dashboards.specs import IndicatorSpec, Sum
from governance.disclosure import Cell, Measure
from linkage.steps.holds import CountTest, Test

Group = tuple[Mapping[str, str], BitMap]


class People(Protocol):
    """What this step needs of a release: sets of people and sums over them."""

    def any_of(self, attribute: str, values: Iterable[str]) -> BitMap: ...
    def between(
        self, attribute: str, low: float | None = None, high: float | None = None
    ) -> BitMap: ...
    def total(self, attribute: str, people: BitMap) -> float: ...
    def contributors(self, attribute: str, people: BitMap) -> BitMap: ...


def aggregate(
    release: People,
    spec: IndicatorSpec,
    groups: Iterable[Group],
    *,
    counted: Test | Sum | None = None,
) -> Iterator[Cell]:
    """Give one cell per group of people: who is in it, and who or what is counted.

    `groups` are lattice coordinates with their people. `counted` replaces the
    indicator's own count (for the same count a year before).
    """
    counted = counted or spec.count
    for at, people in groups:
        among = people & _meeting_all(release, people, spec.among)
        if isinstance(counted, Sum):
            total = release.total(counted.sum_of, among)
            people_who = release.contributors(counted.sum_of, among)
            yield Cell(at, among, people_who, amount=total)
        else:
            yield Cell(at, among, among & matching(release, counted))


def matching(release: People, test: Test) -> BitMap:
    """Return everyone in the release for whom the test holds.

    The same vocabulary as `linkage.steps.holds`, answered by sets instead of frames:
    a feature that is not known never holds.
    """
    if isinstance(test, CountTest):
        return _with_flags(release, test)
    if test.any_of is not None:
        return release.any_of(test.feature, test.any_of)
    if not test.bounded:
        return release.any_of(test.feature, ["yes"])
    found = release.between(test.feature)
    if test.at_least is not None:
        found &= release.between(test.feature, low=test.at_least)
    if test.above is not None:
        found &= release.between(test.feature, low=_just_above(test.above))
    if test.below is not None:
        found &= release.between(test.feature, high=test.below)
    if test.at_most is not None:
        found &= release.between(test.feature, high=_just_above(test.at_most))
    return found


def _with_flags(release: People, test: CountTest) -> BitMap:
    """Return who has at least, and at most, so many of the flags."""
    # reached[n] holds who has more than n of the flags seen so far.
    reached = [BitMap() for _ in test.count]
    for flag in test.count:
        having = release.any_of(flag, ["yes"])
        for n in range(len(reached) - 1, 0, -1):
            reached[n] |= reached[n - 1] & having
        reached[0] |= having
    found = reached[test.at_least - 1]
    if test.at_most is not None and test.at_most < len(reached):
        found = found - reached[test.at_most]
    return found


def _just_above(value: float) -> float:
    """Return the next number a release can hold: its columns are 32-bit."""
    return float(np.nextafter(np.float32(value), np.float32(np.inf)))


def _meeting_all(release: People, people: BitMap, tests: Iterable[Test]) -> BitMap:
    found = people
    for test in tests:
        found = found & matching(release, test)
    return found


def measure_of(spec: IndicatorSpec) -> Measure:
    """Return what the indicator counts, in the words that figures show."""
    better = None if spec.better == "neither" else spec.better
    return Measure(spec.title, unit=spec.unit, per=spec.per, better=better)
