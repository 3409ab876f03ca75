"""Which criteria ask about inclusion health: for few roles, and never exactly."""

from collections.abc import Iterator

from governance.access import Viewer
from linkage.feature_definitions import guarded_codes
from linkage.release.catalogue import Catalogue
from segmentation.cohorts.searches import UnknownCodelistError, question
from segmentation.cohorts.selectors import UnknownCohortError, version_of, who_of
from segmentation.cohorts.specs import Coded, Saved, Who, criteria, features_of

DEEPEST = 5


def guarded(viewer: Viewer, who: Who, catalogue: Catalogue) -> list[str]:
    """Return, in words, the criteria of a cohort that are for few roles."""
    return list(dict.fromkeys(_guarded(viewer, who, catalogue, 0)))


def _guarded(
    viewer: Viewer, who: Who, catalogue: Catalogue, deep: int
) -> Iterator[str]:
    for criterion in criteria(who):
        for name in features_of(criterion):
            if name in catalogue and catalogue[name].sensitive:
                yield f"“{catalogue[name].title}”"
        if isinstance(criterion, Coded) and _names_guarded(criterion):
            yield "a code of inclusion health"
        if isinstance(criterion, Saved) and deep < DEEPEST:
            try:
                inner = version_of(viewer, criterion.cohort, criterion.version)
            except UnknownCohortError:
                continue  # it cannot be counted either
            yield from _guarded(viewer, who_of(inner), catalogue, deep + 1)


def _names_guarded(criterion: Coded) -> bool:
    """Whether a search would find who has a guarded code, or one that begins so."""
    try:
        asked = question(criterion)
    except UnknownCodelistError:
        return False  # nor can it be searched for
    stems = tuple(guarded_codes())
    return any(
        code.startswith(stems)
        or (asked.is_prefix and any(stem.startswith(code) for stem in stems))
        for code in asked.codes
    )
