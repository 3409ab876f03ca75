"""The catalogue of features: definitions, and how each is spread over people."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from dashboards.charts import ChartSpec, Dimension
from dashboards.selectors.asked import PLACE, Asked
from dashboards.selectors.indicators import places_of
from dashboards.selectors.lenses import dimension, worded
from dashboards.selectors.places import KIND_TITLES
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published, protect
from linkage.code_lists import Codelist
from linkage.codebook.in_force import in_force
from linkage.feature_definitions import FEATURES
from linkage.feature_specs import FeatureSpec
from linkage.release.catalogue import Attribute

SHARE = "Share of people"


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue."""

    name: str
    spec: FeatureSpec


def catalogue(asked: str = "") -> dict[str, list[Entry]]:
    """Return every feature by group, those whose words hold what was asked."""
    wanted = asked.strip().lower()
    found: dict[str, list[Entry]] = {}
    for name, spec in FEATURES.items():
        words = f"{name} {spec.title} {spec.why} {spec.source}".lower()
        if wanted in words or wanted.replace(" ", "_") in words:
            found.setdefault(spec.group, []).append(Entry(name, spec))
    for entries in found.values():
        entries.sort(key=lambda entry: entry.spec.title)
    return dict(sorted(found.items()))


def measures() -> int:
    """How many there are: one measure over other windows or settings counts once."""
    return len({spec.measure or name for name, spec in FEATURES.items()})


def codelists_of(spec: FeatureSpec) -> list[Codelist]:
    """Return the codelists in force that a feature reads, in order."""
    lists = in_force()
    return [lists[name] for name in sorted(spec.codelists)]


def may_see(viewer: Viewer, spec: FeatureSpec) -> bool:
    """Whether figures of a feature are for this viewer under this purpose."""
    return viewer.sees_sensitive or not spec.sensitive


def figures(asked: Asked, name: str) -> list[tuple[str, ChartSpec]]:
    """Return how a feature is spread, and by practice where it is (not) known.

    Nothing where the release does not hold it yet, or it is not the viewer's to see.
    """
    spec = FEATURES[name]
    column = spec.columns(name)[0]
    if column not in asked.release.catalogue or not may_see(asked.viewer, spec):
        return []
    attribute = asked.release.attribute(column)
    found = []
    if attribute.bitmap_values:
        found.append(("spread", _spread(asked, attribute)))
    if asked.geography.parts_of(asked.place):
        found.append(("places", _by_place(asked, attribute)))
    return found


def _publish(
    asked: Asked, attribute: Attribute, cells: Sequence[Cell], measure: Measure
) -> Published:
    """Counts of a sensitive feature are protected for everybody."""
    if attribute.sensitive:
        return protect(cells, measure=measure, viewer=asked.viewer)
    return asked.publish(cells, measure)


def _spread(asked: Asked, attribute: Attribute) -> ChartSpec:
    labels = _labels(asked, attribute)
    cells = [
        Cell(
            {attribute.name: value, PLACE: place.code},
            place.people,
            place.people & asked.release.bitmap(attribute.name, value),
        )
        for place in asked.compared
        for value in labels.labels
    ]
    measure = Measure(SHARE, per=100)
    return ChartSpec(
        key=f"{attribute.name}-spread",
        kind="bars",
        title=f"{attribute.title}: how many have which value",
        published=_publish(asked, attribute, cells, measure),
        category=labels,
        series=asked.series,
        period=asked.at_date,
        evidence=asked.evidence([], source=attribute.source, completeness=COMPLETENESS),
    )


COMPLETENESS = "The figure by practice below says for how many it is not known"


def _labels(asked: Asked, attribute: Attribute) -> Dimension:
    if attribute.kind == "flag":
        return Dimension(attribute.name, attribute.title, {"yes": "Yes", "no": "No"})
    if attribute.kind == "number":
        values = attribute.bitmap_values
        return Dimension(
            attribute.name,
            f"{attribute.title}, {attribute.unit}",
            {value: value for value in values},
        )
    if attribute.kind == "date":
        return Dimension(attribute.name, attribute.title, {"known": worded("known")})
    return dimension(asked.release, attribute.name)


def _by_place(asked: Asked, attribute: Attribute) -> ChartSpec:
    """By practice: who has a flag, or for whom any other value is not known."""
    places = places_of(asked, "practice")
    kind = places[0].kind if places else "practice"
    if attribute.kind == "flag":
        having = asked.release.bitmap(attribute.name)
        measure = Measure(f"{attribute.title}: yes", per=100)
        title = f"{attribute.title} by {KIND_TITLES[kind].lower()}"
    else:
        having = asked.release.everyone - asked.release.known(attribute.name)
        measure = Measure(f"{attribute.title}: not known", per=100, better="lower")
        title = f"For how many it is not known, by {KIND_TITLES[kind].lower()}"
    cells = [
        Cell({kind: place.code}, place.people, BitMap(place.people & having))
        for place in places
    ]
    return ChartSpec(
        key=f"{attribute.name}-by-{kind}",
        kind="bars",
        title=title,
        published=_publish(asked, attribute, cells, measure),
        category=Dimension(
            kind, KIND_TITLES[kind], {place.code: place.name for place in places}
        ),
        period=asked.at_date,
        evidence=asked.evidence(
            [], source=attribute.source, completeness="Everyone in the release"
        ),
    )
