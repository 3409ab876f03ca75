"""Whether today's few look like those who need it, and an order that does better.

The need is everyone on the list whom nobody has decided on: the rules chose them for
their health. A group that makes up less of the first few than of that need is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

# A group is short where its share of the places is less than this part of its need.
FAIR_SHARE = 0.8
# Under this many expected places a shortfall says nothing.
FEWEST_EXPECTED = 2.0


@dataclass(frozen=True)
class GroupShare:
    """One group of one trait: of those who need it, and of the places."""

    trait: str
    group: str
    of_need: int
    need: int
    of_places: int
    places: int

    @property
    def expected(self) -> float:
        """How many of the places it would have by its need."""
        return self.places * self.of_need / self.need if self.need else 0.0

    @property
    def is_short(self) -> bool:
        return (
            self.expected >= FEWEST_EXPECTED
            and self.of_places < FAIR_SHARE * self.expected
        )


@dataclass(frozen=True)
class Order:
    """An order of people, and what its first places are expected to yield."""

    people: tuple[int, ...]
    expected: float


def shares(
    people: pl.DataFrame, traits: Sequence[str], places: int
) -> list[GroupShare]:
    """Compare the first `places` rows with all of them, group by group.

    `people`: ordered rows, a column of words for each trait.
    """
    first = people.head(places)
    found = []
    for trait in traits:
        need = people[trait].value_counts().sort(trait)
        taken = dict(first[trait].value_counts().iter_rows())
        found += [
            GroupShare(
                trait,
                group,
                count,
                people.height,
                taken.get(group, 0),
                first.height,
            )
            for group, count in need.iter_rows()
        ]
    return found


def expected(chances: Sequence[float | None]) -> float:
    """How many of these people the event is expected of."""
    return float(sum(chance or 0.0 for chance in chances))


def fairer(
    people: pl.DataFrame, traits: Sequence[str], places: int, margin: float
) -> Order | None:
    """Return an order that shortens shortfalls and keeps the yield, or None.

    `people` in their own order: person_no, chance, a column for each trait. From the
    best order, somebody of a group that is short takes the place of the lowest-placed
    person whose leaving makes no group short, as long as the expected yield stays
    within `margin` (0.05: five percent) of the best. None where nothing is short, or
    nothing can be done within the margin.
    """
    rows = people.to_dicts()
    inside, outside = rows[:places], rows[places:]
    start = _shortfall(inside, rows, traits)
    if not start or not outside:
        return None
    floor = (1 - margin) * expected([r["chance"] for r in inside])
    best = start
    while best:
        swap = _best_swap(inside, outside, rows, traits, floor, best)
        if swap is None:
            break
        leaves, comes, best = swap
        inside = [r for r in inside if r is not leaves] + [comes]
        outside = [r for r in outside if r is not comes] + [leaves]
    if best == start:
        return None
    place = {row["person_no"]: n for n, row in enumerate(rows)}
    chosen = sorted((r["person_no"] for r in inside), key=place.__getitem__)
    rest = sorted((r["person_no"] for r in outside), key=place.__getitem__)
    return Order((*chosen, *rest), expected([r["chance"] for r in inside]))


Row = Mapping[str, object]


def _shortfall(
    inside: Sequence[Row], everyone: Sequence[Row], traits: Sequence[str]
) -> float:
    """How many places short groups lack, together; 0 where none is short."""
    lacking = 0.0
    for trait in traits:
        groups = {row[trait] for row in everyone}
        for group in groups:
            need = sum(row[trait] == group for row in everyone) / len(everyone)
            wanted = need * len(inside)
            taken = sum(row[trait] == group for row in inside)
            if wanted >= FEWEST_EXPECTED and taken < FAIR_SHARE * wanted:
                lacking += wanted - taken
    return lacking


def _best_swap(
    inside: list[dict[str, object]],
    outside: list[dict[str, object]],
    everyone: Sequence[Row],
    traits: Sequence[str],
    floor: float,
    lacking: float,
) -> tuple[dict[str, object], dict[str, object], float] | None:
    """The first swap that lessens the shortfall and keeps the yield, or None.

    Of those outside only the first of each kind of person is tried: the others of the
    same kind would lose more yield for the same gain.
    """
    kinds: dict[tuple[object, ...], dict[str, object]] = {}
    for row in outside:
        kinds.setdefault(tuple(row[trait] for trait in traits), row)
    total = expected([_chance(row) for row in inside])
    for leaves in reversed(inside):
        for comes in kinds.values():
            if total - _chance(leaves) + _chance(comes) < floor:
                continue
            tried = [r for r in inside if r is not leaves] + [comes]
            left = _shortfall(tried, everyone, traits)
            if left < lacking - 1e-9:
                return leaves, comes, left
    return None


def _chance(row: Row) -> float:
    value = row["chance"]
    return float(value) if isinstance(value, int | float) else 0.0
