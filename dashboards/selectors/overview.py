"""The population overview: who lives here and what do they need?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from dashboards import sentences, wording
from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors import indicators
from dashboards.selectors.area_map import people_map
from dashboards.selectors.asked import PLACE, Asked
from dashboards.selectors.cohorts import among
from dashboards.selectors.indicators import divided
from governance.disclosure import Cell, Measure, Published, PublishedCell
from linkage.release.selectors import ReleaseView

SHARE = Measure("Share of people", per=100)
OLDER_BANDS = ("65-69", "70-74", "75-79", "80-84", "85-89", "90+")
OTHER_THAN_WHITE = ("Mixed", "Asian", "Black", "Other")


@dataclass(frozen=True)
class Tile:
    """A headline number with what it is compared with."""

    title: str
    figure: str
    note: str


def share_of(asked: Asked, title: str, having: BitMap) -> Published:
    """Return what share of each place compared is in a set of people."""
    cells = [Cell(at, people, people & having) for at, people in asked.groups()]
    return asked.publish(cells, Measure(title, per=100))


def divided_shares(
    asked: Asked, lenses: Mapping[str, Mapping[str, BitMap]]
) -> Published:
    """Return the share of each place's people in every combination of lens values."""
    everyone = {place.code: place.people for place in asked.compared}
    groups = asked.groups((key, dict(sets)) for key, sets in lenses.items())
    cells = [Cell(at, everyone[at[PLACE]], having) for at, having in groups]
    return asked.publish(cells, SHARE)


def spoken(asked: Asked, published: Published, words: str) -> str:
    """Fill "{here}… {there}" with the place's and the system's figures."""
    mine, *others = published.cells
    if mine.rate is None:
        measure = published.measure.title.lower()
        return f"{asked.place.name} has too few people to show: {measure}"
    here = sentences.figure_in_words(mine, published.measure)
    said = words.format(name=asked.place.name, here=here)
    if others and others[0].rate is not None:
        there = sentences.figure_in_words(others[0], published.measure)
        said += f", against {there} in the whole system"
    return said


def ages(asked: Asked) -> ChartSpec:
    """The age-sex pyramid, with the whole system as its outline."""
    bands, band_sets = divided(asked, "age_band")
    sexes, sex_sets = divided(asked, "sex")
    older = share_of(
        asked, "Aged 65 or over", asked.release.any_of("age_band", OLDER_BANDS)
    )
    return ChartSpec(
        key="ages",
        kind="pyramid",
        title=spoken(asked, older, "{here} of people in {name} are 65 or over"),
        published=divided_shares(asked, {"age_band": band_sets, "sex": sex_sets}),
        category=bands,
        split=sexes,
        series=asked.series,
        period=asked.at_date,
        evidence=asked.evidence(["age_band", "sex"]),
    )


def segments(asked: Asked) -> ChartSpec:
    """The segments as a bar of 100 people, beside the whole system's."""
    category, sets = divided(asked, "segment")
    published = divided_shares(asked, {"segment": sets})
    mine = [cell for cell in published.cells if cell.at[PLACE] == asked.place.code]
    return ChartSpec(
        key="segments",
        kind="hundred",
        title=_largest(mine, category, asked.place.name),
        published=published,
        category=category,
        series=asked.series,
        period=asked.at_date,
        evidence=asked.evidence(
            ["segment"],
            caveat=(
                "In the style of Bridges to Health: the national order of precedence"
                " is inferred"
            ),
        ),
    )


def _largest(mine: list[PublishedCell], category: Dimension, name: str) -> str:
    shown = [cell for cell in mine if cell.rate is not None]
    if not shown:
        return f"{name} has too few people to show its segments"
    top = max(shown, key=lambda cell: cell.rate or 0.0)
    people = round(top.rate or 0.0)
    return f"Of 100 people in {name}, {people} are in the segment “{category.of(top)}”"


def deprivation(asked: Asked) -> ChartSpec:
    """How a place's people divide by deprivation fifth, beside the system's."""
    most = share_of(
        asked, "Most deprived fifth", asked.release.bitmap("imd_fifth", "1")
    )
    words = "{here} of people in {name} live in England’s most deprived fifth of areas"
    return _profile(asked, "deprivation", "imd_fifth", spoken(asked, most, words))


def ethnicity(asked: Asked) -> ChartSpec:
    """How a place's people divide by ethnic group, beside the system's."""
    groups = asked.release.any_of("ethnicity_group", OTHER_THAN_WHITE)
    share = share_of(asked, "Other than White", groups)
    words = "{here} of people in {name} are of an ethnic group other than White"
    return _profile(asked, "ethnicity", "ethnicity_group", spoken(asked, share, words))


def _profile(asked: Asked, key: str, attribute: str, title: str) -> ChartSpec:
    category, sets = divided(asked, attribute)
    return ChartSpec(
        key=key,
        kind="bars",
        title=title,
        published=divided_shares(asked, {attribute: sets}),
        category=category,
        series=asked.series,
        period=asked.at_date,
        evidence=asked.evidence([attribute]),
    )


def admissions_by_segment(asked: Asked) -> ChartSpec:
    return indicators.by_lens(asked, "emergency_admissions", "segment")


def cost_by_segment(asked: Asked) -> ChartSpec:
    return indicators.by_lens(asked, "cost_per_head", "segment")


def admissions_by_place(asked: Asked) -> ChartSpec:
    return indicators.by_place(asked, "emergency_admissions", "pcn")


@dataclass(frozen=True)
class Figure:
    """One figure of the page: how it is made, and the attributes it needs."""

    make: Callable[[Asked], ChartSpec]
    needs: tuple[str, ...]


FIGURES: dict[str, Figure] = {
    "ages": Figure(ages, ("age_band", "sex")),
    "segments": Figure(segments, ("segment",)),
    "deprivation": Figure(deprivation, ("imd_fifth",)),
    "ethnicity": Figure(ethnicity, ("ethnicity_group",)),
    "admissions-by-segment": Figure(
        admissions_by_segment, ("segment", "emergency_admissions_12m")
    ),
    "cost-by-segment": Figure(cost_by_segment, ("segment", "cost_total_12m")),
    "admissions-by-place": Figure(admissions_by_place, ("emergency_admissions_12m",)),
    "map": Figure(people_map, ("lsoa_code",)),
}


def has(asked: Asked, key: str) -> bool:
    """Whether a figure can be given: the release holds what it needs, with enough to
    compare, and the question may be answered by it."""
    if key == "admissions-by-place" and not asked.geography.parts_of(asked.place):
        return False
    # Hundreds of sets of a dozen people: more than the ledger can hold against each
    # other, so outside the workspace no map is drawn of a cohort.
    if key == "map" and among.is_held(asked):
        return False
    return all(name in asked.release.catalogue for name in FIGURES[key].needs)


def figure(asked: Asked, key: str) -> ChartSpec:
    """Return one figure of the page; KeyError for no such figure."""
    return FIGURES[key].make(asked)


def tiles(asked: Asked, before: ReleaseView | None) -> list[Tile]:
    """Return the headline numbers, each with what it is compared with."""
    found = [_people_tile(asked, before)]
    catalogue = asked.release.catalogue
    for name in ("emergency_admissions", "people_with_two_or_more_conditions"):
        if indicators.is_available(asked, name):
            found.append(_indicator_tile(asked, name))
    if "cost_total_12m" in catalogue:
        found.append(_indicator_tile(asked, "cost_per_head"))
    return found


def _people_tile(asked: Asked, before: ReleaseView | None) -> Tile:
    measure = Measure("People")
    now = _count(asked, asked.place.people, measure)
    note = asked.basis_words
    if before is not None:
        earlier = type(asked.geography)(before, asked.geography.basis)
        was = next(
            (
                p
                for p in earlier.of_kind(asked.place.kind)
                if p.code == asked.place.code
            ),
            None,
        )
        if was is not None:
            cell = _count(asked, was.people, measure)
            note += (
                f"; {cell.hidden or wording.count(cell.count)} in the release before"
            )
    return Tile("People", now.hidden or wording.count(now.count), note)


def _count(asked: Asked, people: BitMap, measure: Measure) -> PublishedCell:
    cells = [Cell({PLACE: asked.place.code}, people)]
    return asked.publish(cells, measure).cells[0]


def _indicator_tile(asked: Asked, name: str) -> Tile:
    spec = indicators.spec_of(name)
    published = indicators.overall(asked, name)
    mine, *others = published.cells
    notes = [indicators.period_of(asked, spec)]
    if others:
        system = sentences.figure_in_words(others[0], published.measure)
        notes.append(f"whole system {system}")
    moved = indicators.moved(asked, name)
    if moved:
        notes.append(sentences.change(*moved, published.measure))
    figure = sentences.figure_in_words(mine, published.measure)
    return Tile(spec.title, figure, "; ".join(filter(None, notes)))


def headline(asked: Asked) -> tuple[str, str]:
    """Return the page's title and lead: who lives here and what do they need?"""
    size = _count(asked, asked.place.people, Measure("People"))
    people = size.hidden or f"{wording.count(size.count)} people"
    title = f"{asked.place.name}: {people}"
    name = "emergency_admissions"
    if not indicators.is_available(asked, name):
        return title, ""
    published = indicators.overall(asked, name)
    mine, *others = published.cells
    theirs = others[0] if others else None
    said = sentences.against(asked.place.name, mine, theirs, published.measure)
    return title, f"{said} ({indicators.period_of(asked, indicators.spec_of(name))})."
