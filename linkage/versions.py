"""Which version of a record stands, when staged facts meet the store's own.

All of it runs inside the transaction that attaches a run's facts. Facts are found by
(person_no, record_key); one that an earlier version left under another person is
looked for there (`elsewhere`), and what a corrected row no longer says is taken away.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

import polars as pl

# The version of a fact: the day it was recorded, or, where the table keeps none, the
# day its file speaks of.
VERSIONED = ("event", "activity")
# One lookup by key costs about as much as reading this many rows in passing.
LOOKUP_WORTH_ROWS = 20


@dataclass(frozen=True)
class Doubts:
    """What a run cannot know of its facts until they meet the store's own.

    repeats: one fact may have been set aside more than once. keys: row_number and
    row_key of every row that may have made facts. corrected: from row numbers to every
    fact that such rows could have made, as table, person_no, record_key.
    """

    repeats: bool
    keys: pl.DataFrame
    corrected: Callable[[list[int]], pl.DataFrame]


def drop_repeats(cursor: Any, staged: str, table: str) -> None:
    """Keep one of each record_key staged twice: the latest version, then the last."""
    newest = "recorded_on DESC NULLS LAST, " if table in VERSIONED else ""
    cursor.execute(
        "WITH ranked AS (SELECT ctid, row_number() OVER (PARTITION BY record_key"
        f" ORDER BY {newest}row_number DESC) AS place FROM {staged}), gone AS"
        f" (DELETE FROM {staged} s USING ranked r WHERE s.ctid = r.ctid AND r.place > 1"
        " RETURNING s.row_number) INSERT INTO lost SELECT row_number FROM gone"
    )


def settle_elsewhere(
    cursor: Any, tables: Iterable[str], aside: dict[str, str], elsewhere: str
) -> None:
    """Facts of the same rows under another person: the newer of the two stands.

    tables: every table that rows of the feed make facts for; a corrected row may make
    none for one where its earlier version did. aside: the temporary table of each
    table with facts set aside. elsewhere: row_number, person_no (the other person),
    record_key, version.
    """
    same = "t.person_no = e.person_no AND t.record_key = e.record_key"
    older = "coalesce(e.version <= t.recorded_on, false)"
    for table in set(VERSIONED).intersection(tables):
        cursor.execute(
            "CREATE TEMP TABLE stale ON COMMIT DROP AS SELECT DISTINCT e.row_number"
            f" FROM {elsewhere} e JOIN {table} t ON {same} WHERE {older}"
        )
        for name in aside.values():
            cursor.execute(
                f"WITH gone AS (DELETE FROM {name} s USING stale"
                " WHERE s.row_number = stale.row_number RETURNING s.row_number)"
                " INSERT INTO lost SELECT row_number FROM gone"
            )
        _take(cursor, table, f"t USING {elsewhere} e WHERE {same} AND NOT {older}")
        cursor.execute("DROP TABLE stale")


def settle_versions(
    cursor: Any, staged: str, table: str, period_on: date, run_id: int
) -> tuple[set[int], set[int]]:
    """Of facts already there an older or equal version falls away.

    A newer one replaces it. Returns the numbers of the rows that bring one, and of
    those among them that replace a row of this very run.
    """
    same = "t.person_no = s.person_no AND t.record_key = s.record_key"
    if table in VERSIONED:
        newer, join, parameters = "s.recorded_on > t.recorded_on", "", [run_id]
    else:
        newer = (
            "(s.end_on IS DISTINCT FROM t.end_on"
            " AND coalesce((r.detail->>'period_on')::date, '-infinity') <= %s)"
        )
        join, parameters = " JOIN feed_run r ON r.id = t.run_id", [period_on, run_id]
    with _probing_by_key(cursor, staged, table):
        cursor.execute(
            "CREATE TEMP TABLE met ON COMMIT DROP AS SELECT s.row_number, s.person_no,"
            f" s.record_key, coalesce({newer}, false) AS newer, t.run_id = %s AS own"
            f" FROM {staged} s JOIN {table} t ON {same}{join}",
            parameters,
        )
    rows: set[int] = set()
    replaced: set[int] = set()
    if cursor.rowcount:
        cursor.execute("ANALYZE met")
        cursor.execute(
            f"WITH gone AS (DELETE FROM {staged} s USING met t WHERE {same}"
            " AND NOT t.newer RETURNING s.row_number)"
            " INSERT INTO lost SELECT row_number FROM gone"
        )
        cursor.execute("SELECT row_number, own FROM met WHERE newer")
        for row, own in cursor.fetchall():
            rows.add(row)
            replaced.update([row] if own else [])
    if rows:
        with _probing_by_key(cursor, "met", table):
            same = "t.person_no = m.person_no AND t.record_key = m.record_key"
            _take(cursor, table, f"t USING met m WHERE {same} AND m.newer")
    cursor.execute("DROP TABLE met")
    return rows, replaced


def take_away_corrected(cursor: Any, rows: list[int], doubts: Doubts) -> None:
    """Delete what older versions of these rows said, whatever the new ones say."""
    if not rows:
        return
    for (table,), facts in doubts.corrected(rows).group_by("table"):
        cursor.execute(
            "CREATE TEMP TABLE gone (person_no integer, record_key bigint)"
            " ON COMMIT DROP"
        )
        text = BytesIO()
        facts.select("person_no", "record_key").write_csv(text, include_header=False)
        with cursor.copy("COPY gone FROM STDIN (FORMAT csv)") as copying:
            copying.write(text.getvalue())
        cursor.execute("ANALYZE gone")
        same = "t.person_no = g.person_no AND t.record_key = g.record_key"
        _take(cursor, table, f"t USING gone g WHERE {same}")
        cursor.execute("DROP TABLE gone")


def taken(cursor: Any, run_id: int) -> tuple[dict[str, int], list[int]]:
    """What was deleted: facts of this very run by table, and who has lost any."""
    cursor.execute(
        "SELECT name, count(*) FROM taken WHERE run_id = %s GROUP BY name", [run_id]
    )
    own = dict(cursor.fetchall())
    cursor.execute("SELECT DISTINCT person_no FROM taken")
    return own, [person_no for (person_no,) in cursor.fetchall()]


def _take(cursor: Any, table: str, which: str) -> None:
    """Delete facts of a table (`t`), remembering whose and which run's they were."""
    cursor.execute(
        f"WITH gone AS (DELETE FROM {table} {which} RETURNING t.run_id, t.person_no)"
        f" INSERT INTO taken SELECT '{table}', run_id, person_no FROM gone"
    )


@contextmanager
def _probing_by_key(cursor: Any, rows: str, table: str) -> Iterator[None]:
    """Look few rows up one by one in a large table, instead of reading it whole.

    Postgres does not foresee that a lookup prunes to one partition, so it thinks that
    sixteen indexes will be searched for each row: for 11,000 rows in 3 million it read
    everything, in 1.7 s instead of 0.1 s. Only for the lookup itself: a join between
    two tables without an index must stay free to hash.
    """
    cursor.execute(
        "SELECT (SELECT reltuples FROM pg_class WHERE oid = %s::regclass),"
        " (SELECT sum(greatest(c.reltuples, 0)) FROM pg_inherits i"
        "  JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass)",
        [rows, table],
    )
    new, there = cursor.fetchone()
    few = new * LOOKUP_WORTH_ROWS < there
    for join in ("hashjoin", "mergejoin") if few else ():
        cursor.execute(f"SET LOCAL enable_{join} = off")
    yield
    for join in ("hashjoin", "mergejoin") if few else ():
        cursor.execute(f"SET LOCAL enable_{join} = on")
