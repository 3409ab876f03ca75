"""The work on a person of a list: who has it, by when, how often they were asked.

Every change is an event added to the card under the next version. Whoever changes a
card says which version they had seen; where a colleague was faster nothing is
written, and the error says what the colleague did. So nothing is lost by either.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date

from dashboards import list_entries
from dashboards.actions.card_locks import in_one_order, one_at_a_time
from dashboards.definitions import LISTS
from dashboards.models import Card, CardEvent, Intervention
from dashboards.selectors.worklist_told import closed_because
from governance import audit
from governance.access import Viewer
from governance.models import User
from linkage.release import selectors as release

Detail = Mapping[str, Any]


class RefusedDecisionError(ValueError):
    """A decision or change that cannot be made; the message says why, what to do."""


class ConflictError(RefusedDecisionError):
    """A colleague has written on the card since it was read.

    `since` are the events that the caller had not seen, oldest first.
    """

    def __init__(self, since: list[CardEvent]) -> None:
        self.since = since
        super().__init__(
            "A colleague has changed this card while you looked at it: "
            + "; ".join(in_words(event) for event in since)
            + ". Nothing of theirs is lost and nothing of yours was written: look"
            " again, and send it again if it still fits."
        )


@transaction.atomic
def change(
    *,
    programme: str,
    person_no: int,
    kind: str,
    detail: Detail,
    seen_version: int,
    note: str = "",
    by: Viewer,
) -> Card:
    """Change one card: `kind` is one of KINDS, `detail` what it takes.

    ConflictError where the card has moved on since `seen_version`.
    """
    if kind not in KINDS:
        raise RefusedDecisionError("There is no such change to a card.")
    kept = KINDS[kind](programme, detail)
    one_at_a_time(programme, person_no)
    practice_code = _practice_of(programme, person_no, by)
    refuse_if_behind(programme, person_no, seen_version)
    if kind in ASKS:
        _refuse_unwanted(programme, person_no)
    audit.record("card_changed", by, subject=programme, persons=1, kind=kind)
    if kind in CLOSES:
        _close(programme, person_no, kind, kept, by)
    return write_event(
        programme=programme,
        person_no=person_no,
        practice_code=practice_code,
        kind=kind,
        detail=kept,
        note=note,
        by=by,
    )


def give_many(
    *, programme: str, seen: Mapping[int, int], role: str, user: int | None, by: Viewer
) -> tuple[list[int], dict[int, str]]:
    """Give several cards to a role or a colleague, each by itself.

    `seen` maps each person to the version of their card that was seen. Returns whose
    were given, and whose not and why.
    """
    given, refused = [], {}
    for person_no, version in in_one_order(seen):
        try:
            change(
                programme=programme,
                person_no=person_no,
                kind="assigned",
                detail={"role": role, "user": user},
                seen_version=version,
                by=by,
            )
            given.append(person_no)
        except RefusedDecisionError as error:
            refused[person_no] = str(error)
    return given, refused


@transaction.atomic
def hand_over(*, from_user: int, to_user: int | None, to_role: str, by: Viewer) -> int:
    """Give all that one colleague has in the viewer's practices to another, or a role.

    For when someone leaves. Returns how many cards changed hands; what they were is
    kept, so that the handover can be taken back (`teams.take_back`).
    """
    if (to_user is None) == (not to_role):
        raise RefusedDecisionError("Hand over to a colleague or to a role.")
    if to_user is not None and not User.objects.filter(pk=to_user).exists():
        raise RefusedDecisionError("There is no such colleague.")
    theirs = (
        Card.objects.filter(assigned_to=from_user, practice_code__in=by.practice_codes)
        .order_by("programme", "person_no")
        .values_list("programme", "person_no", "practice_code", "assigned_role")
    )
    held = dict.fromkeys(row[:2] for row in theirs)
    for programme, person_no in held:
        one_at_a_time(programme, person_no)
    # Read again: while we waited, a card may have been given to somebody else, or have
    # gone with its person to another practice.
    moved = [row for row in theirs.all() if row[:2] in held]
    audit.record("work_handed_over", by, subject="cards", persons=len(moved))
    batch = secrets.token_hex(8)
    for programme, person_no, practice_code, was_role in moved:
        write_event(
            programme=programme,
            person_no=person_no,
            practice_code=practice_code,
            kind="handed_over",
            detail={
                "from": from_user,
                "user": to_user,
                "role": to_role,
                "was_role": was_role,
                "batch": batch,
            },
            by=by,
        )
    return len(moved)


def write_event(
    *,
    programme: str,
    person_no: int,
    practice_code: str,
    kind: str,
    detail: Detail,
    note: str = "",
    by: Viewer,
) -> Card:
    """Add the next event of a card and bring the card up to it.

    The caller has audited, and holds `one_at_a_time`.
    """
    card = Card.objects.filter(programme=programme, person_no=person_no).first()
    if card is None:
        card = Card(
            programme=programme, person_no=person_no, practice_code=practice_code
        )
    card.version += 1
    folded = _folded(card, kind, detail)
    for name, value in folded.items():
        setattr(card, name, value)
    CardEvent.objects.create(
        programme=programme,
        person_no=person_no,
        practice_code=practice_code,
        version=card.version,
        kind=kind,
        detail=dict(detail),
        note=note.replace("\0", "")[:500],
        by=by.user_id,
    )
    # Of a card that is there, what the event changes and nothing else: Postgres lets
    # the web write no other column.
    card.save(update_fields=None if card.pk is None else ["version", *folded])
    return card


def refuse_if_behind(programme: str, person_no: int, seen_version: int | None) -> None:
    """Raise ConflictError where events have come since the version that was seen."""
    if seen_version is None:
        return
    since = CardEvent.objects.filter(
        programme=programme, person_no=person_no, version__gt=seen_version
    ).order_by("version")
    missed = list(since)
    if missed:
        raise ConflictError(missed)


def in_words(event: CardEvent) -> str:
    """Say what an event did, without its note: "second invitation, 3 March 10:40"."""
    words = WORDS.get(event.kind, event.kind)
    at = timezone.localtime(event.at)
    return f"{words} ({at.day} {at:%B %H:%M})"


WORDS = {
    "decided": "a decision was taken",
    "undone": "a decision was undone",
    "assigned": "given to someone",
    "due": "a due date was set",
    "noted": "a note was added",
    "invited": "an invitation was sent",
    "attempt": "a contact was tried",
    "reached": "the person was reached",
    "preference": "the preferred contact was set",
    "done": "the step was done",
    "refused": "the person refused the step",
    "reported": "the person told how they are",
    "handed_over": "handed over",
    "given_back": "given back to whoever had it",
    "moved": "came here with the person from another practice",
}
CONTACTS = ("phone", "letter", "text", "visit", "video")
ASKS = frozenset({"invited", "attempt"})
CLOSES = {"done": Intervention.State.DONE, "refused": Intervention.State.REFUSED}


def _assigned(programme: str, given: Detail) -> Detail:
    role, user = str(given.get("role") or ""), given.get("user")
    if role and role not in LISTS[programme].team_roles:
        raise RefusedDecisionError("Choose one of the team's roles.")
    if user is not None and not User.objects.filter(pk=int(user)).exists():
        raise RefusedDecisionError("There is no such colleague.")
    if not role and user is None:
        raise RefusedDecisionError("Choose a role or a colleague.")
    return {"role": role, "user": int(user) if user is not None else None}


def _dated(_: str, given: Detail) -> Detail:
    return {"on": _day(given).isoformat()}


def _happened(_: str, given: Detail) -> Detail:
    on = _day(given)
    if on > timezone.localdate():
        raise RefusedDecisionError("That day has not come yet: give today or before.")
    return {"on": on.isoformat()}


def _contact(programme: str, given: Detail) -> Detail:
    how = str(given.get("how") or "")
    if how not in CONTACTS:
        raise RefusedDecisionError("Choose how the contact was made.")
    return {"how": how, **_happened(programme, given)}


def _preference(_: str, given: Detail) -> Detail:
    chosen = str(given.get("preference") or "")
    if chosen not in Card.Preference.values:
        raise RefusedDecisionError("Choose how the person wants to be contacted.")
    return {"preference": chosen}


def _reported(programme: str, given: Detail) -> Detail:
    measures = {m.name: m for m in LISTS[programme].reported}
    measure = measures.get(str(given.get("measure") or ""))
    if measure is None:
        raise RefusedDecisionError("Choose one of the programme's measures.")
    try:
        value = float(given.get("value") or "")
    except ValueError as error:
        raise RefusedDecisionError("Give the value as a number.") from error
    if not measure.low <= value <= measure.high:
        raise RefusedDecisionError(
            f"The value lies between {measure.low:g} and {measure.high:g}."
        )
    return {"measure": measure.name, "value": value}


def _nothing(_: str, given: Detail) -> Detail:
    return {}


KINDS: dict[str, Callable[[str, Detail], Detail]] = {
    "assigned": _assigned,
    "due": _dated,
    "noted": _nothing,
    "invited": _contact,
    "attempt": _contact,
    "reached": _contact,
    "preference": _preference,
    "done": _happened,
    "refused": _happened,
    "reported": _reported,
}


def _day(given: Detail) -> date:
    try:
        found = parse_date(str(given.get("on") or ""))
    except ValueError:
        found = None
    if found is None:
        raise RefusedDecisionError("Give the day, such as 2026-03-31.")
    return found


def _folded(card: Card, kind: str, detail: Detail) -> dict[str, Any]:
    """Return what an event changes of its card."""
    day = parse_date(detail["on"]) if "on" in detail else None
    match kind:
        case "assigned" | "handed_over" | "given_back":
            return {"assigned_role": detail["role"], "assigned_to": detail["user"]}
        case "due":
            return {"due_on": day}
        case "preference":
            return {"preference": detail["preference"]}
        case "attempt":
            return {"attempts": card.attempts + 1}
        case "reached":
            return {"attempts": card.attempts + 1, "reached_on": day}
        case "invited" if card.first_invited_on is None:
            return {"first_invited_on": day}
        case "invited":
            return {"second_invited_on": day}
        case "done" | "refused":
            return {"due_on": None}
    return {}


def _refuse_unwanted(programme: str, person_no: int) -> None:
    """Let nobody contact who wants none by the programme."""
    refusing = Card.objects.filter(
        programme=programme, person_no=person_no, preference=Card.Preference.NONE
    )
    if refusing.exists():
        raise RefusedDecisionError(
            "This person wants no contact by this programme. Where they have changed"
            " their mind, keep how they want to be contacted first."
        )


def _practice_of(programme: str, person_no: int, by: Viewer) -> str:
    """Return the practice of someone on the list today, or already worked on."""
    live = release.current()
    if live is not None and (why := closed_because(by, programme, live.id)):
        raise RefusedDecisionError(why)
    theirs = {"person_no": person_no, "practice_code__in": by.practice_codes}
    theirs |= {"programme": programme}
    listed = list_entries.entries(live.id if live else -1, **theirs)
    for found in (*listed, *Card.objects.filter(**theirs)[:1]):
        return str(found.practice_code)
    raise RefusedDecisionError(
        "This person is not on your list today. Reload the list: a newer release"
        " may have been published."
    )


def _close(
    programme: str, person_no: int, kind: str, detail: Detail, by: Viewer
) -> None:
    """Bring the intervention that was offered to its end."""
    offered = (
        Intervention.objects.filter(
            decision__programme=programme,
            person_no=person_no,
            practice_code__in=by.practice_codes,
            state=Intervention.State.OFFERED,
        )
        .order_by("-pk")
        .first()
    )
    if offered is None:
        raise RefusedDecisionError("Nothing is on offer to this person now.")
    offered.state = CLOSES[kind]
    offered.done_by = by.user_id
    if kind == "done":
        offered.done_on = parse_date(detail["on"])
    offered.save(update_fields=["state", "done_by", "done_on"])
