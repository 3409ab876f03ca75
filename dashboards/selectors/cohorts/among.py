"""A saved cohort as the denominator of other pages: its people, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

from django.core.exceptions import PermissionDenied
from pyroaring import BitMap

from dashboards.selectors.asked import Asked
from dashboards.selectors.cohorts.guarded import guarded
from dashboards.selectors.cohorts.outside import outside
from dashboards.selectors.places import Place
from segmentation.cohorts import released
from segmentation.cohorts.searches import SearchingError
from segmentation.cohorts.selectors import (
    UnknownCohortError,
    own_people,
    people,
    reader,
    version_of,
    who_of,
)
from segmentation.cohorts.specs import Who
from segmentation.cohorts.steps.lattice import LEAST_BASE, base, beyond_lattice
from segmentation.cohorts.steps.twins import fitting


def narrowed(asked: Asked, cohort_id: str) -> Asked:
    """Return a page's question narrowed to the cohort that its address names.

    Protected figures are those of the sets that the ledger allows for the place and
    for the whole it is compared with (`segmentation.cohorts.released`).
    PermissionDenied where the viewer may not open it, where figures of it would be
    protected and it is not in the words of the lattice, or too few stand behind it.
    """
    if not cohort_id:
        return asked
    if not cohort_id.isdecimal():
        raise PermissionDenied("There is no such cohort.")
    viewer, live = asked.viewer, asked.release
    try:
        version = version_of(viewer, int(cohort_id))
        who = who_of(version)
        found = people(viewer, live, who, within=live.everyone)
    except (UnknownCohortError, SearchingError, KeyError) as error:
        raise PermissionDenied(str(error)) from error
    if words := outside(viewer, who, live.catalogue):
        raise PermissionDenied(f"{'; '.join(words)}, which your role does not see.")
    if guarded(viewer, who, live.catalogue):
        raise PermissionDenied(
            "A cohort of inclusion health is counted on its own page, protected."
        )
    place, whole = asked.place.people, asked.geography.base
    here, everywhere = place & found, whole & found
    if not here:
        raise PermissionDenied("Nobody of this cohort is counted there.")
    if not _is_exact(asked):
        _refuse(asked, who)
        # The place is what is asked about, as on the cohort's own page.
        shown = _shown(asked, [everywhere, here], answers=True)
        everywhere, here = fitting(shown[0], whole), fitting(shown[1], place)
    return replace(
        asked,
        geography=replace(asked.geography, within=everywhere),
        place=replace(asked.place, people=here),
        among=version.cohort.title,
    )


def parts(asked: Asked, places: Sequence[Place]) -> list[Place]:
    """Return places beside one another with the people whose figures may be shown."""
    if not is_held(asked):
        return list(places)
    shown = _shown(asked, [place.people for place in places], answers=False)
    return [
        replace(place, people=people)
        for place, people in zip(places, shown, strict=True)
    ]


def is_held(asked: Asked) -> bool:
    """Whether a question is one of a cohort's protected figures, held by the ledger."""
    return asked.geography.within is not None and not _is_exact(asked)


def _is_exact(asked: Asked) -> bool:
    return asked.viewer.sees == "workspace" and not asked.leaves


def _refuse(asked: Asked, who: Who) -> None:
    """Refuse what the cohort's own page would refuse."""
    viewer, live = asked.viewer, asked.release
    reasons = beyond_lattice(who, live.catalogue)
    if not reasons:
        scope = asked.place.people & own_people(viewer, live)
        if len(base(who, reader(viewer, live), scope)) < LEAST_BASE:
            reasons.append(
                f"fewer than {LEAST_BASE} people live or are registered there by age,"
                " sex and place alone"
            )
    if reasons:
        raise PermissionDenied(
            f"No protected figure can be given among this cohort: {'; '.join(reasons)}."
        )


def _shown(asked: Asked, sets: Sequence[BitMap], *, answers: bool) -> list[BitMap]:
    try:
        return released.show(
            sets, release_id=asked.release.id, by=asked.viewer, answers=answers
        )
    except released.TooManyQuestionsError as error:
        raise PermissionDenied(
            f"No protected figure can be given among this cohort: {error}."
        ) from error
