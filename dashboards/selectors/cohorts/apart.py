"""What is more or less common among a cohort's people than among everyone here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from dashboards import wording
from dashboards.charts import Table
from dashboards.charts.table import Column
from dashboards.selectors.cohorts.asking import (
    COHORT,
    GROUP,
    POPULATION,
    CohortAsked,
)
from dashboards.selectors.cohorts.naming import value_words
from governance.disclosure import Cell, Measure, Published, PublishedCell
from segmentation.cohorts.specs import Rule, criteria, features_of

WHAT = "what"
HAVING = Measure("People with it", per=100)
MOST_APART = 12
# How many are looked at in published form, by the size of their plain gap.
MOST_LOOKED_AT = 30


@dataclass(frozen=True)
class Apart:
    """A characteristic that is more, or less, common than in the population.

    `times` is the ratio of the published shares; the interval is that of the
    cohort's share (Wilson), the population's share taken as it is.
    """

    title: str
    mine: PublishedCell
    theirs: PublishedCell
    times: float
    lower: float
    upper: float

    @property
    def words(self) -> str:
        interval = f"({self.lower:.1f} to {self.upper:.1f})"
        if self.times >= 1:
            return f"{self.title}: {self.times:.1f} times as common here {interval}"
        return f"{self.title}: less common here, {self.times:.1f} times {interval}"


def apart_in(published: Published, key: str, labels: Mapping[str, str]) -> list[Apart]:
    """Return what differs by more than chance, the furthest apart first."""
    cells = {(cell.at[GROUP], cell.at[key]): cell for cell in published.cells}
    found = []
    for code, label in labels.items():
        mine, theirs = cells[COHORT, code], cells[POPULATION, code]
        if mine.rate is None or mine.lower is None or mine.upper is None:
            continue
        if not theirs.rate or mine.lower <= theirs.rate <= mine.upper:
            continue
        low, high = mine.lower / theirs.rate, mine.upper / theirs.rate
        found.append(Apart(label, mine, theirs, mine.rate / theirs.rate, low, high))
    return sorted(found, key=lambda each: -max(each.times, 1 / max(each.times, 0.01)))


def representation(cohort: CohortAsked) -> list[Apart]:
    """Return the characteristics most over- and under-represented, with intervals.

    Looks at every flag and category of the release, and publishes those furthest
    from the population's share among people enough to show. Each is one more cut:
    protected ones stop where the lattice does.
    """
    candidates = list(_furthest(cohort))
    labels = {code: title for code, title, _ in candidates}
    people, everyone = cohort.people, cohort.population.people
    cells = []
    for code, _, having in candidates:
        cells.append(Cell({GROUP: COHORT, WHAT: code}, people, people & having))
        theirs = cohort.population.once(
            f"value {code}", lambda h=having: inside(everyone, h)
        )
        cells.append(Cell({GROUP: POPULATION, WHAT: code}, everyone, theirs))
    return apart_in(cohort.publish(cells, HAVING), WHAT, labels)[:MOST_APART]


def _furthest(cohort: CohortAsked) -> list[tuple[str, str, BitMap]]:
    """Choose what to publish by plain counts: the largest gaps in standard errors."""
    people, everyone = cohort.people, cohort.population.people
    size, whole = len(people), max(1, len(everyone))
    used = {name for rule in cohort.steps for name in _asked_by(rule.rule)}
    scored = []

    def asked(name: str) -> bool:
        return name not in used and cohort.may_cross(name)

    for name, value, having in characteristics(cohort, asked):
        theirs = cohort.population.once(
            f"size {name}={value}",
            lambda h=having: everyone.intersection_cardinality(h),
        )
        expected = size * theirs / whole
        if expected < 1:
            continue
        gap = people.intersection_cardinality(having) - expected
        scored.append((abs(gap) / expected**0.5, name, value, having))
    scored.sort(key=lambda each: -each[0])
    return [titled(cohort, *each) for _, *each in scored[:MOST_LOOKED_AT]]


def characteristics(
    cohort: CohortAsked, asked: Callable[[str], bool]
) -> Iterator[tuple[str, str, BitMap]]:
    """Give each flag and value of the attributes asked, with who has it; no places."""
    for name, values in cohort.index.tables():
        if name.endswith("_code") or not asked(name):
            continue
        is_flag = cohort.asked.release.attribute(name).kind == "flag"
        for value, having in values.items():
            if not (is_flag and value == "no"):
                yield name, value, having


def titled(
    cohort: CohortAsked, name: str, value: str, having: BitMap
) -> tuple[str, str, BitMap]:
    """Return a characteristic as a figure takes it: its code, its title, its people."""
    attribute = cohort.asked.release.attribute(name)
    title = attribute.title
    if attribute.kind != "flag":
        title = f"{title}: {value_words(name, value)}"
    return f"{name}={value}", title, having


def _asked_by(rule: Rule) -> list[str]:
    return [name for each in criteria(rule) for name in features_of(each)]


def inside(everyone: BitMap, having: BitMap) -> BitMap:
    """Return who of a population has something; the same set where all are of it."""
    return having if having.issubset(everyone) else everyone & having


def as_table(found: list[Apart], cohort: CohortAsked) -> Table:
    """Return what is over- and under-represented as a table."""
    columns = (
        Column("Characteristic", False),
        Column("In the cohort", True),
        Column(f"In {cohort.asked.place.name}", True),
        Column("Times as common", True),
        Column("95% interval", True),
    )
    rows = tuple(
        (
            each.title,
            wording.percent((each.mine.rate or 0) / 100),
            wording.percent((each.theirs.rate or 0) / 100),
            wording.number(each.times, 2),
            f"{each.lower:.2f} to {each.upper:.2f}",
        )
        for each in found
    )
    caption = "Furthest from everyone here, by more than chance"
    note = (
        "Times as common is the cohort’s share over the population’s. The interval is"
        " the cohort’s own (Wilson); the population’s share is taken as it is."
    )
    return Table(caption, columns, rows, (note,))
