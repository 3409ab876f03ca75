"""Every write of the registers: one person proposes, another decides.

Run as the web role, whose policies in Postgres say the same: it adds proposals in the
signed-in person's own name, and decides only on somebody else's.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone
from pydantic import ValidationError

from governance import audit
from governance.models import AccessTally, AuditEvent, User
from governance.registers.models import RegisterEntry
from governance.registers.specs import (
    EVERY_OTHER,
    KINDS,
    EntryHead,
    FlowSpec,
    SeedSpec,
    TrainingSpec,
)


class RefusedEntryError(ValueError):
    """A change that a register does not take; says why."""


def propose(
    *,
    kind: str,
    key: str,
    content: dict[str, Any],
    starts_on: date,
    expires_on: date | None,
    why: str,
    by: str,
) -> RegisterEntry:
    """Keep a new version of an entry beside the one in force; nothing changes yet.

    RefusedEntryError for content that does not fit its kind, an end before its
    beginning, or where another proposal for the entry is waiting.
    """
    if kind not in KINDS:
        raise RefusedEntryError(f"There is no register of {kind!r}.")
    try:
        EntryHead(
            kind=kind, key=key, starts_on=starts_on, expires_on=expires_on, why=why
        )
        checked = KINDS[kind].model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RefusedEntryError(f"{where}: {first['msg']}") from error
    if expires_on is None and kind == "training":
        raise RefusedEntryError("Training ends: say on which day.")
    if expires_on is not None and expires_on < starts_on:
        raise RefusedEntryError("It would end before it begins.")
    entries = RegisterEntry.objects.filter(kind=kind, key=key)
    if entries.filter(state=RegisterEntry.State.PROPOSED).exists():
        raise RefusedEntryError("Another change to this entry waits for a decision.")
    with transaction.atomic():
        latest = entries.aggregate(latest=Max("version"))["latest"] or 0
        made = RegisterEntry.objects.create(
            kind=kind,
            key=key,
            version=latest + 1,
            content=checked.model_dump(mode="json"),
            starts_on=starts_on,
            expires_on=expires_on,
            why=why,
            proposed_by=by,
            proposed_at=timezone.now(),
        )
        audit.record(
            "register_proposed",
            None,
            subject=f"{kind} {key} version {made.version}"[:200],
            by=by,
        )
    return made


def decide(*, entry_id: int, approve: bool, why: str, by: str) -> RegisterEntry:
    """Approve or refuse a proposal; it holds from the next request on.

    By somebody else than who proposed it, once.
    """
    with transaction.atomic():
        # Postgres lets the web lock what waits alone: a decided row is not there.
        waiting = RegisterEntry.objects.select_for_update().filter(
            pk=entry_id, state=RegisterEntry.State.PROPOSED
        )
        entry = waiting.first()
        if entry is None:
            known = RegisterEntry.objects.get(pk=entry_id)
            raise RefusedEntryError(f"This change is already {known.state}.")
        if entry.proposed_by == by:
            raise RefusedEntryError("Somebody else must decide on what you proposed.")
        states = RegisterEntry.State
        entry.state = states.APPROVED if approve else states.REFUSED
        entry.decided_by, entry.decided_at = by, timezone.now()
        entry.decided_why = why
        entry.save(update_fields=["state", "decided_by", "decided_at", "decided_why"])
        audit.record(
            f"register_{entry.state}",
            None,
            subject=f"{entry.kind} {entry.key} version {entry.version}"[:200],
            by=by,
        )
    return entry


def apply_training(*, entry_id: int) -> None:
    """Carry an approved training entry to the account it is about, as the worker."""
    entry = RegisterEntry.objects.get(
        pk=entry_id, kind="training", state=RegisterEntry.State.APPROVED
    )
    content = TrainingSpec.model_validate(entry.content)
    if entry.expires_on is None:
        raise RefusedEntryError("Training without an end gives nothing.")
    with transaction.atomic():
        # Up to the day before the entry ends, which gives nothing that day any more.
        last = entry.expires_on - timedelta(days=1)
        User.objects.filter(username=content.username).update(trained_until=last)
        audit.record("training_set", None, subject=content.username, by="worker")


def tally_access(*, month: date) -> int:
    """Count the month's audited events for the public register, as the worker.

    `month` is any day of it. Returns how many rows were written; safe to repeat.
    """
    first = month.replace(day=1)
    events = AuditEvent.objects.filter(at__year=first.year, at__month=first.month)
    counted = events.values("event", "outcome").annotate(times=Count("at"))
    with transaction.atomic():
        AccessTally.objects.filter(month=first).delete()
        made = AccessTally.objects.bulk_create(
            AccessTally(month=first, **row) for row in counted
        )
    return len(made)


def seed(*, spec: SeedSpec, feeds: Iterable[str], today: date) -> int:
    """Begin empty registers with a seed's entries, as the worker; returns how many.

    Does nothing where a register already holds an entry. Every entry was proposed and
    decided by the two whom the seed names. `feeds` are all that there are.
    """
    if RegisterEntry.objects.exists():
        return 0
    rows = [
        ("agreement", key, each.content.model_dump(mode="json"), each.days)
        for key, each in spec.agreements.items()
    ]
    named = {feed for footing in spec.flows for feed in footing.feeds}
    for footing in spec.flows:
        others = [feed for feed in feeds if feed not in named]
        for feed in others if EVERY_OTHER in footing.feeds else footing.feeds:
            for purpose in footing.purposes:
                content = {"feed": feed, "purpose": purpose} | footing.common
                flow = FlowSpec.model_validate(content).model_dump(mode="json")
                rows.append(("flow", f"{feed}:{purpose}", flow, footing.days))
    rows += [
        ("opt_out", each.use, each.model_dump(mode="json"), spec.opt_out_days)
        for each in spec.opt_outs
    ]
    now = timezone.now()
    with transaction.atomic():
        made = RegisterEntry.objects.bulk_create(
            RegisterEntry(
                kind=kind,
                key=key,
                version=1,
                content=content,
                starts_on=today,
                expires_on=today + timedelta(days=days),
                why=f"Set up: {spec.title}",
                state=RegisterEntry.State.APPROVED,
                proposed_by=spec.proposed_by,
                proposed_at=now,
                decided_by=spec.decided_by,
                decided_at=now,
                decided_why="Set up with the demonstration",
            )
            for kind, key, content, days in rows
        )
        audit.record(
            "registers_seeded", None, subject=spec.title[:200], entries=len(made)
        )
    return len(made)
