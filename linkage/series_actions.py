"""Every write of published series: a delivered file to its values, and again."""

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from fnmatch import fnmatch
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from django.db import connection, transaction
from django.utils import timezone

from governance import audit
from governance.definitions import digest
from governance.logs import what_went_wrong
from linkage import bulk
from linkage.actions import fingerprint
from linkage.definitions import HERE, SERIES
from linkage.models import FeedRun, RejectedRow
from linkage.series_specs import SeriesSpec
from linkage.steps.read import UnreadableFileError
from linkage.steps.tidy_series import KEY, Tidied, tidy_series
from linkage.store import FEED_LOCK, copy
from linkage.vault import quarantine
from linkage.vault import store as vault

MOST_BYTES = 1 << 30  # of one file unpacked; the largest published one has 40 MB
COLUMNS = ("measure", *KEY, "value")


def load_series_file(
    *, series: str, path: Path, by: str, received_on: date | None = None
) -> FeedRun:
    """Take one file of a published series to the store. Safe to repeat.

    received_on: the day it arrived (today unless given); a value of a later file
        replaces that of an earlier one, whichever is loaded first. The same bytes find
        their own run. Raises UnreadableFileError, and what else went wrong after noting
        it in the run.
    """
    spec = SERIES[series]
    received_on = received_on or timezone.localdate()
    run, _ = FeedRun.objects.get_or_create(
        feed=series,
        sha256=fingerprint(path),
        defaults={"file_name": path.name, "by": by, "state": FeedRun.State.RECEIVED},
    )
    if run.state == FeedRun.State.PUBLISHED:
        return run
    begun = time.monotonic()
    try:
        frame = read_series(path, spec)
        tidied = tidy_series(frame, spec)
        _keep(run, frame, tidied, received_on, begun)
    except Exception as error:
        FeedRun.objects.filter(pk=run.pk).update(
            state=FeedRun.State.FAILED, problem=what_went_wrong(error)[:2000]
        )
        raise
    return run


def replay_run(*, run_id: int, by: str) -> FeedRun | None:
    """Take the rows that a run rejected once more, as a run of its own.

    For use after the definition was put right. Returns None where nothing is kept.
    """
    origin = FeedRun.objects.get(pk=run_id)
    spec = SERIES[origin.feed]
    with bulk.connect("vault") as connection:
        kept = vault.rejected(connection, run_id)
    if kept.is_empty():
        return None
    begun = time.monotonic()
    frame = quarantine.unseal(kept, run_id, [*spec.headers])
    run = FeedRun.objects.create(
        feed=origin.feed,
        sha256=sha256(f"replay of {run_id} at {time.time_ns()}".encode()).hexdigest(),
        file_name=origin.file_name,
        by=by,
        state=FeedRun.State.RECEIVED,
    )
    received_on = date.fromisoformat(origin.detail["received_on"])
    _keep(run, frame, tidy_series(frame, spec), received_on, begun)
    again = RejectedRow.objects.filter(run=run).values_list("row_number", flat=True)
    RejectedRow.objects.filter(run_id=run_id).exclude(
        row_number__in=list(again)
    ).update(replayed_in=run)
    with bulk.connect("vault") as connection:
        vault.forget_rejected(connection, run_id)
        connection.commit()
    return run


def series_of(path: Path) -> str | None:
    """The series whose file names this one has, or None."""
    for name, spec in SERIES.items():
        if any(fnmatch(path.name, pattern) for pattern in spec.files):
            return name
    return None


def read_series(path: Path, spec: SeriesSpec) -> pl.DataFrame:
    """The file's columns as text under their own headers, and row_number from 1.

    Raises UnreadableFileError when it is no CSV or lacks a header.
    """
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UnreadableFileError(f"{path.name} holds more than 1 GB.")
        text = content.decode("utf-8-sig")
        frame = pl.read_csv(BytesIO(text.encode()), infer_schema=False)
    except (OSError, EOFError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise UnreadableFileError(f"{path.name} cannot be read as CSV.") from error
    frame = frame.rename({name: name.strip() for name in frame.columns})
    absent = [header for header in spec.headers if header not in frame.columns]
    if absent:
        raise UnreadableFileError(
            f"{path.name} has no column {', '.join(absent)}. If the publisher has"
            " changed a header, change it in the series' definition and load again."
        )
    return frame.with_row_index("row_number", offset=1).cast({"row_number": pl.Int64})


def _keep(
    run: FeedRun, frame: pl.DataFrame, tidied: Tidied, received_on: date, begun: float
) -> None:
    rejected = tidied.rejected.with_columns(fate=pl.lit("quarantined"))
    rows = rejected.select("row_number", "fate").unique("row_number")
    run.rows_in = frame.height
    run.quarantined = rows.height
    run.duplicate = tidied.duplicate
    run.loaded = run.rows_in - run.quarantined - run.duplicate
    run.first_on = tidied.values["start_on"].min()
    run.last_on = tidied.values["start_on"].max()
    run.spec_hash = digest(HERE / "series" / f"{run.feed}.yaml")
    run.detail = {"received_on": received_on.isoformat(), "blanked": tidied.blanked}
    run.problem = ""
    _quarantine(run, frame.join(rows, on="row_number", maintain_order="left"))
    with _alone(run) as cursor:
        if run.state == FeedRun.State.PUBLISHED:  # by another process meanwhile
            return
        RejectedRow.objects.filter(run=run).delete()
        run_id = pl.lit(run.pk, dtype=pl.Int32)
        copy(cursor, "rejected_row", rejected.with_columns(run_id=run_id))
        run.facts = _store(cursor, run, tidied, received_on)
        run.state = FeedRun.State.PUBLISHED
        run.seconds = time.monotonic() - begun
        run.finished_at = timezone.now()
        run.save()
        audit.record("series_loaded", None, subject=run.feed, run=run.pk)


def _quarantine(run: FeedRun, rows: pl.DataFrame) -> None:
    """Keep rejected rows for a replay, in place of what an attempt before kept."""
    with bulk.connect("vault") as connection:
        vault.forget_rejected(connection, run.pk)
        if rows.height:
            sealed = quarantine.seal(rows.drop("fate"), run.pk)
            kept = rows.select("row_number", "fate").with_columns(sealed)
            vault.keep_rejected(connection, run.pk, kept)
        connection.commit()


def _store(cursor: Any, run: FeedRun, tidied: Tidied, received_on: date) -> int:
    """Put values in their place: newer ones replace older ones; returns how many."""
    cursor.execute("DROP TABLE IF EXISTS pg_temp.series_came")
    cursor.execute(
        "CREATE TEMP TABLE series_came (measure text, area_code text, start_on date,"
        " breakdown text, record bigint, value double precision) ON COMMIT DROP"
    )
    copy(cursor, "pg_temp.series_came", tidied.values.select(COLUMNS))
    cursor.execute(
        "INSERT INTO series_value (series, measure, area_code, start_on, breakdown,"
        " record, value, received_on, run_id) SELECT %(series)s, measure, area_code,"
        " start_on, breakdown, record, value, %(on)s, %(run)s FROM pg_temp.series_came"
        " ORDER BY measure, area_code, breakdown, start_on, record"
        " ON CONFLICT (series, measure, area_code, breakdown, start_on, record)"
        " DO UPDATE SET value = excluded.value, received_on = excluded.received_on,"
        " run_id = excluded.run_id WHERE"
        " series_value.received_on <= excluded.received_on",
        {"series": run.feed, "on": received_on, "run": run.pk},
    )
    written = int(cursor.rowcount)
    cursor.executemany(
        "INSERT INTO series_area (code, name) VALUES (%s, %s)"
        " ON CONFLICT (code) DO UPDATE SET name = excluded.name",
        tidied.areas.rows(),
    )
    return written


@contextmanager
def _alone(run: FeedRun) -> Iterator[Any]:
    """A transaction in which no other file of the series is loaded."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [FEED_LOCK, run.feed]
        )
        run.state = FeedRun.objects.values_list("state", flat=True).get(pk=run.pk)
        yield cursor
