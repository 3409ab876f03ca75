"""The audit trail as an information governance lead searches it, and as one's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from governance.access import ACCESS, Viewer
from governance.models import AuditEvent, User

MOST = 100
OWN_DAYS = 90
LONDON = ZoneInfo("Europe/London")
# What happened, in words; what is not here is said by its own name.
WORDS = {
    "signed_in": "Signed in",
    "confirmed": "Confirmed with a second step",
    "role_chosen": "Chose a role and purpose",
    "own_lists_counted": "Saw how many wait on their lists",
    "list_viewed": "Opened a list",
    "person_viewed": "Opened a person's page",
    "reasons_asked": "Asked what a person's figures rest on",
    "card_viewed": "Opened a person's card",
    "reveal_asked": "Asked for names",
    "list_exported": "Took a list out",
    "figure_downloaded": "Took a figure out",
    "figures_shown": "Looked at figures",
    "page_shown": "Opened a page",
    "page_refused": "Was refused a page",
    "decision_recorded": "Recorded a decision",
    "access_reviewed": "Reviewed somebody's access",
}


@dataclass(frozen=True)
class Event:
    """One audit row with the name of who acted, in words."""

    id: int
    at: datetime
    who: str
    role: str
    purpose: str
    event: str
    subject: str
    persons: int
    outcome: str
    reason: str


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for in the trail; empty is anything."""

    who: str = ""
    event: str = ""
    subject: str = ""
    outcome: str = ""
    first_day: date | None = None
    last_day: date | None = None
    before_id: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """Read an address's query; what is no day or number there is left out."""
        before = query.get("before", "")
        return cls(
            who=query.get("who", "")[:150].strip(),
            event=query.get("event", "")[:60].strip(),
            subject=query.get("subject", "")[:200].strip(),
            outcome=query.get("outcome", "")[:20].strip(),
            first_day=_day(query.get("from", "")),
            last_day=_day(query.get("to", "")),
            before_id=int(before) if before.isdecimal() and len(before) < 19 else None,
        )

    def query(self) -> dict[str, str]:
        """The address's query again, without the place in the list."""
        return {
            "who": self.who,
            "event": self.event,
            "subject": self.subject,
            "outcome": self.outcome,
            "from": self.first_day.isoformat() if self.first_day else "",
            "to": self.last_day.isoformat() if self.last_day else "",
        }


@dataclass(frozen=True)
class Found:
    """A page of the trail, newest first; `more_before` begins the next one."""

    events: list[Event]
    more_before: int | None


def search(wanted: Wanted) -> Found:
    """Return the newest rows that fit, of those Postgres shows this viewer."""
    rows = AuditEvent.objects.order_by("-pk")
    if wanted.who:
        named = Q(username__iexact=wanted.who) | Q(full_name__icontains=wanted.who)
        rows = rows.filter(user_id__in=list(_ids(User.objects.filter(named))))
    if wanted.event:
        rows = rows.filter(event=wanted.event)
    if wanted.subject:
        rows = rows.filter(subject__icontains=wanted.subject)
    if wanted.outcome:
        rows = rows.filter(outcome=wanted.outcome)
    if wanted.first_day:
        rows = rows.filter(at__gte=_midnight(wanted.first_day))
    if wanted.last_day:
        rows = rows.filter(at__lt=_midnight(wanted.last_day + timedelta(days=1)))
    return _page(rows, wanted.before_id)


def own(viewer: Viewer, now: datetime, before_id: int | None = None) -> Found:
    """Return what the viewer themselves did here in the last 90 days, newest first."""
    since = now - timedelta(days=OWN_DAYS)
    rows = AuditEvent.objects.filter(user_id=viewer.user_id, at__gte=since)
    return _page(rows.order_by("-pk"), before_id)


def kinds() -> list[tuple[str, str]]:
    """Return the kinds of event that there are, with their words, to choose from."""
    names = AuditEvent.objects.order_by().values_list("event", flat=True).distinct()
    return sorted(((name, words_of(name)) for name in names), key=lambda k: k[1])


def words_of(event: str) -> str:
    """Return an event in words."""
    return WORDS.get(event, event.replace("_", " ").capitalize())


def _page(rows: Any, before_id: int | None) -> Found:
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    found = list(rows[: MOST + 1])
    users = {row.user_id for row in found[:MOST]}
    names = dict(User.objects.filter(pk__in=users).values_list("pk", "full_name"))
    events = [_event(row, names) for row in found[:MOST]]
    return Found(events, events[-1].id if len(found) > MOST else None)


def _event(row: AuditEvent, names: Mapping[int, str]) -> Event:
    role, purpose = ACCESS.roles.get(row.role), ACCESS.purposes.get(row.purpose)
    return Event(
        id=row.pk,
        at=row.at,
        who=names.get(row.user_id or 0, "nobody signed in"),
        role=role.title if role else row.role,
        purpose=purpose.title if purpose else row.purpose,
        event=words_of(row.event),
        subject=row.subject,
        persons=row.persons,
        outcome=row.outcome,
        reason=str(row.detail.get("reason", "")).replace("_", " "),
    )


def _ids(users: Any) -> Any:
    return users.values_list("pk", flat=True)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=LONDON)
