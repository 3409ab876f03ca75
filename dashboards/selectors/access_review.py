"""A week of names shown, and which of them somebody should look at again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dashboards import wording
from dashboards.models import SpecialAccessLook
from governance.access import ACCESS, Viewer
from governance.models import AuditEvent, User
from governance.watch import Heavy, heavier_than_peers, is_out_of_hours
from governance.working_days import working_days_after
from linkage.assertions import REASONS
from linkage.reveal import ask

LONDON = ZoneInfo("Europe/London")
# What the vault answers yes or no to, as the page says it.
FLAGS = {
    "own_record": "their own record",
    "same_surname": "somebody of their surname",
    "same_address": "somebody at their address",
    "staff": "somebody who works here",
    "special": "by special access",
}
OUT_OF_HOURS = "outside 7:00 to 20:00 or at a weekend"
# Of reveals with nothing remarkable, how many a week are looked at all the same.
SAMPLE = 5
# What was named by special access is looked at again within so many working days; what
# nobody has looked at stays owed for as long as the vault answers about at once.
REVIEW_DAYS = 2
OWED_FOR = timedelta(days=365)
IN_SIGHT = timedelta(days=31)
VERDICTS = {
    "no_concern": "No concern",
    "explained": "Asked, and explained",
    "followed_up": "Followed up as an incident",
}


@dataclass(frozen=True)
class Reveal:
    """Names that somebody was shown at once; `flags` say why to look again.

    `due_on`: the last day for looking at a use of special access; None for others.
    """

    event: int
    at: datetime
    user: int
    who: str
    role: str
    programme: str
    reason: str
    persons: int
    flags: tuple[str, ...]
    verdict: str
    due_on: date | None


@dataclass(frozen=True)
class Week:
    """A week's review: what is flagged, a sample of the rest, and who saw most."""

    monday: date
    reveals: int
    flagged: list[Reveal]
    sampled: list[Reveal]
    heavy: list[tuple[str, Heavy]] = field(default_factory=list)


def week_of(viewer: Viewer, monday: date) -> Week:
    """Return the review of the week that begins on a Monday.

    The vault is asked: VaultUnavailableError, RevealRefusedError.
    """
    since = datetime.combine(monday, time(), tzinfo=LONDON)
    until = since + timedelta(days=7)
    answer = ask(
        viewer, "review_reveals", since=since.isoformat(), until=until.isoformat()
    )
    rows: list[dict[str, Any]] = answer["reveals"]
    names = _names({row["viewer_id"] for row in rows})
    verdicts = _verdicts()
    told = [_reveal(row, names, verdicts) for row in rows]
    flagged = [reveal for reveal in told if reveal.flags]
    plain = [reveal for reveal in told if not reveal.flags]
    # The same lot for everybody who opens the week: it is a week's work.
    drawn = sorted(plain, key=lambda reveal: _lot(monday, reveal.event))[:SAMPLE]
    heavy = heavier_than_peers((r["viewer_id"], r["role"], r["persons"]) for r in rows)
    return Week(
        monday=monday,
        reveals=len(told),
        flagged=flagged,
        sampled=sorted(drawn, key=lambda reveal: reveal.at),
        heavy=[(names.get(each.user_id, "somebody who left"), each) for each in heavy],
    )


@dataclass(frozen=True)
class Owed:
    """Uses of special access that nobody has looked at again, oldest first."""

    reveals: list[Reveal]
    overdue: int


def owed(viewer: Viewer, now: datetime) -> Owed:
    """Return the uses of special access that wait for somebody's verdict.

    Each says until when it is to be given. The vault is asked: VaultUnavailableError,
    RevealRefusedError.
    """
    answer = ask(
        viewer,
        "review_reveals",
        since=(now - OWED_FOR).isoformat(),
        until=now.isoformat(),
        special=True,
    )
    rows: list[dict[str, Any]] = answer["reveals"]
    names, verdicts = _names({row["viewer_id"] for row in rows}), _verdicts()
    waiting = [_reveal(row, names, verdicts) for row in rows]
    today = now.astimezone(LONDON).date()
    found, overdue = [], 0
    for reveal in waiting:
        last = reveal.due_on
        if reveal.verdict or last is None:
            continue
        overdue += last < today
        words = f"{'overdue since' if last < today else 'by'} {wording.day(last)}"
        found.append(replace(reveal, flags=(words, *reveal.flags)))
    return Owed(found, overdue)


@dataclass(frozen=True)
class Look:
    """Who looked at a use of special access again, when, and what they found."""

    used_at: datetime
    used_by: str
    looked_at: datetime
    looked_by: str
    found: str
    note: str
    due_on: date
    was_late: bool


def looks(now: datetime) -> list[Look]:
    """Return the looks at special access that are still in sight, newest first."""
    rows = SpecialAccessLook.objects.filter(looked_at__gt=now - IN_SIGHT)
    kept = list(rows.order_by("-looked_at", "-event"))
    users = {name for row in kept for name in (row.used_by, row.looked_by)}
    names = dict(
        User.objects.filter(username__in=users).values_list("username", "full_name")
    )
    return [
        Look(
            used_at=row.used_at,
            used_by=names.get(row.used_by, row.used_by),
            looked_at=row.looked_at,
            looked_by=names.get(row.looked_by, row.looked_by),
            found=VERDICTS[row.outcome],
            note=row.note,
            due_on=row.due_on,
            was_late=row.looked_at.astimezone(LONDON).date() > row.due_on,
        )
        for row in kept
    ]


def mondays(today: date, weeks: int = 8) -> list[date]:
    """Return the Mondays of this week and those before it, newest first."""
    this = today - timedelta(days=today.weekday())
    return [this - timedelta(weeks=n) for n in range(weeks)]


def _reveal(
    row: Mapping[str, Any], names: Mapping[int, str], verdicts: Mapping[str, str]
) -> Reveal:
    at = datetime.fromisoformat(row["at"])
    flags = [words for name, words in FLAGS.items() if row[name]]
    flags += [OUT_OF_HOURS] if is_out_of_hours(at) else []
    role = ACCESS.roles.get(row["role"])
    return Reveal(
        event=row["event"],
        at=at,
        user=row["viewer_id"],
        who=names.get(row["viewer_id"], "somebody who left"),
        role=role.title if role else row["role"],
        programme=row["programme"].replace("_", " "),
        reason=REASONS.get(row["reason"], row["reason"]),
        persons=row["persons"],
        flags=tuple(flags),
        verdict=VERDICTS.get(verdicts.get(f"reveal {row['event']}", ""), ""),
        due_on=_due_on(at) if row["special"] else None,
    )


def _due_on(at: datetime) -> date:
    """Until when a use of special access is to be looked at, by London's calendar."""
    return working_days_after(at.astimezone(LONDON).date(), REVIEW_DAYS)


def _verdicts() -> dict[str, str]:
    """The newest verdict on each reveal, as the trail itself keeps it."""
    rows = AuditEvent.objects.filter(event="access_reviewed").order_by("pk")
    return {row.subject: str(row.detail.get("verdict", "")) for row in rows}


def _lot(monday: date, event: int) -> bytes:
    return hashlib.sha256(f"{monday}|{event}".encode()).digest()


def _names(users: Iterable[int]) -> dict[int, str]:
    return dict(User.objects.filter(pk__in=list(users)).values_list("pk", "full_name"))
