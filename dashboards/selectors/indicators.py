"""An indicator's figures: by place as a funnel, by any lens as bars."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyroaring import BitMap

from dashboards import sentences
from dashboards.charts import ChartSpec, Dimension, Evidence
from dashboards.charts.funnel import is_exception
from dashboards.definitions import INDICATORS
from dashboards.selectors.asked import PLACE, Asked, lens
from dashboards.selectors.cohorts import among
from dashboards.selectors.lenses import dimension
from dashboards.selectors.places import KIND_TITLES, REGISTERED, Place
from dashboards.specs import IndicatorSpec, Sum
from dashboards.steps.aggregate import aggregate, measure_of
from governance.disclosure import Published, PublishedCell
from linkage.definitions import prices


@dataclass(frozen=True)
class Exceptions:
    """The places that chance hardly explains, by name."""

    higher: list[str]
    lower: list[str]

    def __len__(self) -> int:
        return len(self.higher) + len(self.lower)


def spec_of(name: str) -> IndicatorSpec:
    """Return an indicator's definition; KeyError names the known ones."""
    return INDICATORS[name]


def attributes_of(spec: IndicatorSpec) -> list[str]:
    """Return the attributes of a release that an indicator reads."""
    counted = spec.count
    first = (counted.sum_of,) if isinstance(counted, Sum) else counted.features
    also = [name for test in spec.among for name in test.features]
    return list(dict.fromkeys([*first, *also]))


def is_available(asked: Asked, name: str) -> bool:
    """Whether this release holds every attribute that an indicator reads."""
    wanted = attributes_of(spec_of(name))
    return all(attribute in asked.release.catalogue for attribute in wanted)


def overall(asked: Asked, name: str, *, before: bool = False) -> Published:
    """Return the indicator for the place in question and for the whole system."""
    spec = spec_of(name)
    counted = spec.before if before else None
    cells = aggregate(asked.release, spec, asked.groups(), counted=counted)
    return asked.publish(cells, measure_of(spec))


def by_lens(asked: Asked, name: str, attribute: str) -> ChartSpec:
    """Return the indicator by an attribute's values, beside the whole system's."""
    spec = spec_of(name)
    measure = measure_of(spec)
    category, sets = divided(asked, attribute)
    groups = asked.groups([(attribute, sets)])
    published = asked.publish(aggregate(asked.release, spec, groups), measure)
    mine = [
        (category.of(cell), cell)
        for cell in published.cells
        if cell.at[PLACE] == asked.place.code
    ]
    return ChartSpec(
        key=f"{name}-by-{attribute}",
        kind="bars",
        title=sentences.gap(mine, measure, asked.place.name),
        published=published,
        category=category,
        series=asked.series,
        period=period_of(asked, spec),
        evidence=evidence_of(asked, spec),
        definition=definition_of(spec),
    )


def divided(asked: Asked, attribute: str) -> tuple[Dimension, Mapping[str, BitMap]]:
    """Return a lens as a figure's category, and the people of each of its values."""
    category = dimension(asked.release, attribute)
    _, sets = lens(asked.release, attribute)
    kept = category.only(sets)
    return kept, {value: sets[value] for value in kept.labels}


def by_place(asked: Asked, name: str, kind: str) -> ChartSpec:
    """Return the indicator for every place of a kind inside the place in question.

    The funnel's target is the whole system's own rate.
    """
    spec = spec_of(name)
    measure = measure_of(spec)
    places = places_of(asked, kind)
    kind = places[0].kind if places else kind
    groups = [({kind: place.code}, place.people) for place in places]
    published = asked.publish(aggregate(asked.release, spec, groups), measure)
    category = Dimension(
        kind, KIND_TITLES[kind], {place.code: place.name for place in places}
    )
    target = overall(asked, name).cells[-1].rate
    found = outside(published, target, category)
    seen = sum(cell.rate is not None for cell in published.cells)
    figure = ChartSpec(
        key=f"{name}-by-{kind}",
        kind="funnel",
        title=sentences.exceptions(found.higher, found.lower, seen, measure, kind),
        published=published,
        category=category,
        period=period_of(asked, spec),
        evidence=evidence_of(asked, spec),
        target=target,
        definition=definition_of(spec),
    )
    if figure.fitness.grade == "red":
        # What is not fit to decide by is shown, and nobody is ranked by it.
        title = f"{measure.title}, not ranked: {figure.fitness.verdict.lower()}"
        return replace(figure, title=title)
    return figure


def places_of(asked: Asked, kind: str) -> list[Place]:
    """Return the places of a kind within the place in question, else its parts.

    By residence, organisations give way to districts. A council may hold districts
    where none of the viewer's people live: those are left out.
    """
    is_resident = asked.geography.basis == "resident"
    wanted = "district" if is_resident and kind in REGISTERED else kind
    inside = asked.geography.of_kind(wanted, asked.place.people)
    if len(inside) > 1 and wanted in asked.geography.kinds:
        whole = asked.geography.everyone_in(asked.place)
        found = [p for p in inside if p.people.issubset(whole)]
    else:
        found = asked.geography.parts_of(asked.place)
    seen = {place.code for place in asked.geography.visible_to(asked.viewer)}
    return among.parts(asked, [place for place in found if place.code in seen])


def outside(
    published: Published, target: float | None, category: Dimension
) -> Exceptions:
    """Return the places outside the funnel's wider limits (one in 500 by chance)."""
    found = Exceptions([], [])
    if target is None or published.measure.unit == "£":
        return found
    for cell in published.cells:
        side = is_exception(cell, target, published.measure)
        if side:
            getattr(found, side).append(category.of(cell))
    return found


def moved(asked: Asked, name: str) -> tuple[PublishedCell, PublishedCell] | None:
    """Return the place's figure now and a year before, where it is defined."""
    spec = spec_of(name)
    if spec.before is None or spec.before.sum_of not in asked.release.catalogue:
        return None
    return overall(asked, name).cells[0], overall(asked, name, before=True).cells[0]


def period_of(asked: Asked, spec: IndicatorSpec) -> str:
    """Say the period, with the data date in full; of money also at whose prices."""
    period = spec.period.replace("the data date", asked.at_date.removeprefix("at "))
    return f"{period}, at {prices().words}" if spec.unit == "£" else period


def evidence_of(asked: Asked, spec: IndicatorSpec) -> Evidence:
    """Return the evidence card in the definition's own words."""
    return asked.evidence(
        attributes_of(spec),
        source=spec.source,
        completeness=spec.completeness,
        caveat=spec.caveat,
    )


def definition_of(spec: IndicatorSpec) -> str:
    """Say what is counted, out of whom, who owns it and which version it is."""
    return (
        f"{spec.title}, out of: {spec.among_words.lower()}. Version {spec.version},"
        f" owned by the {spec.owner.lower()}, review due {spec.review_by:%B %Y}"
    )


def sentence(asked: Asked, name: str) -> str:
    """Say the place's figure beside the whole system's."""
    published = overall(asked, name)
    mine, *others = published.cells
    theirs = others[0] if others else None
    return sentences.against(asked.place.name, mine, theirs, published.measure)
