"""Which criteria ask about inclusion health: for few roles, and never exactly."""

from collections.abc import Iterator

from governance.access import Viewer
from linkage.release.catalogue import Catalogue
from segmentation.cohorts.selectors import every_criterion, is_guarded
from segmentation.cohorts.specs import Coded, Who, features_of


def guarded(viewer: Viewer, who: Who, catalogue: Catalogue) -> list[str]:
    """Return, in words, the criteria of a cohort that are for few roles.

    Those of saved cohorts that it rests on too.
    """
    return list(dict.fromkeys(_guarded(viewer, who, catalogue)))


def _guarded(viewer: Viewer, who: Who, catalogue: Catalogue) -> Iterator[str]:
    for criterion in every_criterion(viewer, who):
        for name in features_of(criterion):
            if name in catalogue and catalogue[name].sensitive:
                yield f"“{catalogue[name].title}”"
        if isinstance(criterion, Coded) and is_guarded(criterion):
            yield "a code of inclusion health"
