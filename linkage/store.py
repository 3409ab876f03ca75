"""The longitudinal store's way in: stage a run's facts, then attach them at once.

A run's frames are COPYed into unlogged tables of its own (COPY refuses tables under
row-level security), made and committed empty first, so that a killed load leaves
tables that can be found, not files that cannot. Attaching is one transaction: facts
already there fall away, newer versions replace older ones, and the ledger, the
rejected rows and the touched people are written with them or not at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from adbc_driver_postgresql import dbapi
from django.db import connection, transaction

from governance import audit
from linkage import bulk, moves, versions
from linkage.key_filter import key_filter, may_hold
from linkage.models import FeedRun, RunKeys
from linkage.steps.pseudonymise import TABLES

POSTGRES = {
    pl.Int16: "smallint",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.Float32: "real",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.String: "text",
}
REJECTED = {
    "row_number": pl.Int64,
    "fate": pl.String,
    "rule": pl.String,
    "field": pl.String,
}
ELSEWHERE = {
    "row_number": pl.Int64,
    "person_no": pl.Int32,
    "record_key": pl.Int64,
    "version": pl.Date,
}
STAGED = {
    name: {"row_number": pl.Int64} | columns for name, columns in TABLES.items()
} | {"rejected": REJECTED, "elsewhere": ELSEWHERE}
RUN_LOCK = 7_201_954  # first half of the advisory lock on a run; the second is its id

FEED_LOCK = 7_201_955  # first half of the advisory lock on attaching a feed's runs


class RunBusyError(RuntimeError):
    """Another process is loading this very file at this moment."""


@dataclass
class Attached:
    """What attaching did: facts by table, rows whose facts were all there already."""

    facts: dict[str, int] = field(default_factory=dict)
    duplicate_rows: int = 0
    people: int = 0


class Staging:
    """The staging tables of one run."""

    def __init__(self, run_id: int, tables: list[str]) -> None:
        self.run_id = run_id
        self.facts = tables
        self.tables = [*tables, "rejected", "elsewhere"]

    def name(self, table: str) -> str:
        return f"run_{self.run_id}_{table}"

    def add(self, to: dbapi.Connection, table: str, frame: pl.DataFrame) -> None:
        """COPY a frame into a staging table, and commit."""
        bulk.copy(
            to, frame.select(list(STAGED[table])), self.name(table), schema="staging"
        )
        to.commit()


@contextmanager
def staging(run_id: int, tables: list[str]) -> Iterator[Staging]:
    """The run's empty staging tables, alone in using them; dropped in the end.

    Raises RunBusyError when another process loads the same file.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [RUN_LOCK, run_id])
        if not cursor.fetchone()[0]:
            raise RunBusyError(f"run {run_id} is being loaded by another process")
    made = Staging(run_id, tables)
    try:
        _reap()
        with connection.cursor() as cursor:
            for table in made.tables:
                columns = ", ".join(
                    f"{name} {POSTGRES[dtype]}" for name, dtype in STAGED[table].items()
                )
                cursor.execute(f"DROP TABLE IF EXISTS staging.{made.name(table)}")
                cursor.execute(
                    f"CREATE UNLOGGED TABLE staging.{made.name(table)} ({columns})"
                )
        yield made
    finally:
        with connection.cursor() as cursor:
            for table in made.tables:
                cursor.execute(f"DROP TABLE IF EXISTS staging.{made.name(table)}")
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [RUN_LOCK, run_id])


def _reap() -> None:
    """Drop what killed loads left: staging tables of runs that nobody is loading."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'"
            " AND tablename ~ '^run_[0-9]+_' AND tableowner = current_user"
        )
        for (table,) in cursor.fetchall():
            run_id = int(table.split("_")[1])
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [RUN_LOCK, run_id])
            if cursor.fetchone()[0]:
                cursor.execute(f"DROP TABLE IF EXISTS staging.{table}")
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [RUN_LOCK, run_id])


def attach(
    staged: Staging,
    period_on: date,
    doubts: versions.Doubts,
    suspects: list[int] | None,
    index_version: int,
) -> Attached:
    """Move the staged facts into the store. Runs inside the caller's transaction.

    `suspects`: the rows that an earlier run may have loaded; None where any may.
    `period_on` is the day that the file speaks of; it decides between versions of a
    registration or residence, which carry no date. `index_version`: the one at which
    the run began to look people up; a record that has changed person since takes its
    facts along.
    """
    done = Attached()
    names = {table: f"staging.{staged.name(table)}" for table in staged.facts}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute("CREATE TEMP TABLE lost (row_number bigint) ON COMMIT DROP")
        if names:
            elsewhere = f"staging.{staged.name('elsewhere')}"
            versions.settle_elsewhere(cursor, names, elsewhere)
        moves.follow(cursor, names, index_version)
        if suspects:
            versions.name_suspects(cursor, suspects)
        newer: set[int] = set()
        for table, name in names.items():
            cursor.execute(f"ANALYZE {name} (person_no, record_key)")
            if doubts.repeats:
                versions.drop_repeats(cursor, name, table)
            if suspects is None or suspects:
                newer.update(
                    versions.settle_versions(
                        cursor, name, table, period_on, suspects=bool(suspects)
                    )
                )
        versions.take_away_corrected(cursor, sorted(newer), doubts)
        done.duplicate_rows = _rows_lost(cursor, names)
        for table, name in names.items():
            columns = ", ".join(TABLES[table])
            cursor.execute(
                f"INSERT INTO {table} ({columns}, run_id) SELECT {columns}, %s"
                f" FROM {name} ORDER BY person_no, record_key",
                [staged.run_id],
            )
            done.facts[table] = cursor.rowcount
        cursor.execute(
            "INSERT INTO rejected_row (run_id, row_number, fate, rule, field)"
            " SELECT %s, row_number, fate, rule, field"
            f" FROM staging.{staged.name('rejected')} ORDER BY row_number",
            [staged.run_id],
        )
        if names:
            people = " UNION ".join(
                f"SELECT person_no FROM {name}" for name in names.values()
            )
            cursor.execute(
                "INSERT INTO touched_person SELECT DISTINCT %s, person_no"
                f" FROM ({people}) p",
                [staged.run_id],
            )
            done.people = cursor.rowcount
    return done


def _rows_lost(cursor, names: dict[str, str]) -> int:
    """How many rows have no fact left, having had some."""
    left = "".join(f" EXCEPT SELECT row_number FROM {name}" for name in names.values())
    cursor.execute(f"SELECT count(*) FROM (SELECT row_number FROM lost{left}) gone")
    return cursor.fetchone()[0]


def write_people(people: pl.DataFrame, gone: pl.Series) -> int:
    """Bring the store's person rows up to date; returns how many were written.

    gone: people to whom no record belongs any more.
    """
    if people.is_empty() and gone.is_empty():
        return 0
    columns = people.columns
    with bulk.connect("default") as to:
        bulk.copy(to, gone.alias("person_no").to_frame(), "gone", temporary=True)
        bulk.execute(
            to,
            "DELETE FROM person p USING pg_temp.gone g WHERE p.person_no = g.person_no",
        )
        bulk.copy(to, people, "people", temporary=True)
        with to.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO person ({', '.join(columns)}) SELECT"
                f" {', '.join(columns)} FROM pg_temp.people ORDER BY person_no"
                " ON CONFLICT (person_no) DO UPDATE SET "
                + ", ".join(f"{c} = excluded.{c}" for c in columns if c != "person_no")
            )
        to.commit()
    return people.height


def publish(
    run: FeedRun,
    staged: Staging,
    period_on: date,
    doubts: versions.Doubts,
    index_version: int,
) -> Attached:
    """Attach a run's facts and close its ledger entry in one transaction.

    The run's counts must be final but for duplicates found in the store; the
    database refuses a run whose rows do not add up. Runs of one feed are attached one
    at a time: each must see what the others have loaded.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [FEED_LOCK, run.feed]
            )
        suspects = _suspects(run, doubts)
        done = attach(staged, period_on, doubts, suspects, index_version)
        run.loaded -= done.duplicate_rows
        run.duplicate += done.duplicate_rows
        run.facts = sum(done.facts.values())
        run.detail = run.detail | {"facts": done.facts, "people": done.people}
        run.state = FeedRun.State.PUBLISHED
        run.save()
        RunKeys.objects.update_or_create(
            run=run, defaults={"filter": key_filter(doubts.keys["row_key"])}
        )
        audit.record(
            "feed_loaded", None, subject=run.feed, persons=done.people, run=run.pk
        )
    return done


def _suspects(run: FeedRun, doubts: versions.Doubts) -> list[int] | None:
    """The rows that an earlier run of the feed may have loaded; None: any may."""
    if not doubts.keyed_by_row:
        return None
    earlier = FeedRun.objects.filter(feed=run.feed, state=FeedRun.State.PUBLISHED)
    filters = list(
        RunKeys.objects.filter(run__in=earlier).values_list("filter", flat=True)
    )
    if len(filters) < earlier.count():
        return None
    met = np.zeros(doubts.keys.height, dtype=np.bool_)
    for known in filters:
        met |= may_hold(bytes(known), doubts.keys["row_key"])
    return doubts.keys.filter(met)["row_number"].to_list()
