"""A saved cohort as the denominator of other pages: its people, and nothing else."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from pyroaring import BitMap

from dashboards.selectors.cohorts.guarded import guarded
from governance.access import Viewer
from linkage.release.selectors import ReleaseView
from segmentation.cohorts import released
from segmentation.cohorts.searches import SearchingError
from segmentation.cohorts.selectors import (
    UnknownCohortError,
    people,
    version_of,
    who_of,
)
from segmentation.cohorts.steps.lattice import beyond_lattice


@dataclass(frozen=True)
class Narrowed:
    """The cohort's title and people; no people means that nothing is narrowed."""

    title: str = ""
    people: BitMap | None = None


def narrowed(
    viewer: Viewer, live: ReleaseView, cohort_id: str, leaves: bool
) -> Narrowed:
    """Return whom a page is narrowed to by the cohort that its address names.

    PermissionDenied where the viewer may not open it, or where figures of it would
    be protected and it is not in the words of the lattice.
    """
    if not cohort_id:
        return Narrowed()
    if not cohort_id.isdecimal():
        raise PermissionDenied("There is no such cohort.")
    try:
        version = version_of(viewer, int(cohort_id))
        who = who_of(version)
        found = people(viewer, live, who, within=live.everyone)
    except (UnknownCohortError, SearchingError, KeyError) as error:
        raise PermissionDenied(str(error)) from error
    if guarded(viewer, who, live.catalogue):
        raise PermissionDenied(
            "A cohort of inclusion health is counted on its own page, protected."
        )
    is_exact = viewer.sees == "workspace" and not leaves
    reasons = [] if is_exact else beyond_lattice(who, live.catalogue)
    if reasons:
        raise PermissionDenied(
            f"No protected figure can be given among this cohort: {'; '.join(reasons)}."
        )
    if not is_exact:
        (found,) = released.show([found], release_id=live.id, by=viewer, answers=False)
    return Narrowed(version.cohort.title, found)
