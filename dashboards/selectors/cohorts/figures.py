"""Who a cohort's people are, each figure beside the place's whole population."""

from collections.abc import Iterable, Mapping

from pyroaring import BitMap

from dashboards import sentences
from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors.cohorts.apart import HAVING, WHAT, apart_in, inside
from dashboards.selectors.cohorts.asking import (
    COHORT,
    GROUP,
    POPULATION,
    CohortAsked,
)
from dashboards.selectors.indicators import divided
from governance.disclosure import Cell, Measure
from linkage.definitions import prices

SHARE = Measure("Share of people", per=100)
COST = Measure(f"Cost in 12 months ({prices().words})", unit="£", per=1)
USE = Measure("Uses of services in 12 months", unit="uses", per=1000)
# The services whose counts can stand side by side; bed days and money cannot.
SERVICES = (
    "gp_appointments_12m",
    "outpatient_attendances_12m",
    "emergency_attendances_12m",
    "emergency_admissions_12m",
    "elective_admissions_12m",
    "community_contacts_12m",
    "mental_health_contacts_12m",
)
MOST_CONDITIONS = 15


def figures(cohort: CohortAsked) -> list[tuple[str, ChartSpec]]:
    """Return every figure that this release can give of a cohort, in reading order.

    A figure is one more cut, or two: protected ones stop where the lattice does.
    """
    catalogue = cohort.catalogue
    found: list[tuple[str, ChartSpec]] = []
    if {"age_band", "sex"} <= set(catalogue):
        if cohort.may_cross("age_band", "sex"):
            found.append(("ages", ages(cohort)))
        elif cohort.may_cross("age_band"):
            found.append(("ages", divided_by(cohort, "ages", "age_band")))
    for key, attribute in (
        ("ethnicity", "ethnicity_group"),
        ("deprivation", "imd_fifth"),
        ("segments", "segment"),
    ):
        is_shown = attribute in catalogue and not catalogue[attribute].sensitive
        if is_shown and cohort.may_cross(attribute):
            found.append((key, divided_by(cohort, key, attribute)))
    flags = [name for name in condition_flags(cohort) if cohort.may_cross(name)]
    if flags:
        found.append(("conditions", conditions(cohort, flags)))
    used = [n for n in SERVICES if n in catalogue and cohort.may_cross(n)]
    if used:
        found.append(("activity", amounts(cohort, "activity", used, USE)))
    costs = [name for name in cost_attributes(cohort) if cohort.may_cross(name)]
    if costs:
        found.append(("cost", amounts(cohort, "cost", costs, COST)))
    return found


def condition_flags(cohort: CohortAsked) -> list[str]:
    """The registers of long-term conditions, as the release names them."""
    return [
        name
        for name, attribute in cohort.catalogue.items()
        if name.startswith("has_")
        and attribute.kind == "flag"
        and not attribute.sensitive
    ]


def cost_attributes(cohort: CohortAsked) -> list[str]:
    """Cost by setting, and in all."""
    return [
        name
        for name, attribute in cohort.catalogue.items()
        if attribute.unit == "£" and name.startswith("cost_") and name.endswith("_12m")
    ]


def share_cells(
    cohort: CohortAsked, key: str, sets: Mapping[str, BitMap]
) -> list[Cell]:
    """Return the cohort's cells by the values of one lens, then the population's."""
    everyone = cohort.population.people

    def theirs() -> list[Cell]:
        return [
            Cell({GROUP: POPULATION, key: value}, everyone, inside(everyone, having))
            for value, having in sets.items()
        ]

    mine = cohort.people
    cells = [
        Cell({GROUP: COHORT, key: value}, mine, mine & having)
        for value, having in sets.items()
    ]
    return cells + cohort.population.once(f"shares {key} {len(sets)}", theirs)


def ages(cohort: CohortAsked) -> ChartSpec:
    """The age-sex pyramid, with the population as its outline."""
    bands, band_sets = divided(cohort.asked, "age_band")
    sexes, sex_sets = divided(cohort.asked, "sex")
    crossed = {
        f"{band}|{sex}": (in_band, of_sex)
        for band, in_band in band_sets.items()
        for sex, of_sex in sex_sets.items()
    }

    def cells(group: str, people: BitMap) -> list[Cell]:
        by_sex = {sex: people & of_sex for sex, of_sex in sex_sets.items()}
        made = []
        for key, (in_band, _) in crossed.items():
            band, _, sex = key.partition("|")
            at = {GROUP: group, "age_band": band, "sex": sex}
            made.append(Cell(at, people, by_sex[sex] & in_band))
        return made

    theirs = cohort.population.once(
        "ages", lambda: cells(POPULATION, cohort.population.people)
    )
    return ChartSpec(
        key="ages",
        kind="pyramid",
        title=f"{cohort.title} by age and sex, beside {cohort.asked.place.name}",
        published=cohort.publish([*cells(COHORT, cohort.people), *theirs], SHARE),
        category=bands,
        split=sexes,
        series=cohort.groups,
        period=cohort.asked.at_date,
        evidence=cohort.asked.evidence(["age_band", "sex"]),
    )


def divided_by(cohort: CohortAsked, key: str, attribute: str) -> ChartSpec:
    """How the people divide by one attribute, beside the population."""
    category, sets = divided(cohort.asked, attribute)
    published = cohort.publish(share_cells(cohort, attribute, sets), SHARE)
    apart = apart_in(published, attribute, category.labels)
    return ChartSpec(
        key=key,
        kind="bars",
        title=apart[0].words if apart else f"{category.title}: much as everyone here",
        published=published,
        category=category,
        series=cohort.groups,
        period=cohort.asked.at_date,
        evidence=cohort.asked.evidence([attribute]),
    )


def conditions(cohort: CohortAsked, flags: Iterable[str]) -> ChartSpec:
    """The conditions most common in the cohort, beside the population."""
    release, people = cohort.asked.release, cohort.people
    counted = sorted(
        (-people.intersection_cardinality(release.bitmap(flag)), n, flag)
        for n, flag in enumerate(flags)
    )
    chosen = [flag for _, _, flag in counted[:MOST_CONDITIONS]]
    labels = {flag: release.attribute(flag).title for flag in chosen}
    everyone = cohort.population.people
    cells = []
    for flag in chosen:
        having = release.bitmap(flag)
        cells.append(Cell({GROUP: COHORT, WHAT: flag}, people, people & having))
        theirs = cohort.population.once(
            f"flag {flag}", lambda h=having: inside(everyone, h)
        )
        cells.append(Cell({GROUP: POPULATION, WHAT: flag}, everyone, theirs))
    published = cohort.publish(cells, HAVING)
    apart = apart_in(published, WHAT, labels)
    return ChartSpec(
        key="conditions",
        kind="bars",
        title=apart[0].words if apart else "Conditions: much as everyone here",
        published=published,
        category=Dimension(WHAT, "Condition", labels),
        series=cohort.groups,
        period=cohort.asked.at_date,
        evidence=cohort.asked.evidence(chosen[:3]),
    )


def amounts(
    cohort: CohortAsked, key: str, names: list[str], measure: Measure
) -> ChartSpec:
    """Sums over the people by kind of service, per head, beside the population."""
    index = cohort.index

    def cell(group: str, name: str, people: BitMap) -> Cell:
        return Cell(
            {GROUP: group, WHAT: name},
            people,
            index.contributors(name, people),
            amount=index.total(name, people),
        )

    cells = []
    everyone = cohort.population.people
    for name in names:
        cells.append(cell(COHORT, name, cohort.people))
        theirs = cohort.population.once(
            f"amount {name}", lambda n=name: cell(POPULATION, n, everyone)
        )
        cells.append(theirs)
    published = cohort.publish(cells, measure)
    labels = {name: cohort.asked.release.attribute(name).title for name in names}
    first = published.cells[0]
    said = sentences.figure_in_words(first, measure)
    return ChartSpec(
        key=key,
        kind="bars",
        title=f"{cohort.title}: {labels[names[0]].lower()}, {said}",
        published=published,
        category=Dimension(WHAT, "Service", labels),
        series=cohort.groups,
        period=f"12 months to {cohort.asked.at_date.removeprefix('at ')}",
        evidence=cohort.asked.evidence(names[:1]),
    )
