"""Special access over the vault's socket: ask, see one's own, approve another's."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from linkage.assertions import Asked
from linkage.vault import special_access, store


def ask(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """Ask to name one person without the usual relationship."""
    person_no = int(asked.arguments["person_no"])
    reason = str(asked.arguments["reason"])
    store.audit_asked(asked, about=[person_no], outcome="asked")
    return {"id": special_access.ask(asked, person_no, reason, timezone.now())}


def own(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """What became of the viewer's own requests."""
    store.audit_asked(asked, outcome="listed")
    return {"requests": special_access.own(asked.viewer_id, timezone.now())}


def waiting(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """Requests that wait for somebody else's approval."""
    store.audit_asked(asked, outcome="listed")
    return {"requests": special_access.waiting(asked.viewer_id, timezone.now())}


def decide(asked: Asked, content: bytes) -> Mapping[str, Any]:
    """Approve or refuse somebody's request."""
    approve = asked.arguments["approve"] is True
    request_id = int(asked.arguments["id"])
    store.audit_asked(
        asked, outcome="approved" if approve else "refused", reason=f"{request_id}"
    )
    special_access.decide(
        request_id,
        approver_id=asked.viewer_id,
        approve=approve,
        now=timezone.now(),
    )
    return {}
