"""What of a cohort a care team's role does not see: the lanes of its timeline.

Whoever sees rows of their own people counts them exactly, or nearly so: a criterion,
or a figure beside it, would tell of one person what the person's page keeps back. Who
sees figures of a whole place alone is held by disclosure control instead.
"""

from collections.abc import Iterator

from dashboards.selectors.lanes import (
    closed_words,
    in_words,
    lanes_of_codes,
    open_to,
)
from governance.access import Viewer
from linkage.codebook.in_force import in_force
from linkage.release.catalogue import Catalogue
from segmentation.cohorts.selectors import every_criterion
from segmentation.cohorts.specs import Coded, Who, features_of


def told(viewer: Viewer, catalogue: Catalogue) -> Catalogue:
    """Return the attributes of a release that a viewer may ask and be shown."""
    if not viewer.sees_rows():
        return catalogue
    lanes = open_to(viewer)
    return Catalogue(
        attribute
        for name, attribute in catalogue.items()
        if not closed_words(lanes, name)
    )


def outside(viewer: Viewer, who: Who, catalogue: Catalogue) -> list[str]:
    """Return, in words, the criteria of a cohort that the viewer's role does not see.

    Those of saved cohorts that it rests on too.
    """
    if not viewer.sees_rows():
        return []
    lanes = open_to(viewer)
    return list(dict.fromkeys(_outside(viewer, who, catalogue, lanes)))


def _outside(
    viewer: Viewer, who: Who, catalogue: Catalogue, lanes: frozenset[str]
) -> Iterator[str]:
    for criterion in every_criterion(viewer, who):
        for name in features_of(criterion):
            if words := closed_words(lanes, name):
                title = catalogue[name].title if name in catalogue else name
                yield f"“{title}” tells of {words}"
        if isinstance(criterion, Coded) and (words := _of_codes(criterion, lanes)):
            yield f"a code in the record may tell of {words}"


def _of_codes(criterion: Coded, lanes: frozenset[str]) -> str:
    """A search reads every record that holds such codes: all their lanes are needed."""
    system = criterion.system
    if criterion.codelist is not None:
        held = in_force().get(criterion.codelist)
        if held is None:
            return ""  # nor can it be searched for
        system = held.spec.system
    missing = lanes_of_codes(system or "") - lanes
    return in_words(frozenset({lane}) for lane in missing)
