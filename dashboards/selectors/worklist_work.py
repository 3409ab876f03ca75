"""The work on cards as the team sees it: who has it, by when, and what was done."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from dashboards.actions import cards
from dashboards.definitions import LISTS
from dashboards.models import Card, CardEvent, Decision, Intervention
from dashboards.selectors import worklist_cover as covering
from governance.access import ACCESS, Viewer
from governance.models import Grant, User

PREFERENCES = Card.Preference.choices


@dataclass(frozen=True)
class Work:
    """Where a card stands. Version 0: nobody has touched it."""

    version: int = 0
    assigned: str = ""
    mine: bool = False
    # Who stands in for whoever has the card, and until when; empty where nobody does.
    stands_in: str = ""
    due_on: date | None = None
    attempts: int = 0
    first_invited_on: date | None = None
    second_invited_on: date | None = None
    reached_on: date | None = None
    preference: str = ""

    @property
    def no_contact(self) -> bool:
        return self.preference == Card.Preference.NONE.label

    @property
    def is_overdue(self) -> bool:
        return self.due_on is not None and self.due_on < timezone.localdate()

    @property
    def words(self) -> list[str]:
        """What has been done, one short phrase each."""
        days = (
            ("first invitation", self.first_invited_on),
            ("second invitation", self.second_invited_on),
            ("reached", self.reached_on),
        )
        found = [f"with {self.assigned}{self.stands_in}"] if self.assigned else []
        found += [f"{words} {day.day} {day:%B}" for words, day in days if day]
        if self.attempts:
            found.append(f"{self.attempts} contacts tried")
        if self.no_contact:
            found.append("wants no contact by this programme")
        elif self.preference:
            found.append(f"prefers contact {self.preference.lower()}")
        return found


@dataclass(frozen=True)
class Happened:
    """One event of a card for the team's own eyes, with its note."""

    words: str
    by: str
    at: datetime
    note: str
    version: int


def of_people(
    viewer: Viewer, programme: str, person_nos: Collection[int]
) -> dict[int, Work]:
    """Return the work on each of these people; those untouched are left out."""
    rows = list(
        Card.objects.filter(
            programme=programme,
            practice_code__in=viewer.practice_codes,
            person_no__in=person_nos,
        )
    )
    works = of_cards(viewer, rows)
    return {row.person_no: made for row, made in zip(rows, works, strict=True)}


def of_cards(viewer: Viewer, rows: Collection[Card]) -> list[Work]:
    """Return the work on each card, in order, of whichever lists they are."""
    names = covering.names_of({row.assigned_to for row in rows if row.assigned_to})
    away = covering.away_now(viewer) if names else {}
    return [_work(viewer, row, names, away) for row in rows]


def history(viewer: Viewer, programme: str, person_no: int) -> list[Happened]:
    """Return everything done to one card, newest first. The caller audits."""
    rows = list(
        CardEvent.objects.filter(
            programme=programme,
            person_no=person_no,
            practice_code__in=viewer.practice_codes,
        ).order_by("-version")
    )
    names = covering.names_of({row.by for row in rows})
    return [
        Happened(
            cards.WORDS.get(row.kind, row.kind),
            names.get(row.by, "a former colleague") if row.by else "the nightly run",
            row.at,
            row.note,
            row.version,
        )
        for row in rows
    ]


def colleagues(viewer: Viewer) -> list[User]:
    """Return who may decide at the viewer's organisation today, by name."""
    today = timezone.localdate()
    roles = [name for name, role in ACCESS.roles.items() if "decide" in role.pages]
    grants = Grant.objects.filter(
        org_id=viewer.org_code, role__in=roles, start_on__lte=today
    ).exclude(end_on__lte=today)
    return list(
        User.objects.filter(pk__in=grants.values("user_id"), is_active=True).order_by(
            "full_name"
        )
    )


@dataclass(frozen=True)
class Load:
    """How many cards somebody has in hand: a colleague, or a role (`user` 0)."""

    name: str
    cards: int
    overdue: int
    user: int
    # A colleague who may open this team's lists no more: theirs are to be handed over.
    has_left: bool = False


def load(viewer: Viewer) -> list[Load]:
    """Return who has how many cards in hand, by name."""
    today = timezone.localdate()
    found: dict[tuple[int, str], list[int]] = {}
    held = in_hand(viewer)
    names = covering.names_of({card.assigned_to for card in held if card.assigned_to})
    here = {user.pk for user in colleagues(viewer)}
    for card in held:
        user, role = card.assigned_to or 0, card.assigned_role
        count = found.setdefault((user, "" if user else role), [0, 0])
        count[0] += 1
        count[1] += card.due_on is not None and card.due_on < today
    made = [
        Load(
            names.get(user, "a former colleague") if user else role,
            *counts,
            user,
            has_left=bool(user) and user not in here,
        )
        for (user, role), counts in found.items()
    ]
    return sorted(made, key=lambda each: (each.name, each.user))


def in_hand(viewer: Viewer, of: Collection[int] | None = None) -> list[Card]:
    """Return the cards that are with somebody (one of users `of`) and not at their end.

    At its end is a card whose step was done or refused, that was decided against, or
    whose person wants no contact by the programme.
    """
    ours: dict[str, Any] = {"practice_code__in": viewer.practice_codes}
    held = Card.objects.filter(**ours).exclude(assigned_to=None, assigned_role="")
    held = held.exclude(preference=Card.Preference.NONE)
    if of is not None:
        held = held.filter(assigned_to__in=of)
    rows = list(held)
    if of is not None:  # else most of the team's people, without naming each
        ours["person_no__in"] = {row.person_no for row in rows}
    offers = Intervention.objects.filter(**ours)
    closed = (Intervention.State.DONE, Intervention.State.REFUSED)
    key = ("decision__programme", "person_no")
    ended = set(offers.filter(state__in=closed).values_list(*key))
    ended -= set(offers.filter(state=Intervention.State.OFFERED).values_list(*key))
    against = (Decision.Choice.DECLINE, Decision.Choice.ALREADY_KNOWN)
    ended |= set(
        Decision.objects.filter(
            **ours, choice__in=against, decision__isnull=True
        ).values_list("programme", "person_no")
    )
    return [row for row in rows if (row.programme, row.person_no) not in ended]


def team_roles() -> list[str]:
    """Return the roles that any programme's team has, each once."""
    return list(dict.fromkeys(r for spec in LISTS.values() for r in spec.team_roles))


def _work(
    viewer: Viewer, row: Card, names: dict[int, str], away: dict[int, covering.Covered]
) -> Work:
    assigned = row.assigned_role
    cover = away.get(row.assigned_to or 0)
    if row.assigned_to:
        assigned = names.get(row.assigned_to, "a former colleague")
    return Work(
        version=row.version,
        assigned=assigned,
        mine=viewer.user_id in (row.assigned_to, cover.by_user if cover else 0),
        stands_in=cover.words if cover else "",
        due_on=row.due_on,
        attempts=row.attempts,
        first_invited_on=row.first_invited_on,
        second_invited_on=row.second_invited_on,
        reached_on=row.reached_on,
        preference=row.get_preference_display() if row.preference else "",
    )
