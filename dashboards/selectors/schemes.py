"""Segment schemes as pages show them: sizes, and who moved within a year."""

from pyroaring import BitMap

from dashboards.charts import ChartSpec, Dimension, Evidence
from dashboards.selectors.asked import PLACE, Asked
from governance.access import Viewer
from governance.disclosure import Cell, Measure, Published, protect
from segmentation.actions import BEFORE, NOT_HERE
from segmentation.definitions import is_sensitive
from segmentation.specs import SchemeSpec

NOT_HERE_TITLE = "Not here a year before"
SHARE = Measure("Share of people", per=100)


def may_see(viewer: Viewer, scheme: SchemeSpec) -> bool:
    """Whether figures of a scheme are for this viewer under this purpose."""
    return viewer.sees_sensitive or not is_sensitive(scheme.tested)


def figures(asked: Asked, scheme: SchemeSpec) -> list[tuple[str, ChartSpec]]:
    """Return the segments' sizes, and where each segment's people came from."""
    name = scheme.attribute
    if name not in asked.release.catalogue or not may_see(asked.viewer, scheme):
        return []
    found = [("sizes", _sizes(asked, scheme))]
    if f"{name}_{BEFORE}" in asked.release.catalogue:
        found.append(("moves", _moves(asked, scheme)))
    return found


def _titles(scheme: SchemeSpec) -> dict[str, str]:
    return {segment.name: segment.title for segment in scheme.segments}


def _publish(
    asked: Asked, scheme: SchemeSpec, cells: list[Cell], measure: Measure
) -> Published:
    if is_sensitive(scheme.tested):
        return protect(cells, measure=measure, viewer=asked.viewer)
    return asked.publish(cells, measure)


def _sizes(asked: Asked, scheme: SchemeSpec) -> ChartSpec:
    name = scheme.attribute
    cells = [
        Cell(
            {name: segment, PLACE: place.code},
            place.people,
            place.people & asked.release.bitmap(name, segment),
        )
        for place in asked.compared
        for segment in _titles(scheme)
    ]
    return ChartSpec(
        key=f"{name}-sizes",
        kind="bars",
        title="How many people are in which segment",
        published=_publish(asked, scheme, cells, SHARE),
        category=Dimension(name, "Segment", _titles(scheme)),
        series=asked.series,
        period=asked.at_date,
        evidence=_evidence(asked, scheme),
    )


def _moves(asked: Asked, scheme: SchemeSpec) -> ChartSpec:
    """The people of each segment now, by the segment they were in a year before."""
    name, before = scheme.attribute, f"{scheme.attribute}_{BEFORE}"
    titles = _titles(scheme)
    was = titles | {NOT_HERE: NOT_HERE_TITLE}
    people = asked.place.people
    cells = []
    for now in titles:
        here = BitMap(people & asked.release.bitmap(name, now))
        for then in was:
            cells.append(
                Cell(
                    {name: now, before: then},
                    here,
                    here & asked.release.bitmap(before, then),
                )
            )
    measure = Measure("Share of the segment's people", per=100)
    return ChartSpec(
        key=f"{name}-moves",
        kind="bars",
        title="Where the people of each segment were a year before",
        published=_publish(asked, scheme, cells, measure),
        category=Dimension(name, "Segment now", titles),
        series=Dimension(before, "A year before", was),
        period=f"{asked.at_date}, and 365 days before by what was known then",
        evidence=_evidence(asked, scheme),
    )


def _evidence(asked: Asked, scheme: SchemeSpec) -> Evidence:
    return asked.evidence(
        [],
        source=scheme.source,
        completeness="Everyone in the release is in exactly one segment",
    )
