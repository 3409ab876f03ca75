"""Statistical disclosure control: the only maker of `Published` values.

Charts, tables, maps, tooltips, exports, e-mails and the API accept `Published` and
nothing else. Callers hand over lattice coordinates, viewer, purpose and the set of
persons behind each cell, so that the inside can grow stronger (cell key, ledger of
released cells, budget) without a change outside.

Rule in force for protected aggregates (HES/ECDS analysis guide, NHS Digital 2018;
OpenSAFELY output checking): counts of 1 to 7 people are hidden, other counts are
rounded to the nearest 5, zero stays; rates come from the protected numerator and
denominator; totals are rounded on their own and may not sum. An amount (attendances,
pounds) is hidden where 1 to 7 people contribute to it or where 1 to 7 stand behind
its denominator.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, Protocol

from pyroaring import BitMap
from scipy.special import chdtri, ndtri

HIDE_UP_TO = 7
ROUND_TO = 5
_KEY = object()


class DisclosureClass(Enum):
    """What kind of number this is, and so which control it passed."""

    OWN_LIST = "own-list direct care"
    WORKSPACE = "analyst workspace"
    PROTECTED = "protected aggregate"
    OFFICIAL = "official series"


class Asker(Protocol):
    """What disclosure needs to know of a viewer."""

    @property
    def user_id(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def purpose(self) -> str: ...


@dataclass(frozen=True)
class Measure:
    """What is being counted: a title, its unit, and per how many it is given.

    `unit` is "people" for counts of persons, otherwise the unit of `amount`
    ("attendances", "£"). `per` is the scale of a rate (1,000 or 100), or None where
    only the count is given. `better` is "lower", "higher" or None.
    """

    title: str
    unit: str = "people"
    per: int | None = None
    better: str | None = None


@dataclass(frozen=True)
class Cell:
    """One cell before disclosure control: where it lies and who stands behind it.

    `at` holds the lattice coordinates ({"practice": "Z81001", "sex": "F"}).
    `population` is the denominator's set of persons; `having` the numerator's, a
    subset, or None for a plain count of the population. `amount` is a sum over the
    population (attendances, pounds), of which `having` are the contributors.
    """

    at: Mapping[str, str]
    population: BitMap
    having: BitMap | None = None
    amount: float | None = None


@dataclass(frozen=True)
class PublishedCell:
    """One cell after disclosure control. Hidden values are None, with the reason."""

    at: Mapping[str, str]
    count: float | None
    denominator: float | None
    rate: float | None
    lower: float | None
    upper: float | None
    hidden: str | None

    @property
    def is_hidden(self) -> bool:
        return self.hidden is not None


@dataclass(frozen=True)
class Published:
    """Values that may be shown to the viewer they were made for.

    Only this module makes them: the constructor asks for a key that it alone has.
    """

    measure: Measure
    kind: DisclosureClass
    cells: tuple[PublishedCell, ...]
    user_id: int
    purpose: str
    notes: tuple[str, ...] = field(default=())
    key: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.key is not _KEY:
            raise TypeError("Published values are made by governance.disclosure alone")

    def cell(self, **at: str) -> PublishedCell:
        """Return the cell at exactly these coordinates."""
        for cell in self.cells:
            if dict(cell.at) == at:
                return cell
        raise KeyError(at)


def protect(cells: Iterable[Cell], *, measure: Measure, viewer: Asker) -> Published:
    """Publish cells as protected aggregates: hide 1 to 7, round the rest to 5."""
    made = tuple(_protected(cell, measure) for cell in cells)
    notes = [f"Counts are rounded to the nearest {ROUND_TO}; totals may not sum."]
    if any(cell.is_hidden for cell in made):
        notes.append(f"Counts of 1 to {HIDE_UP_TO} people are hidden.")
    return _published(made, measure, DisclosureClass.PROTECTED, viewer, notes)


def for_own_list(
    cells: Iterable[Cell], *, measure: Measure, viewer: Asker
) -> Published:
    """Publish exact counts of a team's own people. The caller audits the reading."""
    made = tuple(_exact(cell, measure) for cell in cells)
    return _published(made, measure, DisclosureClass.OWN_LIST, viewer, [])


def in_workspace(
    cells: Iterable[Cell], *, measure: Measure, viewer: Asker
) -> Published:
    """Publish exact counts inside the analyst's workspace; exports are protected."""
    made = tuple(_exact(cell, measure) for cell in cells)
    notes = ["Exact inside the workspace; downloads are protected."]
    return _published(made, measure, DisclosureClass.WORKSPACE, viewer, notes)


def of_a_sample(cells: Iterable[Cell], *, measure: Measure, viewer: Asker) -> Published:
    """Publish how well a process worked on a random sample of records.

    An operational figure: it counts records that the process got right, no trait of a
    person, and nobody knows whose were drawn. So counts are exact, with their
    interval; cells of fewer than eight people are hidden all the same.
    """
    made = tuple(
        _hidden(cell, f"fewer than {HIDE_UP_TO + 1} people", None)
        if len(cell.population) <= HIDE_UP_TO
        else _exact(cell, measure)
        for cell in cells
    )
    notes = ["Measured on a random sample of records."]
    return _published(made, measure, DisclosureClass.OFFICIAL, viewer, notes)


def official(
    rows: Iterable[tuple[Mapping[str, str], float]],
    *,
    measure: Measure,
    viewer: Asker,
    intervals: Sequence[tuple[float, float] | None] = (),
) -> Published:
    """Publish operational or already published figures as they are.

    For rows received, beds, published prevalence: nothing that counts this
    platform's persons by their characteristics. `intervals` are the bounds of each
    row's figure, in their order, where they are known.
    """
    given = list(rows)
    bounds = intervals or [None] * len(given)
    made = tuple(
        PublishedCell(
            at,
            value,
            None,
            None,
            bound[0] if bound else None,
            bound[1] if bound else None,
            None,
        )
        for (at, value), bound in zip(given, bounds, strict=True)
    )
    return _published(made, measure, DisclosureClass.OFFICIAL, viewer, [])


def _published(
    cells: tuple[PublishedCell, ...],
    measure: Measure,
    kind: DisclosureClass,
    viewer: Asker,
    notes: list[str],
) -> Published:
    return Published(
        measure, kind, cells, viewer.user_id, viewer.purpose, tuple(notes), _KEY
    )


def rounded(value: float) -> float:
    """Round to the nearest 5, halves up, so that 2.5 is never a tie at random."""
    return float(int((value + ROUND_TO / 2) // ROUND_TO) * ROUND_TO)


def _is_small(people: int) -> bool:
    return 1 <= people <= HIDE_UP_TO


def _hidden(cell: Cell, reason: str, denominator: float | None) -> PublishedCell:
    return PublishedCell(cell.at, None, denominator, None, None, None, reason)


def _protected(cell: Cell, measure: Measure) -> PublishedCell:
    people = len(cell.population)
    if _is_small(people):
        return _hidden(cell, f"fewer than {HIDE_UP_TO + 1} people", None)
    denominator = rounded(people)
    if cell.having is None and cell.amount is None:
        return _with_rate(cell, denominator, None, measure)
    contributors = len(cell.having) if cell.having is not None else people
    if _is_small(contributors):
        return _hidden(cell, f"fewer than {HIDE_UP_TO + 1} people", denominator)
    # Everyone but a few is as telling as a few: a rate of nearly 100% names them.
    if cell.amount is None and _is_small(people - contributors):
        return _hidden(cell, "nearly everyone", denominator)
    raw = cell.amount if cell.amount is not None else float(contributors)
    return _with_rate(cell, rounded(raw), denominator, measure)


def _exact(cell: Cell, measure: Measure) -> PublishedCell:
    people = float(len(cell.population))
    if cell.having is None and cell.amount is None:
        return _with_rate(cell, people, None, measure)
    raw = cell.amount if cell.amount is not None else float(len(cell.having or ()))
    return _with_rate(cell, raw, people, measure)


def _with_rate(
    cell: Cell, count: float, denominator: float | None, measure: Measure
) -> PublishedCell:
    rate = lower = upper = None
    if denominator and measure.per:
        rate = count / denominator * measure.per
        if cell.amount is None:
            low, high = wilson(count, denominator)
            lower, upper = low * measure.per, high * measure.per
        elif measure.unit != "£":
            low, high = byar(count)
            lower = low / denominator * measure.per
            upper = high / denominator * measure.per
    return PublishedCell(cell.at, count, denominator, rate, lower, upper, None)


@cache
def _deviate(confidence: float) -> float:
    """Return the normal deviate of a two-sided interval; 1.96 for 95%."""
    return float(ndtri(0.5 + confidence / 2))


def wilson(count: float, of: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion (Wilson 1927; OHID technical guide)."""
    z = _deviate(confidence)
    share = count / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of)
    half *= (share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def byar(count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Byar's interval of a count of events; exact Poisson below 10 (OHID guide)."""
    if count < 10:
        tail = (1 - confidence) / 2
        low = float(chdtri(2 * count, 1 - tail) / 2) if count > 0 else 0.0
        return low, float(chdtri(2 * count + 2, tail) / 2)
    z = _deviate(confidence)
    low = count * (1 - 1 / (9 * count) - z / (3 * count**0.5)) ** 3
    above = count + 1
    return low, above * (1 - 1 / (9 * above) + z / (3 * above**0.5)) ** 3


def as_rows(published: Published) -> list[dict[str, Any]]:
    """Return the cells as plain rows, for tables, CSV and the API: the same figure."""
    rows: list[dict[str, Any]] = []
    for cell in published.cells:
        row: dict[str, Any] = dict(cell.at)
        row["count"] = cell.count
        row["denominator"] = cell.denominator
        row["rate"] = _tidy(cell.rate)
        row["lower_95"] = _tidy(cell.lower)
        row["upper_95"] = _tidy(cell.upper)
        row["hidden"] = cell.hidden or ""
        rows.append(row)
    return rows


def _tidy(value: float | None) -> float | None:
    return round(value, 2) if value is not None and isfinite(value) else None
