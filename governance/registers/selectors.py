"""What the registers say on a day. Read at every request; nothing is trusted longer.

The entries are parsed once per state of the table: one short query tells whether
anything was decided since, so an ended agreement holds from the next request on.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Count, Max
from django.utils import timezone
from pyroaring import BitMap

from governance.decisions import Standing
from governance.registers.models import OptOutSet, RegisterEntry
from governance.registers.specs import (
    KINDS,
    OPT_OUTS,
    AgreementSpec,
    FlowSpec,
    OptOut,
    OptOutPolicySpec,
)
from governance.specs import AccessSpec, Strict

# NHS England, national data opt-out operational policy: apply the list as it stood
# no more than 21 days before the data are used.
FRESH_FOR = timedelta(days=21)
# What a use of rows beyond a person's own care is called in the opt-out policies.
CASE_FINDING = "case_finding"


@dataclass(frozen=True)
class Entry:
    """One approved version: from when until when (that day excluded), and what."""

    kind: str
    key: str
    version: int
    starts_on: date
    expires_on: date | None
    decided_by: str
    content: Strict

    def is_live(self, on: date) -> bool:
        ended = self.expires_on is not None and self.expires_on <= on
        return self.starts_on <= on and not ended


@dataclass(frozen=True)
class Book:
    """Every approved version, by kind and key, newest first."""

    entries: Mapping[str, Mapping[str, tuple[Entry, ...]]] = field(default_factory=dict)

    def newest(self, kind: str, on: date) -> dict[str, Entry]:
        """The newest version that has begun, by key; it may have expired."""
        found = {}
        for key, versions in self.entries.get(kind, {}).items():
            begun = [entry for entry in versions if entry.starts_on <= on]
            if begun:
                found[key] = begun[0]
        return found

    def live(self, kind: str, on: date) -> dict[str, Entry]:
        """The entries in force on a day, by key."""
        return {k: e for k, e in self.newest(kind, on).items() if e.is_live(on)}

    def agreement(self, key: str, on: date) -> AgreementSpec | None:
        """The agreement of this name, if it is in force on a day."""
        found = self.live("agreement", on).get(key)
        content = found.content if found else None
        return content if isinstance(content, AgreementSpec) else None

    def flows(self, purpose: str, on: date) -> dict[str, tuple[Entry, str]]:
        """The flows of a purpose that have begun, by feed: the entry, why it is
        closed ("" where it is in force).
        """
        agreements = self.live("agreement", on)
        found = {}
        for entry in self.newest("flow", on).values():
            content = entry.content
            if not isinstance(content, FlowSpec) or content.purpose != purpose:
                continue
            why = ""
            if not entry.is_live(on):
                why = (
                    f"The legal basis of {content.feed} for this purpose ended on"
                    f" {written(entry.expires_on)}."
                )
            elif content.agreement not in agreements:
                why = (
                    f"{content.feed} is used under {content.agreement}, which is not"
                    " in force."
                )
            found[content.feed] = (entry, why)
        return found

    def honoured(self, access: AccessSpec, use: str, on: date) -> frozenset[OptOut]:
        """Which opt-outs a use honours: those signed for, or all without a signature.

        `use` is a purpose, or a finer use of one (case finding).
        """
        purpose = access.purposes.get(use)
        if purpose is not None and not purpose.honours_opt_outs:
            return frozenset()
        found = self.live("opt_out", on).get(use)
        if found is None or not isinstance(found.content, OptOutPolicySpec):
            return frozenset(OPT_OUTS)
        return frozenset(found.content.honours)


def written(day: date | None) -> str:
    """Write a day as people say it."""
    return f"{day.day} {day:%B %Y}" if day else "no date"


_lock = threading.Lock()
_kept: tuple[Any, Book] | None = None


def book() -> Book:
    """Return the approved entries as they stand at this moment."""
    global _kept
    approved = RegisterEntry.objects.filter(state=RegisterEntry.State.APPROVED)
    stamp = approved.aggregate(n=Count("pk"), last=Max("pk"), at=Max("decided_at"))
    with _lock:
        kept = _kept
    if kept is not None and kept[0] == stamp:
        return kept[1]
    found: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for row in approved.order_by("-version"):
        found[row.kind][row.key].append(
            Entry(
                kind=row.kind,
                key=row.key,
                version=row.version,
                starts_on=row.starts_on,
                expires_on=row.expires_on,
                decided_by=row.decided_by,
                content=KINDS[row.kind].model_validate(row.content),
            )
        )
    made = Book(
        {k: {key: tuple(v) for key, v in rows.items()} for k, rows in found.items()}
    )
    with _lock:
        _kept = (stamp, made)
    return made


def standing(access: AccessSpec, purpose: str, on: date) -> Standing:
    """Say what a purpose may use on a day, and what is closed and why."""
    if purpose not in access.purposes:
        return Standing()
    now = book()
    flows = now.flows(purpose, on)
    uses = {"figures": purpose, "rows": use_of_rows(purpose)}
    honours = {shows: now.honoured(access, use, on) for shows, use in uses.items()}
    needed = frozenset[OptOut]().union(*honours.values())
    status = status_of_opt_outs() if needed else {}
    stale = {
        shows: why
        for shows, kinds in honours.items()
        if (why := stale_status(kinds, status))
    }
    return Standing(
        live_feeds=frozenset(feed for feed, (_, why) in flows.items() if not why),
        closed_feeds={feed: why for feed, (_, why) in flows.items() if why},
        stale=stale,
        honours=honours,
    )


def use_of_rows(purpose: str) -> str:
    """What looking at rows for a purpose is called in the opt-out policies."""
    return CASE_FINDING if purpose == "population_health" else purpose


def status_of_opt_outs() -> dict[str, datetime | None]:
    """When the newest status of each kind of opt-out came."""
    return dict(OptOutSet.objects.values_list("kind", "status_at"))


def stale_status(
    honoured: frozenset[OptOut], known: Mapping[str, datetime | None]
) -> str:
    """Say why uses that honour these opt-outs are closed now, or ""."""
    now = timezone.now()
    for kind in sorted(honoured - {"local"}):
        at = known.get(kind)
        if at is None:
            return f"The status of the {OPT_OUTS[kind]} has never been received."
        if now - at > FRESH_FOR:
            return (
                f"The status of the {OPT_OUTS[kind]} was last received on"
                f" {written(at.date())}, more than {FRESH_FOR.days} days ago. Uses that"
                " must honour it wait until the data manager loads the newest."
            )
    return ""


Stamp = tuple[tuple[str, datetime], ...]


def opt_out_stamp(kinds: Iterable[str]) -> Stamp:
    """When the sets of these kinds were last gathered: the same while they stand."""
    rows = OptOutSet.objects.filter(kind__in=list(kinds))
    return tuple(sorted(rows.values_list("kind", "made_at")))


@lru_cache(maxsize=16)
def opted_out(stamp: Stamp) -> dict[str, BitMap]:
    """Return everyone who opted out, by kind, as gathered at the times of a stamp.

    Treat the sets as read-only: they are shared by requests.
    """
    rows = OptOutSet.objects.filter(kind__in=[kind for kind, _ in stamp])
    return {row.kind: BitMap.deserialize(bytes(row.people)) for row in rows}


def agreement_for(role: str, on: date) -> str:
    """Return the first agreement in force on a day for a role, or ""."""
    for key, entry in sorted(book().live("agreement", on).items()):
        if isinstance(entry.content, AgreementSpec) and role in entry.content.roles:
            return key
    return ""
