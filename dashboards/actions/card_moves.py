"""Cards go with people who have moved to another practice of this system.

Whoever may see the person sees what was done and what is open; the team that had them
before sees neither. So all of a card moves: its events, decisions, offers, outcomes,
and the mark that a programme took the person on.
"""

from django.db import connection, transaction
from pyroaring import BitMap

from dashboards.actions.card_locks import alone
from dashboards.models import Card, CardEvent, Decision, Intervention, Outcome
from governance import audit
from linkage.release import publish
from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView
from linkage.release.stages import StageOutcome
from risk import decisions as risk

SYSTEM = 0  # `CardEvent.by` of what nobody did


def publish_release(release_id: int) -> StageOutcome:
    """Publish a release, and hand the cards of whoever has moved to their new practice.

    Both or neither: nobody reads a list on which somebody stands without their card,
    and a release that cannot be published moves none. Safe to repeat.
    """
    with transaction.atomic():
        outcome = publish.publish_release(release_id)
        follow_people(release.view(release_id))
    return outcome


@transaction.atomic
def follow_people(now: ReleaseView) -> int:
    """Hand each card to the practice that its person has in a release.

    Of those who have none in this system, the card stays where it is. Returns how many
    moved. Safe to repeat. Until the caller's transaction ends nobody writes on a card.
    """
    alone()
    held = list(Card.objects.values_list("programme", "person_no", "practice_code"))
    if not held:
        return 0
    practice_of = _practices(now, BitMap(person_no for _, person_no, _ in held))
    moved = 0
    for programme, person_no, was in held:
        practice = practice_of.get(person_no, was)
        if practice != was:
            _follow(programme, person_no, practice)
            moved += 1
    return moved


def _practices(now: ReleaseView, people: BitMap) -> dict[int, str]:
    """The practice of each of these people who have one in the release."""
    codes = now.values("practice_code")
    ours = people & now.everyone
    places = now.take("practice_code", ours)
    return {
        number: codes[int(place)]
        for number, place in zip(ours, places.tolist(), strict=True)
        if place == place  # not known is not a number
    }


def _follow(programme: str, person_no: int, practice: str) -> None:
    card = Card.objects.get(programme=programme, person_no=person_no)
    audit.record("card_followed", None, subject=programme, persons=1, by="refresh")
    CardEvent.objects.create(
        programme=programme,
        person_no=person_no,
        practice_code=practice,
        version=card.version + 1,
        kind="moved",
        detail={"from": card.practice_code, "user": card.assigned_to},
        by=SYSTEM,
    )
    about = {"programme": programme, "person_no": person_no}
    Card.objects.filter(pk=card.pk).update(
        practice_code=practice,
        version=card.version + 1,
        assigned_to=card.assigned_to if _sees(card.assigned_to, practice) else None,
    )
    CardEvent.objects.filter(**about).update(practice_code=practice)
    decided = Decision.objects.filter(**about)
    offered = Intervention.objects.filter(decision__in=decided)
    Outcome.objects.filter(intervention__in=offered).update(practice_code=practice)
    offered.update(practice_code=practice)
    decided.update(practice_code=practice)
    risk.follow(programme=programme, person_no=person_no, practice_code=practice)


def _sees(user: int | None, practice: str) -> bool:
    """Whether a colleague has a practice in their scope today."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM governance_scope"
            " WHERE user_id = %s AND practice_code = %s)",
            [user, practice],
        )
        return bool(cursor.fetchone()[0])
