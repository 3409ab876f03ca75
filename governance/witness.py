"""What stands beside the audit trail and must agree with it: seen people and anchors.

A chain proves its own rows alone. A row that showed people holds the SHA-256 of their
set, which is kept apart; a row that tells of an anchor holds the SHA-256 of its line.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.db import connection

from governance import anchors
from governance.chain import Fault, Row

ANCHORED = "audit_anchored"
# Two turns of the task that keeps anchors.
LATE = timedelta(minutes=20)
# A set of people is written just before the row that tells of it.
BEFORE = timedelta(minutes=1)
# Who looked, at what kind of page, and the SHA-256 of whom it showed.
Seen = tuple[int | None, str, bytes]


class Witness:
    """Takes every row of the trail that was checked, then says what is missing."""

    def __init__(self) -> None:
        self._seen: dict[Seen, list[tuple[int, int]]] = defaultdict(list)
        self._anchored: dict[str, datetime] = {}

    def take(self, row: Row) -> None:
        """Look at the next row."""
        if "seen_sha256" in row.detail:
            told = str(json.loads(row.detail).get("seen_sha256", ""))
            seen = (row.user_id, row.event, bytes.fromhex(told))
            self._seen[seen].append((row.shard, row.seq))
        elif row.event == ANCHORED:
            self._anchored[str(json.loads(row.detail).get("line"))] = row.at

    def seen_faults(self, since: datetime | None) -> Iterator[Fault]:
        """Compare the sets that rows tell of with those that are kept.

        A set without a row is none: where the row could not be written, nobody saw it.
        """
        kept = _kept(since)
        for seen, places in self._seen.items():
            for shard, seq in places[kept.get(seen, 0) :]:
                yield Fault(shard, seq, seq, "whom it showed was altered or removed")

    def anchor_faults(
        self, lines: Sequence[str], *, with_age: bool = True
    ) -> Iterator[str]:
        """Say which anchors are gone, and whether they have stopped being kept."""
        held = {anchors.digest_of(line) for line in lines}
        gone = [at for line, at in self._anchored.items() if line not in held]
        if gone:
            yield (
                f"{len(gone)} of {len(self._anchored)} anchors that the trail tells of"
                f" are missing or altered; newest: {max(gone):%Y-%m-%d %H:%M} UTC"
            )
        if with_age:
            yield from _late(anchors.newest_at(lines))


def _late(anchored: datetime | None) -> Iterable[str]:
    """A trail that grew for longer than two turns after its newest anchor."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(at), max(at) FROM governance_auditevent")
        first, last = cursor.fetchone()
    if last is None or last - (anchored or first) <= LATE:
        return []
    since = f"since {anchored:%Y-%m-%d %H:%M} UTC" if anchored else "at all"
    return [
        f"rows were written until {last:%Y-%m-%d %H:%M} UTC and not anchored {since}"
    ]


def _kept(since: datetime | None) -> dict[Seen, int]:
    """How often each set is kept, without whom it holds; only the auditor may ask."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, event, digest, count(*) FROM seen_people"
            " WHERE %s::timestamptz IS NULL OR at >= %s GROUP BY 1, 2, 3",
            [since and since - BEFORE] * 2,
        )
        return {
            (user_id, event, bytes(digest)): often
            for user_id, event, digest, often in cursor.fetchall()
        }


def may_compare() -> bool:
    """Whether this role may read the digests of seen people (audit_reader)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_column_privilege(current_user, 'seen_people', 'digest',"
            " 'SELECT')"
        )
        return bool(cursor.fetchone()[0])
