"""Segments as pages read them: their words, and why a person is in theirs."""

from governance import access
from linkage.release.selectors import profile_rows
from segmentation.definitions import SCHEMES
from segmentation.specs import SchemeSpec
from segmentation.steps.explain import Explanation
from segmentation.steps.explain import explain as explain_features

DEFAULT_SCHEME = "bridges_to_health"


def scheme(name: str = DEFAULT_SCHEME) -> SchemeSpec:
    """Return a scheme, with its words; KeyError names the known ones."""
    return SCHEMES[name]


def explain(
    viewer: access.Viewer,
    person_no: int,
    *,
    release_id: int | None = None,
    name: str = DEFAULT_SCHEME,
) -> Explanation | None:
    """Say why a person is in their segment of the published release, or of another.

    None if the viewer may not see the person or the release does not hold them. The
    caller writes the audit row first. The release must have been made with the
    scheme as it is defined now: ValueError where it put the person elsewhere.
    """
    asked = SCHEMES[name]
    rows = profile_rows(
        viewer,
        [person_no],
        release_id=release_id,
        attributes=[*asked.features, asked.attribute],
    )
    if rows.is_empty():
        return None
    person = rows.row(0, named=True)
    found = explain_features(person, asked)
    if found.segment != person[asked.attribute]:
        raise ValueError(
            f"the release put this person in {person[asked.attribute]}, the scheme as"
            f" it is now says {found.segment}: refresh"
        )
    return found
