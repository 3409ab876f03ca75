"""Erase a person: from the vault, from the facts, from everything derived of them.

All of it runs in the vault zone. The vault commits first: whoever was erased there can
be known by nothing any more, and what a crash leaves in the store goes when the same
erasure is run again.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from governance import access, audit
from governance.models import User
from linkage import actions, bulk, moves, store
from linkage.definitions import FEEDS
from linkage.models import FeedRun
from linkage.steps.pseudonymise import TABLES
from linkage.vault import changes, erased, index, quarantine

# The page on which requests are decided: roles.yaml says who may.
DECIDED_ON = "rights"


@dataclass(frozen=True)
class Erasure:
    """How many rows went, by table of the store; and rows kept aside for a replay."""

    removed: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0

    @property
    def rows(self) -> int:
        return sum(self.removed.values())


def with_referring(feeds: Collection[str]) -> list[str]:
    """These feeds, and those that speak only of people whom these introduce."""
    chosen = set(feeds)
    introducing: dict[str, set[str]] = {}
    for name, spec in FEEDS.items():
        for local in spec.local_ids if spec.introduces else ():
            introducing.setdefault(local.namespace, set()).add(name)
    for name, spec in FEEDS.items():
        if spec.tier == "reference" and spec.local_ids:
            by = introducing.get(spec.local_ids[0].namespace, set())
            if by and by <= chosen:
                chosen.add(name)
    return sorted(chosen)


def erase_person(
    *, person_no: int, feeds: Collection[str], erasure: int, by: str
) -> Erasure:
    """Erase a person whole, or what some feeds told of them. Safe to repeat.

    feeds: by name; none means everything. Waits until no feed is being loaded: a load
    that had looked the person up would bring their facts back.
    """
    chosen = with_referring(feeds)
    numbers = [FEEDS[name].number for name in chosen] if chosen else None
    with transaction.atomic(), connection.cursor() as cursor:
        for feed in sorted(FEEDS):
            store.alone_with_feed(cursor, feed)
        moves.hold_still(cursor)
        with index.writing() as vault:
            people = all_numbers_of(vault, person_no)
            stated = erased.forget(vault, people, numbers, erasure=erasure, by=by)
            feed_of = dict(FeedRun.objects.values_list("pk", "feed"))
            aside = erased.Aside(vault, stated, feed_of)
            kept_aside = quarantine.forget(vault, aside.are_theirs)
        removed = _remove_facts(cursor, people, chosen)
        if not chosen:
            removed |= _remove_derived(cursor, people)
        done = Erasure({name: n for name, n in removed.items() if n}, kept_aside)
        audit.record(
            "person_erased",
            None,
            subject=f"request {erasure}",
            persons=1,
            by=by,
            feeds=len(chosen) or "all",
            rows=done.rows,
        )
    actions.settle_people()
    return done


class RefusedLiftError(ValueError):
    """An erasure that is not lifted; says why."""


def lift_erasure(*, erasure: int, by: str, agreed_by: str) -> int:
    """Let an erased person's rows in again, from the next delivery on.

    by, agreed_by: user names of two people who may decide on erasures today, or
    RefusedLiftError. Returns how many keys kept the rows out; 0 where nothing did.
    """
    if by == agreed_by:
        raise RefusedLiftError("Somebody else must agree to it.")
    for name in (by, agreed_by):
        if not may_decide(name):
            raise RefusedLiftError(
                f"{name} has no account that may decide on erasures today."
            )
    with index.writing() as vault:
        keys = erased.lift(vault, erasure)
        told = {"subject": f"request {erasure}", "by": by, "agreed_by": agreed_by}
        audit.record("erasure_lifted", None, keys=keys, **told)
    return keys


def may_decide(username: str) -> bool:
    """Whether somebody could decide on an erasure now: account, grant, training."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        return False
    for grant in access.live_grants(user, timezone.localdate()):
        viewer = access.viewer_for(user, grant_id=grant.pk)
        if viewer and viewer.role == grant.role and viewer.may_open(DECIDED_ON):
            return True
    return False


def all_numbers_of(vault: Any, person_no: int) -> list[int]:
    """Whom a number means today, and every number that means the same today.

    Through every redirect that stands: a number that was parted from this person
    again is somebody else.
    """
    now = changes.now_known_as(vault, person_no)
    known = bulk.fetch(
        vault,
        "WITH RECURSIVE same(person_no) AS ("
        f" SELECT {int(now)} UNION SELECT r.from_no FROM redirect r"
        " JOIN same s ON r.to_no = s.person_no WHERE r.until_version IS NULL)"
        " SELECT person_no FROM same",
    )["person_no"]
    return sorted({int(n) for n in known})


def _remove_facts(
    cursor: Any, people: list[int], feeds: Collection[str]
) -> dict[str, int]:
    removed = {}
    for table in TABLES:
        words, given = f"DELETE FROM {table} WHERE person_no = ANY(%s)", [people]
        if feeds:
            runs = FeedRun.objects.filter(feed__in=feeds).values_list("pk", flat=True)
            words, given = f"{words} AND run_id = ANY(%s)", [people, list(runs)]
        cursor.execute(words, given)
        removed[table] = cursor.rowcount
    return removed


def _remove_derived(cursor: Any, people: list[int]) -> dict[str, int]:
    removed = {}
    for table in settings.ERASED_WITH_A_PERSON:
        cursor.execute(f"DELETE FROM {table} WHERE person_no = ANY(%s)", [people])
        removed[table] = cursor.rowcount
    return removed
