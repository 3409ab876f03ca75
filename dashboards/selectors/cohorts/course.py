"""How a scheduled cohort changed: its size at each release, who came and who left."""

from dataclasses import dataclass
from datetime import date

from pyroaring import BitMap

from dashboards.selectors.cohorts.asking import CohortAsked
from governance.disclosure import Cell, Measure, PublishedCell
from segmentation.cohorts.selectors import gone_of, has_closed_codes
from segmentation.models import CohortVersion

SIZE = Measure("People in the cohort")


@dataclass(frozen=True)
class Measured:
    """One release: how many were in it, came since the one before, and left."""

    as_of: date
    people: PublishedCell
    came: PublishedCell | None
    left: PublishedCell | None


def course(cohort: CohortAsked, version: CohortVersion) -> list[Measured]:
    """Return each time a version was counted, newest first, in the viewer's scope.

    The worker counts for no purpose: whom the viewer's may not use is taken off here.
    """
    view = cohort.asked.release
    if cohort.refusals or has_closed_codes(cohort.asked.viewer, view, cohort.who):
        return []
    scope = cohort.population.people - gone_of(view, cohort.who)
    made: list[Measured] = []
    before: BitMap | None = None
    sizes = list(version.sizes.order_by("as_of", "release_id"))
    sets = cohort.parts([BitMap.deserialize(bytes(s.people)) & scope for s in sizes])
    for size, now in zip(sizes, sets, strict=True):
        cells = [Cell({"what": "people"}, now)]
        if before is not None:
            cells += [
                Cell({"what": "came"}, now - before),
                Cell({"what": "left"}, before - now),
            ]
        people, *moved = cohort.publish(cells, SIZE).cells
        came, left = moved if moved else (None, None)
        made.append(Measured(size.as_of, people, came, left))
        before = now
    return made[::-1]
