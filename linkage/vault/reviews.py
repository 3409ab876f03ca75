"""The clerical queue: pairs that rules leave to people, judgements, and their effect.

A judgement that decides is carried out in the same transaction: a link merges the two
people, a refusal keeps them apart in every later linkage. Merging two people who each
have a valid NHS number takes two reviewers; some other pairs are read twice as well,
to know how far reviewers agree.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.steps.agreement import Agreement, agreement
from linkage.vault import changes, index
from linkage.vault.service.refusals import RefusedActError

VERDICTS = ("link", "not_link", "unsure")
# One pair in five is read by two, chosen by its number: nobody knows which.
READ_TWICE = 5
SHOWN = 50
REVIEW = {
    "subject_key": pl.Int64,
    "person_no": pl.Int32,
    "weight": pl.Float64,
    "why": pl.String,
}


@dataclass(frozen=True)
class Outcome:
    """What became of a pair: its state, and whether the index changed."""

    state: str
    changed: bool


def raise_pairs(
    connection: dbapi.Connection, review: pl.DataFrame, version: int
) -> None:
    """Put pairs (REVIEW) into the queue, each once whatever the direction.

    The newest agreed record of the person stands for them.
    """
    if review.is_empty():
        return
    asked = review.select(list(REVIEW)).cast(REVIEW)
    bulk.copy(connection, asked, "raised", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO review_pair (subject_key, other_subject_key, weight, why,"
        " two_numbers, raised_version, raised_at, facts, needs, state)"
        " SELECT r.subject_key, o.subject_key, r.weight, r.why, false,"
        f" {int(version)}, clock_timestamp(), -1, 1, 'open'"
        " FROM pg_temp.raised r, LATERAL (SELECT s.subject_key FROM link l"
        "  JOIN source_record s USING (subject_key)"
        "  WHERE l.person_no = r.person_no AND l.to_version IS NULL"
        "  ORDER BY s.number_agreed DESC, s.seen_on DESC NULLS LAST, s.subject_key"
        "  LIMIT 1) o"
        " WHERE r.subject_key <> o.subject_key AND NOT EXISTS (SELECT FROM review_pair"
        " p WHERE p.subject_key = o.subject_key"
        " AND p.other_subject_key = r.subject_key) ON CONFLICT DO NOTHING",
    )


def uncounted(connection: dbapi.Connection) -> pl.DataFrame:
    """Pairs whose facts have not been counted: id, subject_key, person_no."""
    return bulk.fetch(
        connection,
        "SELECT p.id, p.subject_key, l.person_no FROM review_pair p"
        " JOIN link l ON l.subject_key = p.subject_key AND l.to_version IS NULL"
        " WHERE p.facts < 0",
    )


def keep_counts(connection: dbapi.Connection, counts: pl.DataFrame) -> None:
    """Note how many facts hang on the record of each pair (id, facts)."""
    bulk.copy(connection, counts.select("id", "facts"), "counted", temporary=True)
    bulk.execute(
        connection,
        "UPDATE review_pair p SET facts = c.facts FROM pg_temp.counted c"
        " WHERE p.id = c.id",
    )


def queue(connection: dbapi.Connection, reviewer_id: int) -> pl.DataFrame:
    """What waits for this reviewer, most facts first; no identifier."""
    return _rows(
        connection,
        "SELECT p.id, p.weight, p.why, p.facts, p.state, p.raised_at,"
        " s.feed_no, o.feed_no AS other_feed_no FROM review_pair p"
        " JOIN source_record s USING (subject_key)"
        " JOIN source_record o ON o.subject_key = p.other_subject_key"
        " WHERE p.state IN ('open', 'second') AND NOT EXISTS (SELECT FROM judgement j"
        " WHERE j.pair_id = p.id AND j.reviewer_id = $1)"
        f" ORDER BY p.facts DESC, p.id LIMIT {SHOWN}",
        reviewer_id,
    )


def waiting(connection: dbapi.Connection) -> dict[str, int]:
    """How many pairs are in each state."""
    found = bulk.fetch(
        connection, "SELECT state, count(*) AS n FROM review_pair GROUP BY state"
    )
    return dict(found.iter_rows())


def agreed(connection: dbapi.Connection) -> Agreement:
    """How far the first two reviewers of pairs that two have read agree."""
    told = bulk.fetch(
        connection,
        "SELECT pair_id, verdict FROM judgement ORDER BY pair_id, id",
    )
    pairs = told.group_by("pair_id", maintain_order=True).agg("verdict")["verdict"]
    return agreement([(v[0], v[1]) for v in pairs.to_list() if len(v) > 1])


def pair(connection: dbapi.Connection, pair_id: int) -> dict[str, Any]:
    """One pair with the two people it is about now. Refused where there is none."""
    found = _rows(
        connection,
        "SELECT p.id, p.subject_key, p.other_subject_key, p.weight, p.why, p.state,"
        " p.facts, a.person_no AS one, b.person_no AS other FROM review_pair p"
        " JOIN link a ON a.subject_key = p.subject_key AND a.to_version IS NULL"
        " JOIN link b ON b.subject_key = p.other_subject_key AND b.to_version IS NULL"
        " WHERE p.id = $1",
        pair_id,
    )
    if found.is_empty():
        raise RefusedActError("There is no such pair.")
    row = found.row(0, named=True)
    numbers = changes.valid_numbers(connection, [row["one"], row["other"]])
    row["two_numbers"] = changes.two_numbers(numbers, row["one"], row["other"])
    return row


def judge(
    connection: dbapi.Connection,
    pair_id: int,
    *,
    reviewer_id: int,
    verdict: str,
    reason: str,
) -> Outcome:
    """Take one judgement, as the one writer of the index, and do what follows of it."""
    if verdict not in VERDICTS:
        raise RefusedActError("Choose link, not a link, or unsure.")
    if not reason.strip():
        raise RefusedActError("Say why, in a few words without names or numbers.")
    about = pair(connection, pair_id)
    if about["state"] not in ("open", "second"):
        raise RefusedActError("Somebody has settled this pair meanwhile.")
    before = _verdicts(connection, pair_id)
    if reviewer_id in before:
        raise RefusedActError("You have judged this pair; a second person must.")
    _insert(connection, pair_id, reviewer_id, verdict, reason.strip()[:500])
    verdicts = [*before.values(), verdict]
    state = _state(verdicts, two_numbers=about["two_numbers"], pair_id=pair_id)
    version = _carry_out(connection, about, state, len(verdicts), reviewer_id)
    _settle(connection, pair_id, state, about["two_numbers"], version)
    return Outcome(state, version is not None)


def _state(verdicts: list[str], *, two_numbers: bool, pair_id: int) -> str:
    """What the verdicts so far come to.

    Two who disagree are joined by a third, and the majority holds; two NHS numbers
    are joined by no fewer than two.
    """
    twice = pair_id % READ_TWICE == 0
    first = verdicts[0]
    if len(verdicts) == 1:
        needs_two = twice or (two_numbers and first == "link")
        return "second" if needs_two else first
    for said in VERDICTS:
        if verdicts.count(said) >= 2:
            return said
    return "second" if len(verdicts) == 2 else "disagreed"


def _carry_out(
    connection: dbapi.Connection,
    about: dict[str, Any],
    state: str,
    readers: int,
    reviewer_id: int,
) -> int | None:
    by = f"reviewer {reviewer_id}"
    one, other = about["one"], about["other"]
    try:
        if state == "link" and one != other:
            return changes.merge(connection, one, other, by=by, by_two=readers > 1)
        if state == "not_link" and one == other:
            return changes.split(connection, _of_source(connection, about), by=by)
    except changes.RefusedChangeError as error:
        raise RefusedActError(f"Not done: {error}.") from error
    return None


def _of_source(connection: dbapi.Connection, about: dict[str, Any]) -> pl.Series:
    """The record, and what its source says of the same local id."""
    return _rows(
        connection,
        "SELECT s.subject_key FROM source_record s"
        f" JOIN {index.CURRENT} AND l.person_no = $2"
        " WHERE s.subject_key = $1 OR s.local_key = (SELECT local_key"
        " FROM source_record WHERE subject_key = $1)",
        about["subject_key"],
        about["one"],
    )["subject_key"].cast(pl.Int64)


def keep_apart(
    connection: dbapi.Connection, one: int, other: int, version: int
) -> None:
    """Note that two records are of two people, as a judgement outside the queue."""
    _run(
        connection,
        "INSERT INTO review_pair (subject_key, other_subject_key, why, two_numbers,"
        " raised_version, raised_at, facts, needs, state, settled_version) VALUES"
        " ($1, $2, 'split', false, $3, clock_timestamp(), 0, 1, 'not_link', $3)"
        " ON CONFLICT (subject_key, other_subject_key)"
        " DO UPDATE SET state = 'not_link', settled_version = excluded.settled_version",
        one,
        other,
        version,
    )


def _verdicts(connection: dbapi.Connection, pair_id: int) -> dict[int, str]:
    found = _rows(
        connection,
        "SELECT reviewer_id, verdict FROM judgement WHERE pair_id = $1 ORDER BY id",
        pair_id,
    )
    return dict(found.iter_rows())


def _insert(
    connection: dbapi.Connection,
    pair_id: int,
    reviewer_id: int,
    verdict: str,
    reason: str,
) -> None:
    _run(
        connection,
        "INSERT INTO judgement (pair_id, reviewer_id, verdict, reason, at)"
        " VALUES ($1, $2, $3, $4, clock_timestamp())",
        pair_id,
        reviewer_id,
        verdict,
        reason,
    )


def _settle(
    connection: dbapi.Connection,
    pair_id: int,
    state: str,
    two_numbers: bool,
    version: int | None,
) -> None:
    _run(
        connection,
        "UPDATE review_pair SET state = $2, two_numbers = $3, settled_version = $4"
        " WHERE id = $1",
        pair_id,
        state,
        two_numbers,
        version,
    )


def _rows(connection: dbapi.Connection, query: str, *given: Any) -> pl.DataFrame:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def _run(connection: dbapi.Connection, statement: str, *given: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
