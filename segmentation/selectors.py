"""Segments as pages read them: their words, and why a person is in theirs."""

from collections.abc import Collection
from dataclasses import replace

from governance import access
from linkage.codebook.evidence import codes_behind
from linkage.release.selectors import ReleaseView, current, profile_rows, view
from segmentation.definitions import SCHEMES, is_sensitive
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
    kinds: Collection[int] | None = None,
) -> Explanation | None:
    """Say why a person is in their segment: element, feature, value, code and date.

    Of the published release, or of another; codes of the `kinds` of events that the
    viewer's role may see. None if the viewer may not see the person, or what the
    scheme reads of them, or the release does not hold them. The
    caller writes the audit row first. The release must have been made with the
    scheme as it is defined now: ValueError where it put the person elsewhere.
    """
    asked = SCHEMES[name]
    if is_sensitive(asked.tested) and not viewer.sees_sensitive:
        return None
    shown = view(release_id) if release_id is not None else current()
    if shown is None:
        raise LookupError("no release has been published")
    if not {*asked.features, asked.attribute} <= set(shown.catalogue):
        return None
    rows = profile_rows(
        viewer,
        [person_no],
        release_id=shown.id,
        attributes=[*asked.features, asked.attribute],
    )
    if rows.is_empty():
        return None
    person = rows.row(0, named=True)
    found = _with_codes(
        viewer, person_no, explain_features(person, asked), shown, kinds
    )
    if found.segment != person[asked.attribute]:
        raise ValueError(
            f"the release put this person in {person[asked.attribute]}, the scheme as"
            f" it is now says {found.segment}: refresh"
        )
    return found


def _with_codes(
    viewer: access.Viewer,
    person_no: int,
    found: Explanation,
    shown: ReleaseView,
    kinds: Collection[int] | None,
) -> Explanation:
    """Add to each piece of evidence the coded entry that it stands on."""
    named = {e.feature for reason in found.reasons for e in reason.evidence}
    codes = codes_behind(
        viewer, person_no, sorted(named), as_of=shown.as_of, kinds=kinds
    )
    reasons = tuple(
        replace(
            reason,
            evidence=tuple(
                replace(each, code=codes.get(each.feature)) for each in reason.evidence
            ),
        )
        for reason in found.reasons
    )
    return replace(found, reasons=reasons)
