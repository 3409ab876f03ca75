"""The work on cards as the team sees it: who has it, by when, and what was done."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from dashboards.actions import cards
from dashboards.definitions import LISTS
from dashboards.models import Card, CardEvent
from governance.access import ACCESS, Viewer
from governance.models import Grant, User

PREFERENCES = Card.Preference.choices


@dataclass(frozen=True)
class Work:
    """Where a card stands. Version 0: nobody has touched it."""

    version: int = 0
    assigned: str = ""
    mine: bool = False
    due_on: date | None = None
    attempts: int = 0
    first_invited_on: date | None = None
    second_invited_on: date | None = None
    reached_on: date | None = None
    preference: str = ""

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
        found = [f"with {self.assigned}"] if self.assigned else []
        found += [f"{words} {day.day} {day:%B}" for words, day in days if day]
        if self.attempts:
            found.append(f"{self.attempts} contacts tried")
        if self.preference:
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
    names = _names({row.assigned_to for row in rows if row.assigned_to})
    return {row.person_no: _work(viewer, row, names) for row in rows}


def history(viewer: Viewer, programme: str, person_no: int) -> list[Happened]:
    """Return everything done to one card, newest first. The caller audits."""
    rows = list(
        CardEvent.objects.filter(
            programme=programme,
            person_no=person_no,
            practice_code__in=viewer.practice_codes,
        ).order_by("-version")
    )
    names = _names({row.by for row in rows})
    return [
        Happened(
            cards.WORDS.get(row.kind, row.kind),
            names.get(row.by, "a former colleague"),
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


def load(viewer: Viewer) -> list[tuple[str, int, int, int]]:
    """Return who has how many cards: name, cards, overdue ones, user (0 for a role)."""
    today = timezone.localdate()
    rows = Card.objects.filter(practice_code__in=viewer.practice_codes)
    found: dict[tuple[str, int], list[int]] = {}
    held = list(rows.values_list("assigned_to", "assigned_role", "due_on"))
    names = _names({user for user, _, _ in held if user})
    for user, role, due_on in held:
        if user or role:
            key = (names.get(user, "a former colleague") if user else role, user or 0)
            count = found.setdefault(key, [0, 0])
            count[0] += 1
            count[1] += due_on is not None and due_on < today
    return sorted((name, n, due, user) for (name, user), (n, due) in found.items())


def team_roles() -> list[str]:
    """Return the roles that any programme's team has, each once."""
    return list(dict.fromkeys(r for spec in LISTS.values() for r in spec.team_roles))


def _work(viewer: Viewer, row: Card, names: dict[int, str]) -> Work:
    assigned = row.assigned_role
    if row.assigned_to:
        assigned = names.get(row.assigned_to, "a former colleague")
    return Work(
        version=row.version,
        assigned=assigned,
        mine=row.assigned_to == viewer.user_id,
        due_on=row.due_on,
        attempts=row.attempts,
        first_invited_on=row.first_invited_on,
        second_invited_on=row.second_invited_on,
        reached_on=row.reached_on,
        preference=row.get_preference_display() if row.preference else "",
    )


def _names(user_ids: Collection[int]) -> dict[int, str]:
    if not user_ids:
        return {}
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "full_name"))
