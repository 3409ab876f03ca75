"""Erasure on a request: one person proposes, another decides, the vault zone does it.

The first two run as the web, whose policies in Postgres say the same of who may; what
is removed is removed by the loader and the vault, who look the person up themselves.
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from dashboards import research_extract
from dashboards.actions.rights import STATES, WHAT, RefusedStepError, held, step
from dashboards.models import (
    ResearchExtract,
    RightsErasure,
    RightsPack,
    RightsRequest,
    RightsSubject,
)
from governance import audit
from governance.access import Viewer
from governance.retention import ERASURE
from linkage import erasing
from linkage.definitions import FEEDS

MADE = RightsErasure.State


def propose(
    *,
    request_id: int,
    ground: str,
    feeds: Sequence[str] | None,
    exemption: str,
    why: str,
    by: Viewer,
) -> RightsErasure:
    """Propose what to erase: what some feeds told, or everything (None).

    RefusedStepError where no ground of Article 17(1) is named, or something stays and
    no exemption of Article 17(3) says why.
    """
    if ground not in ERASURE.grounds:
        raise RefusedStepError("Choose the ground on which the right exists.")
    if feeds is not None and (not feeds or set(feeds) - set(FEEDS)):
        raise RefusedStepError("Choose what to erase: everything, or feeds' rows.")
    if feeds and exemption not in ERASURE.exemptions:
        raise RefusedStepError("Say by which exemption the rest stays.")
    if not why.strip():
        raise RefusedStepError("Say why.")
    with transaction.atomic():
        request = held(request_id, STATES.RECEIVED)
        if request.kind != RightsRequest.Kind.ERASE:
            raise RefusedStepError("Only on a request for erasure is data erased.")
        made = RightsErasure.objects.create(
            request=request,
            feeds=erasing.with_referring(feeds or ()),
            ground=ground,
            exemption=exemption if feeds else "",
            why=why[:300],
            proposed_by=by.username,
            proposed_at=timezone.now(),
        )
        _move(request, STATES.PROPOSED, WHAT.PROPOSED, by.username, in_words(made))
        audit.record(
            "erasure_proposed",
            by,
            subject=ground,
            request=request.pk,
            feeds=len(made.feeds) or "all",
        )
    return made


def decide(*, request_id: int, agree: bool, by: Viewer) -> RightsErasure:
    """Agree to what somebody else proposed, or not; then it can be proposed anew."""
    with transaction.atomic():
        request = held(request_id, STATES.PROPOSED)
        made = RightsErasure.objects.select_for_update().get(
            request=request, state=MADE.PROPOSED
        )
        if by.username in {made.proposed_by, request.opened_by}:
            raise RefusedStepError("Somebody else must decide on what you proposed.")
        made.state = MADE.AGREED if agree else MADE.DECLINED
        made.decided_by, made.decided_at = by.username, timezone.now()
        made.save(update_fields=["state", "decided_by", "decided_at"])
        state, what = (
            (STATES.AGREED, WHAT.AGREED) if agree else (STATES.RECEIVED, WHAT.DECLINED)
        )
        _move(request, state, what, by.username)
        audit.record(
            f"erasure_{made.state}", by, subject=made.ground, request=request.pk
        )
    return made


def carry_out(*, request_id: int) -> bool:
    """Do what two people have agreed to, in the vault zone; whether there was any.

    Safe to repeat: until the end it stays agreed, and is found again by `waiting`.
    """
    made = (
        RightsErasure.objects.select_related("request")
        .filter(request_id=request_id, state=MADE.AGREED)
        .first()
    )
    if made is None or made.decided_by in {
        "",
        made.proposed_by,
        made.request.opened_by,
    }:
        return False
    person_no = RightsSubject.objects.get(request_id=request_id).person_no
    done = erasing.erase_person(
        person_no=person_no, feeds=made.feeds, erasure=request_id, by=made.decided_by
    )
    with transaction.atomic():
        if not made.feeds:
            # What was compiled of the same person on other requests.
            same = RightsSubject.objects.filter(person_no=person_no)
            RightsPack.objects.filter(request__in=same.values("request")).delete()
        # Sealed, and under other names: nobody here can take one row out of them. One
        # that is being made now is waited for.
        research_extract.take_turns()
        ResearchExtract.objects.all().delete()
        made.state, made.done_at, made.removed = MADE.DONE, timezone.now(), done.removed
        made.save(update_fields=["state", "done_at", "removed"])
        note = f"{done.rows:,} rows removed, {done.quarantined} kept aside for a replay"
        _move(made.request, STATES.CLOSED, WHAT.ERASED, "vault", note)
    return True


def waiting() -> list[int]:
    """The requests of which an agreed erasure has yet to be carried out."""
    agreed = RightsErasure.objects.filter(state=MADE.AGREED).order_by("pk")
    return list(agreed.values_list("request_id", flat=True))


def in_words(made: RightsErasure) -> str:
    """What an erasure covers, on what ground, and by what the rest stays."""
    ground = ERASURE.grounds[made.ground]
    said = f"Ground: {ground.title} (Article {ground.article}). "
    if not made.feeds:
        return f"{said}Everything. {made.why}"[:300]
    kept = ERASURE.exemptions[made.exemption]
    return (
        f"{said}From {', '.join(made.feeds)}; the rest stays: {kept.title}"
        f" (Article {kept.article}). {made.why}"
    )[:300]


def _move(
    request: RightsRequest, state: str, what: str, by: str, note: str = ""
) -> None:
    request.state = state
    request.save(update_fields=["state"])
    step(request, what, by, note)
