"""What somebody did to the audit trail: rows altered, taken out, moved or cut off.

Each row's digest is SHA-256(digest of the row before || this row's line), on one of
16 chains; a row's place is its `seq`, never its time or id. The database makes the
digests (migration 0007); here they are made again by other code, so that neither can
vouch for itself. What a chain alone cannot show, its end cut off or everything after
a row written anew, heads kept elsewhere show (`governance.anchors`).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = bytes(32)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of rows that do not fit, how many are tried in each other's places.
MOST_TRIED = 60


@dataclass(frozen=True)
class Row:
    """One row of the trail; `detail` is Postgres's own text of it."""

    shard: int
    seq: int
    at: datetime
    event: str
    user_id: int | None
    role: str
    purpose: str
    org_code: str
    subject: str
    persons: int
    outcome: str
    detail: str
    digest: bytes


@dataclass(frozen=True)
class Head:
    """The end of one chain: as kept beside it, and the last row that there is."""

    shard: int
    seq: int
    digest: bytes
    last_seq: int


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: which rows of which chain, and what became of them."""

    shard: int
    first_seq: int
    last_seq: int
    what: str

    def __str__(self) -> str:
        rows = f"row {self.first_seq}"
        if self.last_seq != self.first_seq:
            rows = f"rows {self.first_seq} to {self.last_seq}"
        return f"chain {self.shard}, {rows}: {self.what}"


def line_of(row: Row, seq: int | None = None) -> bytes:
    """Return what is hashed of a row, at another place in its chain if `seq` is given.

    The same text as the database's audit_line.
    """
    numbers = (
        row.shard,
        row.seq if seq is None else seq,
        (row.at - EPOCH) // timedelta(microseconds=1),
        "-" if row.user_id is None else row.user_id,
        row.persons,
    )
    texts = (row.event, row.role, row.purpose, row.org_code, row.subject, row.outcome)
    parts = [*map(str, numbers), *(f"{len(t)}:{t}" for t in texts), row.detail]
    return "|".join(parts).encode()


def digest_of(before: bytes, row: Row, seq: int | None = None) -> bytes:
    """Return the digest that a row has behind one with the digest `before`."""
    return hashlib.sha256(before + line_of(row, seq)).digest()


@dataclass
class Check:
    """One pass over one chain, rows in order of `seq`.

    `before` is the digest of the row before the first one given, or None where there
    is nothing to compare it with: then the first row is believed.
    """

    shard: int
    next_seq: int = 1
    before: bytes | None = START
    checked: int = 0
    first_seq: int = field(init=False)
    _misfits: list[tuple[bytes | None, Row]] = field(default_factory=list)
    _gaps: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first_seq = self.next_seq

    def take(self, row: Row) -> None:
        """Look at the next row."""
        self.checked += 1
        if row.seq > self.next_seq:
            self._gaps.append(self._fault(self.next_seq, row.seq - 1, "removed"))
            self.before = None
        if self.before is not None and digest_of(self.before, row) != row.digest:
            self._misfits.append((self.before, row))
        self.before, self.next_seq = row.digest, row.seq + 1

    def faults(self) -> Iterator[Fault]:
        """Say what was found, once every row was taken."""
        yield from self._gaps
        tried = [row for _, row in self._misfits[:MOST_TRIED]]
        befores = {row.digest for row in tried}
        befores |= {before for before, _ in self._misfits[:MOST_TRIED] if before}
        for _, row in self._misfits:
            moved_from = _written_at(row, tried, befores) if row in tried else None
            if moved_from == row.seq:
                # It stands where it was written, behind a row that was moved.
                continue
            what = f"altered, or row {row.seq - 1} before it was written anew"
            if moved_from is not None:
                what = f"moved: it was written as row {moved_from}"
            yield self._fault(row.seq, row.seq, what)

    def _fault(self, first: int, last: int, what: str) -> Fault:
        return Fault(self.shard, first, last, what)


def _written_at(row: Row, tried: list[Row], befores: set[bytes]) -> int | None:
    """The place at which a row's digest is right, among those of rows that misfit."""
    for seq in sorted({other.seq for other in tried}, key=lambda s: s != row.seq):
        if any(digest_of(before, row, seq) == row.digest for before in befores):
            return seq
    return None


def check_end(head: Head, reached: int, digest: bytes | None) -> Iterator[Fault]:
    """Compare a chain's kept head with the last row that was looked at."""
    if reached < head.seq:
        yield Fault(head.shard, reached + 1, head.seq, "cut off at the end")
    elif digest is not None and digest != head.digest:
        yield Fault(head.shard, head.seq, head.seq, "not the row that was last written")
    if head.last_seq > head.seq:
        yield Fault(head.shard, head.seq + 1, head.last_seq, "added past the end")


def check_anchors(
    wanted: Mapping[tuple[int, int], bytes],
    found: Mapping[tuple[int, int], bytes],
    known: Iterable[int],
) -> Iterator[Fault]:
    """Compare rows with the heads that were kept elsewhere when they were newest.

    `known` names the chains that were looked at.
    """
    looked = set(known)
    for (shard, seq), digest in sorted(wanted.items()):
        stands = found.get((shard, seq))
        if stands == digest:
            continue
        if stands is None and shard in looked:
            yield Fault(shard, seq, seq, "missing, and was anchored")
        elif stands is None:
            yield Fault(shard, 1, seq, "the whole chain is missing, and was anchored")
        else:
            yield Fault(shard, seq, seq, "written anew since it was anchored")
