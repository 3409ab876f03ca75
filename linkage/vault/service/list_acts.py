"""Linking somebody's list over the vault's socket: identifiers in, counts out."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from linkage import imported_store
from linkage.assertions import Asked
from linkage.steps.read import UnreadableFileError
from linkage.vault import store
from linkage.vault.list_import import FEWEST, link_list
from linkage.vault.service.refusals import RefusedActError


def import_list(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """Link a list and keep who was found for the viewer alone; answers with counts."""
    title = str(asked.arguments["title"]).strip()
    if not title:
        raise RefusedActError("Give the list a title.")
    today = timezone.localdate()
    try:
        linked = link_list(
            content,
            today=today,
            honour_opt_outs=asked.purpose != "direct_care",
        )
    except UnreadableFileError as error:
        raise RefusedActError(str(error)) from error
    if linked.rows == 0:
        raise RefusedActError("The list has no rows.")
    if asked.purpose != "direct_care" and len(linked.people) < FEWEST:
        raise RefusedActError(
            f"Fewer than {FEWEST} people of the list were found: too few for a cohort"
            " outside direct care."
        )
    store.audit_asked(asked, about=linked.people, outcome="linked")
    list_id = imported_store.keep(
        linked,
        title=title[:200],
        owner_id=asked.viewer_id,
        org_code=asked.org_code,
        purpose=asked.purpose,
        today=today,
    )
    return {
        "id": list_id,
        "rows": linked.rows,
        "matched": linked.matched,
        "unmatched": linked.unmatched,
        "unusable": linked.unusable,
        "repeated": linked.repeated,
        "opted_out": linked.opted_out,
        "people": len(linked.people),
    }
