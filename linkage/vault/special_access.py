"""Breaking the glass: to name one person without the usual relationship, for an hour.

For a person who has left the practice, has died or lives elsewhere, when care cannot
wait: it is asked and used for direct care alone. Somebody else approves; nobody their
own. Each use is written down like any other reveal, and says so.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from governance.models import User
from linkage.assertions import Asked, RevealRequest
from linkage.vault.models import BreakGlass, PersonIdentity
from linkage.vault.service.refusals import RefusedActError

CARE = "direct_care"
LASTS = timedelta(hours=1)
# A request that nobody answers lapses, rather than lie there to be approved one day.
WAITS = timedelta(hours=24)
SHOWN = 50


def ask(asked: Asked, person_no: int, reason: str, now: datetime) -> int:
    """Ask for access to one person; returns the request's number."""
    if asked.purpose != CARE:
        raise RefusedActError("Special access is for direct care: change purpose.")
    if len(reason.strip()) < 10:
        raise RefusedActError("Say why care cannot wait, in a sentence.")
    if not PersonIdentity.objects.filter(person_no=person_no).exists():
        raise RefusedActError("The vault does not know this person.")
    made = BreakGlass.objects.create(
        viewer_id=asked.viewer_id,
        role=asked.role,
        org_code=asked.org_code,
        person_no=person_no,
        reason=reason.strip()[:500],
        asked_at=now,
    )
    return int(made.pk)


@transaction.atomic(using="vault")
def decide(request_id: int, *, approver_id: int, approve: bool, now: datetime) -> None:
    """Approve a request for an hour from now, or refuse it. Never one's own."""
    found = (
        BreakGlass.objects.using("vault")
        .select_for_update()
        .filter(pk=request_id)
        .first()
    )
    if found is None or found.asked_at < now - WAITS:
        raise RefusedActError("There is no such request any more.")
    if found.viewer_id == approver_id:
        raise RefusedActError("Nobody approves their own request.")
    if found.approved_by or found.refused_by:
        raise RefusedActError("Somebody has answered this request.")
    if approve:
        found.approved_by, found.approved_at = approver_id, now
        found.expires_at = now + LASTS
    else:
        found.refused_by = approver_id
    found.save()


def opened_to(request: RevealRequest, now: datetime) -> frozenset[int]:
    """The people of a request whom its viewer has special access to now.

    Nobody, where the request is for anything but direct care.
    """
    if request.purpose != CARE:
        return frozenset()
    return frozenset(
        BreakGlass.objects.filter(
            viewer_id=request.viewer_id,
            role=request.role,
            org_code=request.org_code,
            person_no__in=request.person_nos,
            approved_by__isnull=False,
            expires_at__gt=now,
        ).values_list("person_no", flat=True)
    )


def own(viewer_id: int, now: datetime) -> list[dict[str, Any]]:
    """A viewer's requests of the last day, newest first."""
    found = BreakGlass.objects.filter(viewer_id=viewer_id, asked_at__gt=now - WAITS)
    return [_row(each, now) for each in found.order_by("-asked_at")[:SHOWN]]


def waiting(approver_id: int, now: datetime) -> list[dict[str, Any]]:
    """Requests that this approver may answer, oldest first. They name no patient."""
    found = BreakGlass.objects.filter(
        asked_at__gt=now - WAITS, approved_by=None, refused_by=None
    ).exclude(viewer_id=approver_id)
    rows = [_row(each, now) for each in found.order_by("asked_at")[:SHOWN]]
    names = dict(
        User.objects.filter(pk__in=[row["viewer_id"] for row in rows]).values_list(
            "pk", "full_name"
        )
    )
    return [
        {name: value for name, value in row.items() if name != "person_no"}
        | {"viewer": names.get(row["viewer_id"], "somebody who has left")}
        for row in rows
    ]


def _row(each: BreakGlass, now: datetime) -> dict[str, Any]:
    if each.refused_by:
        state = "refused"
    elif each.expires_at is None:
        state = "waits for approval"
    else:
        state = "open" if each.expires_at > now else "has ended"
    return {
        "id": each.pk,
        "viewer_id": each.viewer_id,
        "role": each.role,
        "org_code": each.org_code,
        "person_no": each.person_no,
        "reason": each.reason,
        "asked_at": each.asked_at.isoformat(),
        "expires_at": each.expires_at.isoformat() if each.expires_at else None,
        "state": state,
    }
