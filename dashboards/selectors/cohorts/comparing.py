"""Two cohorts beside each other: whom they share, and in what they differ."""

from dataclasses import replace

from pyroaring import BitMap

from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors.cohorts.apart import (
    HAVING,
    MOST_LOOKED_AT,
    WHAT,
    characteristics,
    titled,
)
from dashboards.selectors.cohorts.asking import GROUP, CohortAsked
from dashboards.selectors.cohorts.figures import COST, SHARE, USE, cost_attributes
from dashboards.selectors.indicators import divided
from governance.disclosure import Cell, DisclosureClass, Measure
from segmentation.cohorts.steps.lattice import MOST_DIMENSIONS, dimensions
from segmentation.cohorts.steps.twins import fitting

SHARED = Measure("People", per=100)
FIRST, SECOND = "first", "second"
TOTALS = ("emergency_admissions_12m",)


def groups(first: CohortAsked, second: CohortAsked) -> Dimension:
    """The two cohorts as the layers of a figure; the first is the one in question."""
    return Dimension(GROUP, "Cohort", {FIRST: first.title, SECOND: second.title})


def may_share(first: CohortAsked, second: CohortAsked) -> bool:
    """Whether the two may be laid over each other: protected, that is one question."""
    things = dimensions(first.who) | dimensions(second.who)
    is_free = stricter(first, second).kind is not DisclosureClass.PROTECTED
    return is_free or len(things) <= MOST_DIMENSIONS


def stricter(first: CohortAsked, second: CohortAsked) -> CohortAsked:
    """Return the one in whose class both are told: protected, where either is."""
    return first if first.kind is DisclosureClass.PROTECTED else second


def may_cross(first: CohortAsked, second: CohortAsked, *attributes: str) -> bool:
    """Whether both may be cut by these attributes besides."""
    return first.may_cross(*attributes) and second.may_cross(*attributes)


def shared(first: CohortAsked, second: CohortAsked) -> ChartSpec:
    """Who is in both, and in one alone: out of all who are in either.

    Each part is a set whose figures are shown, so near twins are held against others.
    """
    one, other = first.people, second.people
    asked = stricter(first, second)
    either, *found = asked.parts([one | other, one & other, one - other, other - one])
    words = {
        "both": "In both",
        FIRST: f"In “{first.title}” alone",
        SECOND: f"In “{second.title}” alone",
    }
    cells = [
        Cell({"part": key}, either, fitting(people, either))
        for key, people in zip(words, found, strict=True)
    ]
    return ChartSpec(
        key="shared",
        kind="bars",
        title=f"Whom “{first.title}” and “{second.title}” share",
        published=asked.publish(cells, SHARED),
        category=Dimension("part", "Who", words),
        value="count",
        period=first.asked.at_date,
        evidence=first.asked.evidence([]),
    )


def figures(first: CohortAsked, second: CohortAsked) -> list[ChartSpec]:
    """Return the two cohorts by who their people are and what they use.

    Protected ones stop where the lattice does; there may be none.
    """
    catalogue = first.catalogue
    made = [shared(first, second)] if may_share(first, second) else []
    for key, attribute in (
        ("ages", "age_band"),
        ("ethnicity", "ethnicity_group"),
        ("deprivation", "imd_fifth"),
    ):
        if attribute in catalogue and may_cross(first, second, attribute):
            made.append(_by(first, second, key, attribute))
    differences = _furthest(first, second)
    if differences:
        made.append(_differences(first, second, differences))
    for name in TOTALS:
        if name in catalogue and may_cross(first, second, name):
            made.append(_amounts(first, second, "activity", [name], USE))
    costs = [n for n in cost_attributes(first) if may_cross(first, second, n)]
    if costs:
        made.append(_amounts(first, second, "cost", costs, COST))
    return made


def _by(first: CohortAsked, second: CohortAsked, key: str, attribute: str) -> ChartSpec:
    category, sets = divided(first.asked, attribute)
    cells = [
        Cell({GROUP: group, attribute: value}, people, people & having)
        for group, people in _both(first, second)
        for value, having in sets.items()
    ]
    return _figure(
        first, second, key, category, f"{category.title} in both cohorts", cells, SHARE
    )


def _furthest(first: CohortAsked, second: CohortAsked) -> list[tuple[str, str, BitMap]]:
    """The flags and values in which the two differ most, in standard errors."""
    one, other = first.people, second.people
    mine, theirs = max(1, len(one)), max(1, len(other))
    scored = []
    for name, value, having in characteristics(
        first, lambda name: may_cross(first, second, name)
    ):
        a = one.intersection_cardinality(having) / mine
        b = other.intersection_cardinality(having) / theirs
        spread = a * (1 - a) / mine + b * (1 - b) / theirs
        if spread:
            scored.append((abs(a - b) / spread**0.5, name, value, having))
    scored.sort(key=lambda each: -each[0])
    return [titled(first, *each) for _, *each in scored[: MOST_LOOKED_AT // 2]]


def _differences(
    first: CohortAsked, second: CohortAsked, chosen: list[tuple[str, str, BitMap]]
) -> ChartSpec:
    labels = {code: title for code, title, _ in chosen}
    cells = [
        Cell({GROUP: group, WHAT: code}, people, people & having)
        for group, people in _both(first, second)
        for code, _, having in chosen
    ]
    category = Dimension(WHAT, "Characteristic", labels)
    title = "Where the two differ most"
    return _figure(first, second, "differences", category, title, cells, HAVING)


def _amounts(
    first: CohortAsked,
    second: CohortAsked,
    key: str,
    names: list[str],
    measure: Measure,
) -> ChartSpec:
    index = first.index
    cells = [
        Cell(
            {GROUP: group, WHAT: name},
            people,
            index.contributors(name, people),
            amount=index.total(name, people),
        )
        for group, people in _both(first, second)
        for name in names
    ]
    labels = {name: first.asked.release.attribute(name).title for name in names}
    category = Dimension(WHAT, "Service", labels)
    title = f"{measure.title}, both cohorts"
    made = _figure(first, second, key, category, title, cells, measure)
    period = f"12 months to {first.asked.at_date.removeprefix('at ')}"
    return replace(made, period=period)


def _both(first: CohortAsked, second: CohortAsked) -> list[tuple[str, BitMap]]:
    return [(FIRST, first.people), (SECOND, second.people)]


def _figure(
    first: CohortAsked,
    second: CohortAsked,
    key: str,
    category: Dimension,
    title: str,
    cells: list[Cell],
    measure: Measure,
) -> ChartSpec:
    return ChartSpec(
        key=key,
        kind="bars",
        title=title,
        published=stricter(first, second).publish(cells, measure),
        category=category,
        series=groups(first, second),
        period=first.asked.at_date,
        evidence=first.asked.evidence([]),
    )
