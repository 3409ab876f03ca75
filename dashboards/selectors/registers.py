"""The registers as the information governance lead reads them, and the ROPA."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from governance.access import ACCESS
from governance.models import RegisterEntry, User
from governance.registers.selectors import Entry, book, written
from governance.registers.specs import KIND_TITLES, KINDS, FlowSpec
from linkage.definitions import FEEDS

SOON = timedelta(days=60)


@dataclass(frozen=True)
class Line:
    """One entry of a register: what it says, until when, and how it stands."""

    kind: str
    key: str
    title: str
    words: str
    starts_on: date
    expires_on: date | None
    days_left: int | None
    is_live: bool

    @property
    def standing(self) -> str:
        """How it stands, in words that need no colour."""
        if not self.is_live:
            return f"Ended on {written(self.expires_on)}: it gives nothing"
        if self.days_left is None:
            return "In force without an end"
        return f"In force, {self.days_left} days left"


@dataclass(frozen=True)
class Proposal:
    """A change with its history: who proposed and who decided, and what it says."""

    id: int
    kind: str
    key: str
    version: int
    state: str
    why: str
    starts_on: date
    expires_on: date | None
    proposed_by: str
    proposed_at: Any
    decided_by: str
    decided_at: Any
    decided_why: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Registers:
    """The page: what ends soon, what waits, and every entry by kind."""

    soon: list[Line]
    ended: list[Line]
    waiting: list[Proposal]
    by_kind: dict[str, list[Line]]
    unregistered: list[str]


def registers(on: date) -> Registers:
    """Return how every register stands on a day."""
    now = book()
    by_kind = {
        kind: sorted(
            (_line(entry, on) for entry in now.newest(kind, on).values()),
            key=lambda line: (line.expires_on or date.max, line.key),
        )
        for kind in KINDS
    }
    everything = [line for lines in by_kind.values() for line in lines]
    waiting = RegisterEntry.objects.filter(state=RegisterEntry.State.PROPOSED)
    return Registers(
        soon=sorted(
            (
                line
                for line in everything
                if line.is_live and line.expires_on and line.expires_on <= on + SOON
            ),
            key=lambda line: line.expires_on or date.max,
        ),
        ended=[line for line in everything if not line.is_live],
        waiting=[_proposal(row) for row in waiting.order_by("proposed_at")],
        by_kind=by_kind,
        unregistered=unregistered(on),
    )


def unregistered(on: date) -> list[str]:
    """Return the feeds that no purpose may use on a day: nothing of them is shown."""
    live = {
        entry.content.feed
        for entry in book().live("flow", on).values()
        if isinstance(entry.content, FlowSpec)
    }
    return [name for name in FEEDS if name not in live]


def proposal(entry_id: int) -> Proposal | None:
    """Return one version of an entry."""
    row = RegisterEntry.objects.filter(pk=entry_id).first()
    return _proposal(row) if row else None


def history(kind: str, key: str) -> list[Proposal]:
    """Return every version of an entry, newest first, refused ones as well."""
    rows = RegisterEntry.objects.filter(kind=kind, key=key).order_by("-version")
    return [_proposal(row) for row in rows]


def in_force(kind: str, key: str, on: date) -> Entry | None:
    """Return the newest version of an entry that has begun."""
    return book().newest(kind, on).get(key)


def staff() -> list[tuple[str, date | None]]:
    """Return every account with the last day on which its training counts."""
    rows = User.objects.filter(is_active=True).order_by("username")
    return list(rows.values_list("username", "trained_until"))


def ropa(on: date) -> tuple[list[str], list[list[str]]]:
    """Return the record of processing activities: headings, and a row for each flow.

    The headings follow Article 30 of the UK GDPR.
    """
    columns = {
        "Feed": lambda c: FEEDS[c.feed].title if c.feed in FEEDS else c.feed,
        "Purpose": lambda c: (
            ACCESS.purposes[c.purpose].title
            if c.purpose in ACCESS.purposes
            else c.purpose
        ),
        "Controllers": lambda c: "; ".join(c.controllers),
        "Joint controllers": lambda c: "; ".join(c.joint_controllers),
        "Processors": lambda c: "; ".join(c.processors),
        "Data subjects": lambda c: c.data_subjects,
        "Categories of data": lambda c: c.categories,
        "UK GDPR Article 6": lambda c: c.article_6,
        "UK GDPR Article 9": lambda c: c.article_9,
        "Confidentiality": lambda c: c.confidentiality,
        "Opt-outs": lambda c: c.opt_outs,
        "DPIA": lambda c: c.dpia,
        "Agreement": lambda c: c.agreement,
        "Owner": lambda c: c.owner,
        "Retention": lambda c: c.retention,
    }
    rows = []
    for entry in book().newest("flow", on).values():
        content = entry.content
        if isinstance(content, FlowSpec):
            rows.append(
                [
                    *(read(content) for read in columns.values()),
                    entry.starts_on.isoformat(),
                    entry.expires_on.isoformat() if entry.expires_on else "",
                    "yes" if entry.is_live(on) else "no",
                    entry.decided_by,
                ]
            )
    heads = [*columns, "In force from", "Ends on", "In force", "Approved by"]
    return heads, sorted(rows)


def _line(entry: Entry, on: date) -> Line:
    left = (entry.expires_on - on).days if entry.expires_on else None
    return Line(
        kind=entry.kind,
        key=entry.key,
        title=_title(entry),
        words=_words(entry),
        starts_on=entry.starts_on,
        expires_on=entry.expires_on,
        days_left=left,
        is_live=entry.is_live(on),
    )


def _title(entry: Entry) -> str:
    content = entry.content
    if isinstance(content, FlowSpec):
        feed = FEEDS[content.feed].title if content.feed in FEEDS else content.feed
        purpose = ACCESS.purposes.get(content.purpose)
        return f"{feed}: {purpose.title if purpose else content.purpose}"
    told = content.model_dump()
    return str(told.get("title") or told.get("username") or _use(told["use"]))


def _use(use: str) -> str:
    purpose = ACCESS.purposes.get(use)
    return purpose.title if purpose else use.replace("_", " ").capitalize()


def _words(entry: Entry) -> str:
    told = entry.content.model_dump()
    names = {
        "flow": ("article_6", "article_9", "confidentiality", "agreement"),
        "agreement": ("partner", "purposes"),
        "opt_out": ("honours", "basis"),
        "training": ("course",),
    }[entry.kind]
    return "; ".join(filter(None, (_plain(told[name]) for name in names)))


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return ", ".join(str(each).replace("_", " ") for each in value) or "none"


def _proposal(row: RegisterEntry) -> Proposal:
    return Proposal(
        id=row.pk,
        kind=row.kind,
        key=row.key,
        version=row.version,
        state=row.state,
        why=row.why,
        starts_on=row.starts_on,
        expires_on=row.expires_on,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decided_why=row.decided_why,
        content={k: _plain(v) for k, v in row.content.items()},
    )


def kinds() -> Iterable[tuple[str, str]]:
    """The registers that there are, with their titles."""
    return KIND_TITLES.items()
