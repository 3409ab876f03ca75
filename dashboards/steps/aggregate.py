"""Turn a release's people into the cells of an indicator, before disclosure control."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from pyroaring import BitMap

from dashboards.specs import IndicatorSpec, Sum
from governance.disclosure import Cell, Measure
from linkage.steps.holds import Test
from linkage.steps.matching import Sets, matching

Group = tuple[Mapping[str, str], BitMap]


class People(Sets, Protocol):
    """What this step needs of a release: sets of people and sums over them."""

    def total(self, attribute: str, people: BitMap) -> float: ...
    def contributors(self, attribute: str, people: BitMap) -> BitMap: ...
    def unanswered(self, attributes: Iterable[str]) -> BitMap: ...


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
    # Whose record may not be asked cannot be counted, so counts among nobody either.
    asked = [name for test in spec.among for name in test.features]
    asked += [counted.sum_of] if isinstance(counted, Sum) else counted.features
    unanswered = release.unanswered(asked)
    for at, people in groups:
        among = people & _meeting_all(release, people, spec.among) - unanswered
        if isinstance(counted, Sum):
            total = release.total(counted.sum_of, among)
            people_who = release.contributors(counted.sum_of, among)
            yield Cell(at, among, people_who, amount=total)
        else:
            yield Cell(at, among, among & matching(release, counted))


def _meeting_all(release: People, people: BitMap, tests: Iterable[Test]) -> BitMap:
    found = people
    for test in tests:
        found = found & matching(release, test)
    return found


def measure_of(spec: IndicatorSpec) -> Measure:
    """Return what the indicator counts, in the words that figures show."""
    better = None if spec.better == "neither" else spec.better
    return Measure(spec.title, unit=spec.unit, per=spec.per, better=better)
