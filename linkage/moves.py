"""Facts follow their record: the store told of merges and splits, exactly once.

A fact's `person_no` is derived from the record that it hangs on. When the vault's
index gives a record to another person, the record's facts are taken out and put back
under that person in one transaction, together with the index version in `index_move`:
told twice, the second time changes nothing. Unique keys contain `person_no`; where a
newer version of a fact already stands with the new person, that one stays.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import polars as pl
from django.conf import settings
from django.db import connection, transaction

from governance import audit
from linkage.steps.pseudonymise import TABLES
from linkage.still import MOVES_LOCK
from linkage.vault.index import IndexBusyError
from linkage.versions import VERSIONED

MOVE = ("version", "subject_key", "from_no", "to_no", "kind")
RETRY_SECONDS = 0.2


@contextmanager
def alone(*, wait_seconds: int | None = None) -> Iterator[None]:
    """Alone in moving facts, until the end of the block.

    Taken before the vault's own lock on the index, by everybody who takes both: the
    two are in two databases, of which neither sees that each waits for the other.
    wait_seconds: how long to wait for who attaches facts; for ever unless given.
    """
    with connection.cursor() as cursor:
        if wait_seconds is None:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MOVES_LOCK])
        else:
            _wait(cursor, wait_seconds)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MOVES_LOCK])


def _wait(cursor: Any, seconds: int) -> None:
    until = time.monotonic() + seconds
    while True:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [MOVES_LOCK])
        if cursor.fetchone()[0]:
            return
        if time.monotonic() > until:
            raise IndexBusyError(
                "Facts are being taken in at this moment: try again in a few minutes."
            )
        time.sleep(RETRY_SECONDS)


def hold_still(cursor: Any) -> None:
    """Let nobody move facts until the cursor's transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [MOVES_LOCK])


@transaction.atomic
def restamp(moves: pl.DataFrame) -> int:
    """Move the facts of records (MOVE) to their person; returns how many moved."""
    with connection.cursor() as cursor:
        # The vault forgets what was pending once this is said to be kept.
        cursor.execute("SET LOCAL synchronous_commit = on")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MOVES_LOCK])
        cursor.execute(
            "CREATE TEMP TABLE moving (version integer, subject_key bigint,"
            " from_no integer, to_no integer, kind text) ON COMMIT DROP"
        )
        text = BytesIO(moves.select(MOVE).write_csv(include_header=False).encode())
        with cursor.copy("COPY moving FROM STDIN (FORMAT csv)") as copying:
            copying.write(text.getvalue())
        cursor.execute(
            "DELETE FROM moving m USING index_move i"
            " WHERE m.version = i.version AND m.subject_key = i.subject_key"
        )
        cursor.execute(
            "INSERT INTO index_move (version, subject_key, from_no, to_no)"
            " SELECT version, subject_key, from_no, to_no FROM moving"
        )
        versions = cursor.rowcount
        # A record that moved twice: wherever its facts are, its last person has them.
        cursor.execute(
            "CREATE TEMP TABLE settled ON COMMIT DROP AS SELECT subject_key, from_no,"
            " last_value(to_no) OVER (PARTITION BY subject_key ORDER BY version ROWS"
            " BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS to_no FROM moving"
        )
        cursor.execute("DELETE FROM settled WHERE from_no = to_no")
        cursor.execute("ANALYZE settled")
        moved = sum(_move(cursor, table) for table in TABLES)
        _carry_rows_of_people(cursor)
        cursor.execute(
            "INSERT INTO touched_person SELECT DISTINCT -version, person_no FROM"
            " (SELECT version, from_no AS person_no FROM moving UNION"
            "  SELECT version, to_no FROM moving) p ON CONFLICT DO NOTHING"
        )
        people = cursor.rowcount
    if versions:
        audit.record(
            "index_changed",
            None,
            subject=f"version {moves['version'].max()}",
            persons=people,
            records=versions,
            facts=moved,
        )
    return moved


def _move(cursor: Any, table: str) -> int:
    columns = [name for name in TABLES[table] if name != "person_no"] + ["run_id"]
    newest = "recorded_on DESC NULLS LAST, " if table in VERSIONED else ""
    cursor.execute(
        "CREATE TEMP TABLE going ON COMMIT DROP AS SELECT s.to_no, t.* FROM settled s"
        f" JOIN {table} t ON t.person_no = s.from_no AND t.subject_key = s.subject_key"
    )
    moved = cursor.rowcount
    if moved:
        cursor.execute(
            f"DELETE FROM {table} t USING going g"
            " WHERE t.person_no = g.person_no AND t.record_key = g.record_key"
        )
        conflict = "NOTHING"
        if table in VERSIONED:
            told = ", ".join(f"{c} = excluded.{c}" for c in columns)
            conflict = (
                f"UPDATE SET {told} WHERE excluded.recorded_on > {table}.recorded_on"
            )
        cursor.execute(
            f"INSERT INTO {table} (person_no, {', '.join(columns)})"
            f" SELECT DISTINCT ON (to_no, record_key) to_no, {', '.join(columns)}"
            f" FROM going ORDER BY to_no, record_key, {newest}subject_key"
            f" ON CONFLICT (person_no, record_key) DO {conflict}"
        )
    cursor.execute("DROP TABLE going")
    return moved


def _carry_rows_of_people(cursor: Any) -> None:
    """Rows about a whole person (decisions, outcomes) go along with a merge.

    Noted one by one, so that the split that undoes the merge gives back exactly those.
    """
    cursor.execute(
        "CREATE TEMP TABLE whole ON COMMIT DROP AS"
        " SELECT DISTINCT version, from_no, to_no, kind FROM moving"
    )
    for table in settings.ROWS_OF_PEOPLE:
        cursor.execute(
            f"WITH back AS (UPDATE {table} t SET person_no = w.to_no FROM whole w,"
            " moved_row r WHERE w.kind = 'split' AND r.from_no = w.to_no"
            " AND r.to_no = w.from_no AND r.table_name = %s AND t.id = r.row_id"
            " AND t.person_no = w.from_no RETURNING t.id)"
            " DELETE FROM moved_row r USING back WHERE r.table_name = %s"
            " AND r.row_id = back.id",
            [table, table],
        )
        cursor.execute(
            f"WITH gone AS (UPDATE {table} t SET person_no = w.to_no FROM whole w"
            " WHERE w.kind = 'merge' AND t.person_no = w.from_no"
            " RETURNING w.version, t.id, w.from_no, w.to_no)"
            " INSERT INTO moved_row (version, table_name, row_id, from_no, to_no)"
            " SELECT version, %s, id, from_no, to_no FROM gone",
            [table],
        )


def follow(
    cursor: Any,
    aside: dict[str, str],
    fresh: list[str],
    run_id: int,
    since_version: int,
) -> list[int]:
    """Give a run's facts to whom their record went since the run looked it up.

    aside: the temporary table of each table of facts. fresh: the tables that the run
    has written to already. Returns who has facts by it. Inside the transaction that
    attaches them; until it ends nothing else moves.
    """
    hold_still(cursor)
    cursor.execute(
        "SELECT EXISTS (SELECT FROM index_move WHERE version > %s)", [since_version]
    )
    if not cursor.fetchone()[0]:
        return []
    last = (
        "SELECT DISTINCT ON (subject_key) subject_key, to_no FROM index_move"
        " WHERE version > %s ORDER BY subject_key, version DESC"
    )
    for name in aside.values():
        cursor.execute(
            f"UPDATE {name} s SET person_no = m.to_no FROM ({last}) m"
            " WHERE s.subject_key = m.subject_key AND s.person_no <> m.to_no",
            [since_version],
        )
    followed: list[int] = []
    for table in fresh:
        cursor.execute(
            f"UPDATE {table} t SET person_no = m.to_no FROM (SELECT DISTINCT"
            f" i.subject_key, i.from_no, l.to_no FROM index_move i JOIN ({last}) l"
            " USING (subject_key) WHERE i.version > %s AND i.from_no <> l.to_no) m"
            " WHERE t.person_no = m.from_no AND t.subject_key = m.subject_key"
            " AND t.run_id = %s RETURNING t.person_no",
            [since_version, since_version, run_id],
        )
        followed += [person_no for (person_no,) in cursor.fetchall()]
    return followed
