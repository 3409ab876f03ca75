"""Conditions that a GP record shows in one of several ways, with their timing.

Each row of a score's table is one way; its filled columns must all hold, and a
condition is present when one of its ways is. Columns, all text, blank where not asked:

`group`, `title`   the condition
`codes`            code lists, any of which is recorded …
`code_days`        … within so many days (ever, if blank)
`first_days`       … and for the first time within so many days
`medicines`        code lists of medicines, prescribed …
`times`            … at least so often (once, if blank) …
`medicine_days`    … within so many days (ever, if blank)
`different`        at least so many different BNF substances in `medicine_days`, but
                   for those on the lists of `medicines`
`unless`           code lists, none of which is ever recorded
`values`, `below`  the higher of the last two values of these lists is below this
`feature`          a flag of the release's features
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from linkage.vocabulary import SYSTEMS
from risk.steps.code_bits import Flags, Marks, Question
from risk.steps.points import hundredths

BNF = SYSTEMS["bnf"]
SUBSTANCE = 9  # characters of a BNF code that name the chemical substance


@dataclass(frozen=True)
class CodeSet:
    """Codes of one list: the number of its system, and whether they are stems."""

    system: int
    prefix: bool
    codes: frozenset[str]

    def question(
        self, within: int | None = None, before: int | None = None
    ) -> Question:
        if self.prefix:
            return Question(self.codes, frozenset(), within, before)
        return Question(frozenset(), self.codes, within, before)


@dataclass(frozen=True)
class Coded:
    """At least `times` records on a list, within or before so many days."""

    asked: CodeSet
    within_days: int | None = None
    before_days: int | None = None
    times: int = 1
    absent: bool = False

    @property
    def question(self) -> Question:
        return self.asked.question(self.within_days, self.before_days)


@dataclass(frozen=True)
class Different:
    """At least `times` different substances within so many days."""

    leave_out: tuple[CodeSet, ...]
    within_days: int
    times: int


@dataclass(frozen=True)
class LastTwo:
    """The higher of the last two values, of those in (0, `most`], is below `below`.

    One value alone is its own highest, as in the published implementation.
    """

    asked: CodeSet
    below: float
    most: float = 250

    @property
    def question(self) -> Question:
        return self.asked.question()


@dataclass(frozen=True)
class Flagged:
    """A feature of the release that is a flag."""

    feature: str


Part = Coded | Different | LastTwo | Flagged
# Any of the lists of one column may hold: parts beside each other, then all columns.
Way = tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class Condition:
    """A condition, its points in hundredths, and the ways in which it shows."""

    name: str
    title: str
    hundredths: int
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class WaysTable:
    """The conditions of one score."""

    conditions: tuple[Condition, ...]

    @classmethod
    def from_frame(
        cls, rows: pl.DataFrame, points: str, lists: Mapping[str, CodeSet]
    ) -> "WaysTable":
        """Read the table. LookupError for a list that does not exist, ValueError for
        a way that asks nothing or a condition with two weights."""
        found: dict[str, Condition] = {}
        for row in rows.iter_rows(named=True):
            asked = {name: text.strip() for name, text in row.items() if text}
            way = tuple(_way(asked, lists))
            if not way:
                raise ValueError(f"{asked['group']}: a way that asks nothing")
            known = found.get(asked["group"])
            worth = hundredths(asked[points])
            if known and known.hundredths != worth:
                raise ValueError(f"{asked['group']}: two different weights")
            ways = (*known.ways, way) if known else (way,)
            found[asked["group"]] = Condition(
                asked["group"], asked["title"], worth, ways
            )
        return cls(tuple(found.values()))

    @property
    def parts(self) -> Iterator[Part]:
        for condition in self.conditions:
            for way in condition.ways:
                for either in way:
                    yield from either

    @property
    def features(self) -> set[str]:
        return {part.feature for part in self.parts if isinstance(part, Flagged)}


def _way(
    asked: Mapping[str, str], lists: Mapping[str, CodeSet]
) -> Iterator[tuple[Part, ...]]:
    def sets(column: str) -> list[CodeSet]:
        names = asked.get(column, "").split()
        if lost := [name for name in names if name not in lists]:
            raise LookupError(f"{asked['group']}: no code list {', '.join(lost)}")
        return _joined([lists[name] for name in names])

    def number(column: str) -> int | None:
        return int(asked[column]) if column in asked else None

    first = number("first_days")
    if "codes" in asked:
        within = first or number("code_days")
        yield tuple(Coded(one, within_days=within) for one in sets("codes"))
        if first:
            for one in sets("codes"):
                yield (Coded(one, before_days=first, absent=True),)
    days = number("medicine_days")
    if "different" in asked:
        yield (Different(tuple(sets("medicines")), days or 0, int(asked["different"])),)
    elif "medicines" in asked:
        times = number("times") or 1
        yield tuple(
            Coded(one, within_days=days, times=times) for one in sets("medicines")
        )
    for one in sets("unless"):
        yield (Coded(one, absent=True),)
    if "values" in asked:
        yield tuple(LastTwo(one, float(asked["below"])) for one in sets("values"))
    if "feature" in asked:
        yield (Flagged(asked["feature"]),)


def _joined(sets: list[CodeSet]) -> list[CodeSet]:
    """Put lists of one system and kind together: times count over all of them."""
    found: dict[tuple[int, bool], frozenset[str]] = {}
    for one in sets:
        key = (one.system, one.prefix)
        found[key] = found.get(key, frozenset()) | one.codes
    return [CodeSet(system, prefix, codes) for (system, prefix), codes in found.items()]


def present(table: WaysTable, held: Mapping[Part, Flags], people: int) -> Marks:
    """Return one column of 0 and 1 per condition."""
    made = np.zeros((people, len(table.conditions)), dtype=np.uint8)
    for column, condition in enumerate(table.conditions):
        has = np.zeros(people, dtype=np.bool_)
        for way in condition.ways:
            whole = np.ones(people, dtype=np.bool_)
            for either in way:
                whole &= np.logical_or.reduce([held[part] for part in either])
            has |= whole
        made[:, column] = has
    return made
