"""Which things a cohort's people have together: an UpSet plot and its table."""

from collections.abc import Sequence

from pyroaring import BitMap

from dashboards import wording
from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors.cohorts.asking import CohortAsked
from dashboards.selectors.cohorts.figures import condition_flags
from governance.disclosure import Cell, DisclosureClass, Measure
from segmentation.cohorts.steps.lattice import MOST_DIMENSIONS, dimensions
from segmentation.cohorts.steps.overlap import MOST_SETS, overlap

PART = "part"
TOGETHER = Measure("People with exactly these", per=100)
DEFAULT_SETS = 4
MOST_PARTS = 20
NOTHING = "none"


def flags(cohort: CohortAsked) -> list[tuple[str, str]]:
    """Return what may be laid over another: every flag of the release, by title."""
    found = [
        (name, attribute.title)
        for name, attribute in cohort.catalogue.items()
        if attribute.kind == "flag" and not attribute.sensitive
    ]
    return sorted(found, key=lambda pair: pair[1])


def most_sets(cohort: CohortAsked) -> int:
    """How many sets may be laid over one another; protected figures know few."""
    if cohort.kind is not DisclosureClass.PROTECTED:
        return MOST_SETS
    return max(0, MOST_DIMENSIONS - len(dimensions(cohort.who)))


def chosen(cohort: CohortAsked, wanted: Sequence[str]) -> list[str]:
    """Return the sets asked for; without any, the cohort's most common conditions."""
    known = {name for name, _ in flags(cohort)}
    picked = [name for name in dict.fromkeys(wanted) if name in known]
    if not picked:
        used = dimensions(cohort.who)
        people = cohort.people
        picked = sorted(
            (name for name in condition_flags(cohort) if name not in used),
            key=lambda name: (
                -people.intersection_cardinality(cohort.asked.release.bitmap(name))
            ),
        )[:DEFAULT_SETS]
    return picked[: most_sets(cohort)]


def together(cohort: CohortAsked, wanted: Sequence[str]) -> ChartSpec | None:
    """Return who has exactly which of some flags; None where nothing can be laid."""
    names = chosen(cohort, wanted)
    if len(names) < 2:
        return None
    release = cohort.asked.release
    sets: dict[str, BitMap] = {name: release.bitmap(name) for name in names}
    titles = {name: release.attribute(name).title for name in names}
    parts = overlap(cohort.people, sets)
    ordered = sorted(parts, key=lambda key: (-len(parts[key]), key))[:MOST_PARTS]
    labels = {_code(key): _words(key, titles) for key in ordered}
    cells = [Cell({PART: _code(key)}, cohort.people, parts[key]) for key in ordered]
    published = cohort.publish(cells, TOGETHER)
    shown = [cell for cell in published.cells if cell.rate is not None]
    title = f"What {cohort.title[:1].lower()}{cohort.title[1:]} has together"
    if shown:
        most = shown[0]
        share = wording.percent((most.rate or 0) / 100)
        title = f"Most common together: {labels[most.at[PART]]}, {share} of people"
    return ChartSpec(
        key="overlap",
        kind="upset",
        title=title,
        published=published,
        category=Dimension(PART, "Together", labels),
        period=cohort.asked.at_date,
        evidence=cohort.asked.evidence(names[:3]),
        sets={titles[name]: [_code(k) for k in ordered if name in k] for name in names},
    )


def _code(key: tuple[str, ...]) -> str:
    return "+".join(key) or NOTHING


def _words(key: tuple[str, ...], titles: dict[str, str]) -> str:
    if not key:
        return "None of them"
    if len(key) == 1:
        return f"{titles[key[0]]} only"
    return " and ".join(titles[name] for name in key)
