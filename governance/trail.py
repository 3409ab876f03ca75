"""Read the audit trail whole and say whether it stands as it was written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from governance import anchors
from governance.chain import Check, Fault, Head, Row, check_anchors, check_end
from governance.witness import Witness, may_compare

AT_A_TIME = 5_000
SHARDS = 16  # as migration 0007 spreads them


@dataclass(frozen=True)
class Verdict:
    """What a check of the trail found. `anchored` counts the heads compared."""

    rows: int
    chains: int
    anchored: int
    faults: tuple[str, ...]


def heads() -> list[Head]:
    """Return the end of every chain, in one statement and so at one moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT shard, coalesce(h.seq, 0), coalesce(h.digest, ''),"
            " coalesce(e.last_seq, 0) FROM generate_series(0, %s) AS shard"
            " LEFT JOIN governance_audithead h USING (shard)"
            " LEFT JOIN LATERAL (SELECT max(seq) AS last_seq"
            "  FROM governance_auditevent e WHERE e.shard = shard.shard) e ON true"
            " WHERE h.seq IS NOT NULL OR e.last_seq IS NOT NULL ORDER BY shard",
            [SHARDS - 1],
        )
        return [
            Head(shard, seq, bytes(digest), last)
            for shard, seq, digest, last in cursor.fetchall()
        ]


def newest() -> dict[int, tuple[int, bytes]]:
    """Return each chain's newest number and digest, as the database keeps them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT shard, seq, digest FROM governance_audithead")
        return {shard: (seq, bytes(digest)) for shard, seq, digest in cursor.fetchall()}


def verify(since: datetime | None = None, *, with_anchors: bool = True) -> Verdict:
    """Check every row that this role may see, or those since a moment.

    As audit_reader, or as the web for a viewer whose grant shows the whole trail; who
    was seen is compared as audit_reader alone, and how old the newest anchor is in a
    check of everything.
    """
    witness = Witness()
    ends = heads()
    kept = anchors.lines() if with_anchors else []
    wanted, wrong = anchors.read(kept)
    found: dict[tuple[int, int], bytes] = {}
    faults: list[Fault] = []
    rows = 0
    for head in ends:
        check = _beginning(head.shard, since)
        for row in _rows(head, check.next_seq):
            check.take(row)
            witness.take(row)
            if (row.shard, row.seq) in wanted:
                found[row.shard, row.seq] = row.digest
        rows += check.checked
        faults += check.faults()
        faults += check_end(
            head, check.next_seq - 1, check.before if check.checked else None
        )
        wanted = {
            (shard, seq): digest
            for (shard, seq), digest in wanted.items()
            if shard != head.shard or seq >= check.first_seq
        }
    faults += check_anchors(wanted, found, [head.shard for head in ends])
    if may_compare():
        faults += witness.seen_faults(since)
    if with_anchors:
        wrong += witness.anchor_faults(kept, with_age=since is None)
    told = (*map(str, sorted(faults, key=lambda f: (f.shard, f.first_seq))), *wrong)
    return Verdict(rows, len(ends), len(wanted), told)


def _beginning(shard: int, since: datetime | None) -> Check:
    """A check of the whole chain, or from its first row since a moment."""
    if since is None:
        return Check(shard)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(min(seq), 0) FROM governance_auditevent"
            " WHERE shard = %s AND at >= %s",
            [shard, since],
        )
        first = cursor.fetchone()[0]
        if first <= 1:
            return Check(shard) if first else _after_all(shard)
        cursor.execute(
            "SELECT digest FROM governance_auditevent WHERE shard = %s AND seq = %s",
            [shard, first - 1],
        )
        before = cursor.fetchone()
    return Check(shard, first, bytes(before[0]) if before else None)


def _after_all(shard: int) -> Check:
    """A check of nothing: the chain has no row since the moment that was asked for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(seq), 0) + 1 FROM governance_auditevent"
            " WHERE shard = %s",
            [shard],
        )
        return Check(shard, cursor.fetchone()[0], None)


def _rows(head: Head, first_seq: int) -> Iterator[Row]:
    """A chain's rows in order, as many at a time as fit in little memory.

    Not past the head's number: what was added since then is the next check's.
    """
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT shard, seq, at, event, user_id, role, purpose, org_code, subject,"
            " persons, outcome, detail::text, digest FROM governance_auditevent"
            " WHERE shard = %s AND seq BETWEEN %s AND %s ORDER BY seq",
            [head.shard, first_seq, head.seq],
        )
        while some := cursor.fetchmany(AT_A_TIME):
            for values in some:
                yield Row(*values[:-1], digest=bytes(values[-1]))
