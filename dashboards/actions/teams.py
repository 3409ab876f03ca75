"""What a team arranges among itself: cover, taking a handover back, word by e-mail."""

from datetime import date, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from dashboards.actions import cards
from dashboards.actions.card_locks import one_at_a_time
from dashboards.actions.cards import RefusedDecisionError
from dashboards.models import Card, CardEvent
from dashboards.selectors import worklist_work as work
from dashboards.team_models import Cover, Digest
from governance import audit
from governance.access import Viewer

# Longer than this somebody has left: hand their cards over.
LONGEST_COVER = timedelta(days=92)


@transaction.atomic
def arrange_cover(
    *, away_user: int, cover_user: int, from_on: date, to_on: date, by: Viewer
) -> Cover:
    """Let one colleague stand in for another, on both days and those between."""
    here = {user.pk for user in work.colleagues(by)}
    if away_user not in here or cover_user not in here:
        raise RefusedDecisionError("Choose two colleagues of your team.")
    if away_user == cover_user:
        raise RefusedDecisionError("Choose somebody else to stand in.")
    if not timezone.localdate() <= to_on or to_on < from_on:
        raise RefusedDecisionError(
            "Give the first and the last day, the last today or later and not before"
            " the first."
        )
    if to_on - from_on > LONGEST_COVER:
        raise RefusedDecisionError(
            f"Cover lasts {LONGEST_COVER.days} days at most. Whoever is away longer"
            " hands their cards over."
        )
    meets = Cover.objects.filter(
        org_code=by.org_code,
        away_user=away_user,
        ended_at=None,
        from_on__lte=to_on,
        to_on__gte=from_on,
    )
    if meets.exists():
        raise RefusedDecisionError(
            "Somebody stands in for this colleague on some of these days already. End"
            " that first."
        )
    audit.record("cover_arranged", by, subject="cards", away=away_user, to=cover_user)
    return Cover.objects.create(
        org_code=by.org_code,
        away_user=away_user,
        cover_user=cover_user,
        from_on=from_on,
        to_on=to_on,
        made_by=by.user_id,
    )


@transaction.atomic
def end_cover(*, cover_id: int, by: Viewer) -> Cover:
    """End a cover now; that it was arranged stays on record."""
    cover = Cover.objects.filter(
        pk=cover_id, org_code=by.org_code, ended_at=None
    ).first()
    if cover is None:
        raise RefusedDecisionError("There is no such cover to end.")
    audit.record("cover_ended", by, subject="cards", away=cover.away_user)
    cover.ended_at, cover.ended_by = timezone.now(), by.user_id
    cover.save(update_fields=["ended_at", "ended_by"])
    return cover


@transaction.atomic
def take_back(*, batch: str, by: Viewer) -> tuple[int, int]:
    """Give the cards of one handover back to whoever had them.

    A card that somebody has worked on since stays where it is. Returns how many went
    back, and how many stayed.
    """
    moved = list(
        CardEvent.objects.filter(
            practice_code__in=by.practice_codes,
            kind="handed_over",
            detail__batch=batch,
        ).order_by("programme", "person_no")
    )
    if not batch or not moved:
        raise RefusedDecisionError("There is no such handover to take back.")
    audit.record("handover_taken_back", by, subject="cards", persons=len(moved))
    back = 0
    for event in moved:
        one_at_a_time(event.programme, event.person_no)
        as_left = Card.objects.filter(
            programme=event.programme, person_no=event.person_no, version=event.version
        )
        if as_left.exists():
            cards.write_event(
                programme=event.programme,
                person_no=event.person_no,
                practice_code=event.practice_code,
                kind="given_back",
                detail={
                    "batch": batch,
                    "user": event.detail["from"],
                    "role": event.detail["was_role"],
                },
                by=by,
            )
            back += 1
    return back, len(moved) - back


@transaction.atomic
def choose_digest(*, address: str, how_often: str, by: Viewer) -> Digest | None:
    """Begin, change or (with no `how_often`) end one's own word by e-mail.

    Another address is theirs once they have opened the link that is sent to it
    (`actions.digest_proof`); an earlier link proves nothing any more.
    """
    if not how_often:
        audit.record("digest_ended", by, subject="digest")
        Digest.objects.filter(user_id=by.user_id).delete()
        return None
    if how_often not in Digest.HowOften.values:
        raise RefusedDecisionError("Choose how often, or never.")
    try:
        validate_email(address)
    except ValidationError as error:
        raise RefusedDecisionError("Give your address at work.") from error
    if not _is_ours(address):
        raise RefusedDecisionError(
            "Word of lists goes to addresses at work alone: "
            + ", ".join(f"@{domain}" for domain in settings.MAIL_DOMAINS)
            + "."
        )
    audit.record("digest_chosen", by, subject="digest", how_often=how_often)
    mine = Digest.objects.filter(user_id=by.user_id)
    known = mine.first()
    is_same = known is not None and known.address == address
    kept = {
        "address": address,
        "how_often": how_often,
        "proof": "",
        "proved_at": known.proved_at if known and is_same else None,
    }
    # These columns and no other: when one was sent last is for the sender to write.
    if not mine.update(**kept):
        Digest.objects.create(user_id=by.user_id, **kept)
    return mine.get()


def _is_ours(address: str) -> bool:
    domain = address.rpartition("@")[2].lower()
    return any(
        domain == ours or domain.endswith(f".{ours}") for ours in settings.MAIL_DOMAINS
    )
