"""The longitudinal store's way in: one run's facts, in one transaction.

Facts of rows that no earlier run can hold go straight into the partitions by COPY,
sorted by key, and are written once (docs/adr/0012). Facts of
rows that may be known wait in temporary tables until the end, where versions decide.
Nothing is committed before the ledger is, so a killed load leaves nothing: no rows, and
no files, since the server removes the temporary tables of those who died.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
from django.db import connection, transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from governance import audit
from linkage import bulk, moves
from linkage.binary_rows import binary_rows
from linkage.key_filter import key_filter, may_hold
from linkage.key_runs import KeyRuns
from linkage.models import FeedRun, RunKeys
from linkage.ready_facts import ReadyFacts, ready_facts
from linkage.settling import Settling
from linkage.steps.pseudonymise import TABLES
from linkage.versions import Doubts

POSTGRES = {
    pl.Int16: "smallint",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.Float32: "real",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.String: "text",
}
ASIDE = {name: {"row_number": pl.Int64} | columns for name, columns in TABLES.items()}
RUN_LOCK = 7_201_954  # first half of the advisory lock on a run; the second is its id
FEED_LOCK = 7_201_955  # the same of a feed: its runs are attached one at a time
PATIENCE_SECONDS = 3.0
NULL = r"\N"
Filters = list[list[bytes]]  # of each run its pieces


class RunBusyError(RuntimeError):
    """Another process is loading this very file at this moment."""


@dataclass
class Attached:
    """What a run did: facts by table, rows whose facts were all there already."""

    facts: dict[str, int] = field(default_factory=dict)
    duplicate_rows: int = 0
    people: int = 0


class Loading:
    """The open transaction of one run."""

    def __init__(
        self,
        cursor: Any,
        run: FeedRun,
        *,
        refers_to: Collection[str],
    ) -> None:
        self.cursor = cursor
        self.run = run
        self._others = {feed: _filters(feed) for feed in refers_to}
        self._earlier = _earlier(run)
        self._facts: dict[str, int] = {}
        self._people: list[pl.Series] = []
        self._aside: dict[str, str] = {}

    def may_be_known(self, row_keys: pl.Series) -> pl.Series:
        """Of each row, False only where no earlier run of the feed holds it."""
        if self._earlier is None:
            return pl.repeat(value=True, n=row_keys.len(), eager=True)
        return _held(self._earlier, row_keys)

    def delivered(self, feed: str, row_keys: pl.Series) -> pl.Series:
        """Of each row key of another feed, whether a published run may hold it."""
        return _held(self._others[feed], row_keys)

    def ready(self, table: str, facts: pl.DataFrame, doubtful: pl.Series) -> ReadyFacts:
        """Facts as `add` takes them; nothing is written, so any thread may do it."""
        return ready_facts(table, facts, doubtful, self.run.pk)

    def add(self, ready: ReadyFacts) -> None:
        """Take facts; those of doubtful rows are set aside."""
        table = ready.table
        self._facts.setdefault(table, 0)
        self._set_aside(table, ready.aside)
        self._facts[table] += ready.fresh
        self._people.append(ready.people)
        for partition, rows in ready.partitions:
            write_binary(self.cursor, partition, ready.columns, rows)

    def _set_aside(self, table: str, frame: pl.DataFrame) -> None:
        """Keep facts until the end."""
        if frame.is_empty():
            return
        if table not in self._aside:
            name = self._aside[table] = f"pg_temp.aside_{table}"
            columns = ", ".join(
                f"{column} {POSTGRES[dtype]}" for column, dtype in ASIDE[table].items()
            )
            self.cursor.execute(f"DROP TABLE IF EXISTS {name}")
            self.cursor.execute(f"CREATE TEMP TABLE aside_{table} ({columns})")
        copy_binary(self.cursor, self._aside[table], frame.select(list(ASIDE[table])))

    def reject(self, rejected: pl.DataFrame) -> None:
        """Note the rows that are not loaded: row_number, fate, rule, field."""
        run_id = pl.lit(self.run.pk, dtype=pl.Int32)
        rows = rejected.select("row_number", "fate", "rule", "field")
        copy(self.cursor, "rejected_row", rows.with_columns(run_id=run_id))

    def attach(self, period_on: date, doubts: Doubts, index_version: int) -> Attached:
        """Settle what was set aside, and note whom the run has touched.

        `period_on` is the day that the file speaks of; it decides between versions of
        a registration or residence, which carry no date. `index_version`: the one at
        which the run began to look people up; a record that has changed person since
        takes its facts along.
        """
        done = Attached(self._facts)
        followed = moves.follow(
            self.cursor, self._aside, list(self._facts), self.run.pk, index_version
        )
        self._people.append(pl.Series("person_no", followed, dtype=pl.Int32))
        if self._aside or doubts.rows.height:
            settling = Settling(
                self.cursor,
                self._aside,
                list(self._facts),
                doubts,
                period_on,
                self.run.pk,
                lambda keys: _held(_later(self.run, period_on), keys),
            )
            done.duplicate_rows = settling.settle()
            own, people = settling.taken()
            for table, many in own.items():
                self._facts[table] -= many
            self._people.append(pl.Series("person_no", people, dtype=pl.Int32))
        for table, name in self._aside.items():
            columns = ", ".join(TABLES[table])
            self.cursor.execute(
                f"INSERT INTO {table} ({columns}, run_id) SELECT {columns}, %s"
                f" FROM {name} ORDER BY person_no, record_key",
                [self.run.pk],
            )
            done.facts[table] += self.cursor.rowcount
            self.cursor.execute(f"SELECT DISTINCT person_no FROM {name}")
            changed = [person_no for (person_no,) in self.cursor.fetchall()]
            self._people.append(pl.Series("person_no", changed, dtype=pl.Int32))
        if self._people:
            touched = pl.concat(self._people).unique().sort().to_frame("person_no")
            done.people = touched.height
            touch(self.cursor, self.run.pk, touched["person_no"])
        for name in self._aside.values():
            self.cursor.execute(f"DROP TABLE {name}")
        return done


@contextmanager
def loading(run: FeedRun, *, refers_to: Collection[str] = ()) -> Iterator[Loading]:
    """The transaction in which a run is loaded, alone in loading its feed.

    refers_to: feeds whose rows those of this one are checked against. Raises
    RunBusyError when another process loads the same file.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not alone(cursor, run.pk):
            raise RunBusyError(f"run {run.pk} is being loaded by another process")
        alone_with_feed(cursor, run.feed)
        cursor.execute("SET LOCAL work_mem = '256MB'")
        # What is told to be loaded must outlive the server: nobody loads it again.
        cursor.execute("SET LOCAL synchronous_commit = on")
        yield Loading(cursor, run, refers_to=refers_to)


def publish(
    run: FeedRun,
    loading: Loading,
    period_on: date,
    doubts: Doubts,
    index_version: int,
) -> Attached:
    """Close a run's ledger entry in the transaction of its facts.

    The run's counts must be final but for duplicates found in the store; the
    database refuses a run whose rows do not add up.
    """
    done = loading.attach(period_on, doubts, index_version)
    run.loaded -= done.duplicate_rows
    run.duplicate += done.duplicate_rows
    run.facts = sum(done.facts.values())
    run.detail = run.detail | {"facts": done.facts, "people": done.people}
    run.state = FeedRun.State.PUBLISHED
    run.save()
    keep_keys(run, doubts.keys)
    audit.record("feed_loaded", None, subject=run.feed, persons=done.people, run=run.pk)
    return done


def keep_keys(run: FeedRun, keys: Sequence[KeyRuns]) -> None:
    """Keep which rows a run has loaded, in place of what was kept of it before."""

    def between(low: int, high: int) -> NDArray[np.int64]:
        return np.concatenate([some.between(low, high) for some in keys])

    RunKeys.objects.filter(run=run).delete()
    pieces = key_filter(sum(some.many for some in keys), between)
    with (
        connection.cursor() as cursor,
        # Binary: as words in a statement a piece takes several times its size.
        cursor.copy(
            "COPY run_keys (run_id, piece, filter) FROM STDIN (FORMAT binary)"
        ) as to,
    ):
        to.set_types(["int8", "int4", "bytea"])
        for number, piece in enumerate(pieces):
            to.write_row((run.pk, number, piece))


def alone_with_feed(cursor: Any, feed: str) -> None:
    """Wait until nobody else loads the feed; holds until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [FEED_LOCK, feed])


def remove_runs(cursor: Any, runs: list[int]) -> pl.Series:
    """Delete every fact of runs, and their keys; returns whose facts they were."""
    people: set[int] = set()
    for table in TABLES:
        cursor.execute(
            f"WITH gone AS (DELETE FROM {table} WHERE run_id = ANY(%s)"
            " RETURNING person_no) SELECT DISTINCT person_no FROM gone",
            [runs],
        )
        people.update(person_no for (person_no,) in cursor.fetchall())
    cursor.execute(
        "DELETE FROM touched_person WHERE run_id = ANY(%s) RETURNING person_no", [runs]
    )
    people.update(person_no for (person_no,) in cursor.fetchall())
    RunKeys.objects.filter(run__in=runs).delete()
    return pl.Series("person_no", sorted(people), dtype=pl.Int32)


def touch(cursor: Any, run_id: int, people: pl.Series) -> None:
    """Note whom a run has touched: the store's word to everything derived from it."""
    touched = people.alias("person_no").to_frame()
    run = pl.lit(run_id, dtype=pl.Int32)
    copy(cursor, "touched_person", touched.with_columns(run_id=run))


def write_people(people: pl.DataFrame, gone: pl.Series) -> int:
    """Bring the store's person rows up to date; returns how many were written.

    gone: people to whom no record belongs any more.
    """
    if people.is_empty() and gone.is_empty():
        return 0
    columns = people.columns
    touched = pl.concat([people["person_no"], gone.alias("person_no")]).unique().sort()
    with bulk.connect("default") as to:
        # The vault forgets that they were pending once this is said to be kept.
        bulk.execute(to, "SET LOCAL synchronous_commit = on")
        number = bulk.fetch(to, "SELECT nextval('settlement_no')::integer AS run_id")
        bulk.copy(to, number.join(touched.to_frame(), how="cross"), "touched_person")
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
        bulk.commit(to)
    return people.height


def copy(cursor: Any, table: str, frame: pl.DataFrame) -> None:
    """COPY a frame into a table by column name, in the cursor's transaction."""
    if frame.is_empty():
        return
    text = BytesIO()
    frame.write_csv(text, include_header=False, null_value=NULL)
    into = f"COPY {table} ({', '.join(frame.columns)}) FROM STDIN"
    with cursor.copy(f"{into} (FORMAT csv, NULL '{NULL}')") as copying:
        copying.write(text.getbuffer())


def copy_binary(cursor: Any, table: str, frame: pl.DataFrame) -> None:
    """COPY a frame whose columns are of the table's very types; half the server's work.

    For rows by the million; `copy` takes whatever can be written as text.
    """
    if not frame.is_empty():
        write_binary(cursor, table, frame.columns, binary_rows(frame))


def write_binary(
    cursor: Any, table: str, columns: Sequence[str], rows: Iterable[bytes]
) -> None:
    """COPY rows that are in binary form already (`binary_rows`)."""
    into = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with cursor.copy(into) as copying:
        for piece in rows:
            copying.write(piece)


def alone(cursor: Any, run_id: int) -> bool:
    """Take the lock on a run; who was killed holds it until the server notices."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [RUN_LOCK, run_id])
        if cursor.fetchone()[0]:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.2)


def filters_of(runs: QuerySet[FeedRun]) -> dict[int, list[bytes]]:
    """The key filters of runs, in pieces, by run; without those that kept none."""
    found: dict[int, list[bytes]] = {}
    kept = RunKeys.objects.filter(run__in=runs).order_by("run_id", "piece")
    for run_id, piece in kept.values_list("run_id", "filter").iterator(10):
        found.setdefault(run_id, []).append(bytes(piece))
    return found


def _filters(feed: str) -> Filters:
    """The key filters of a feed's published runs."""
    runs = FeedRun.objects.filter(feed=feed, state=FeedRun.State.PUBLISHED)
    return list(filters_of(runs).values())


def _earlier(run: FeedRun) -> Filters | None:
    """The key filters of the feed's earlier runs; None where one kept none."""
    earlier = FeedRun.objects.filter(
        feed=run.feed, state=FeedRun.State.PUBLISHED
    ).exclude(way=FeedRun.ROLL_BACK)
    filters = list(filters_of(earlier).values())
    return filters if len(filters) == earlier.count() else None


def _later(run: FeedRun, period_on: date) -> Filters:
    """The key filters of the feed's published runs that speak of a later day."""
    later = FeedRun.objects.filter(
        feed=run.feed,
        state=FeedRun.State.PUBLISHED,
        detail__period_on__gt=period_on.isoformat(),
    )
    return list(filters_of(later).values())


def _held(filters: Filters, keys: pl.Series) -> pl.Series:
    """Of each key, whether any of the filters may hold it."""
    met = np.zeros(keys.len(), dtype=np.bool_)
    for known in filters:
        met |= may_hold(known, keys)
    return pl.Series(met)
