"""Every write of ingest: a delivered file to the longitudinal store, and again.

All of it runs in the vault zone: rows carry identifiers until `pseudonymise`.
"""

import hashlib
import re
import time
from calendar import monthrange
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl
from django.utils import timezone

from governance import audit
from governance.definitions import digest
from governance.logs import what_went_wrong
from linkage import bulk, moves, store
from linkage.ahead import ahead
from linkage.batches import Intake
from linkage.definitions import FEEDS, HERE, unit_costs
from linkage.models import FeedRun, RejectedRow
from linkage.specs import FeedSpec
from linkage.steps.read import delivered, read
from linkage.steps.validate import NOT_USED
from linkage.vault import changes, index, quarantine
from linkage.vault import store as vault

Progress = Callable[[int], None]
BRIDGED = "merge_bridged"  # the rule of merges that a run's records bring about


def load_feed_file(
    *,
    feed: str,
    path: Path,
    by: str,
    received_on: date | None = None,
    settle: bool = True,
    progress: Progress | None = None,
) -> FeedRun:
    """Take one delivered file to the longitudinal store. Safe to repeat.

    received_on: the day it arrived (today unless given); later dates are impossible.
    settle: bring the best-known attributes of people up to date afterwards; a caller
        with many files does so once, at their end (`settle_people`).
    The same bytes find their own run: a published one is returned as it is, a failed
    or killed one is done again. Raises what went wrong, after noting it in the run.
    """
    spec = FEEDS[feed]
    received_on = received_on or timezone.localdate()
    run, _ = FeedRun.objects.get_or_create(
        feed=feed,
        sha256=fingerprint(path),
        defaults={"file_name": path.name, "by": by, "state": FeedRun.State.RECEIVED},
    )
    if run.state != FeedRun.State.PUBLISHED:
        period_on = period_of(path, received_on)
        _load(run, spec, lambda: read(path, spec), received_on, period_on, progress)
    if settle:
        settle_people()
    return run


def replay_run(*, run_id: int, by: str) -> FeedRun | None:
    """Take the rows that a run rejected through the road once more.

    For use after a definition was put right or a missing feed has come. The replay is
    a run of its own; rows that are rejected again stay with it. Returns None where
    nothing is kept for the run.
    """
    origin = FeedRun.objects.get(pk=run_id)
    spec = FEEDS[origin.feed]
    with bulk.connect("vault") as connection:
        kept = vault.rejected(connection, run_id)
    if kept.is_empty():
        return None
    rows = quarantine.unseal(kept, run_id, delivered(spec))
    received_on = date.fromisoformat(origin.detail["received_on"])
    period_on = date.fromisoformat(origin.detail["period_on"])
    run = FeedRun.objects.create(
        feed=origin.feed,
        sha256=hashlib.sha256(
            f"replay of {run_id} at {time.time_ns()}".encode()
        ).hexdigest(),
        file_name=origin.file_name,
        by=by,
        state=FeedRun.State.RECEIVED,
        detail={"replay_of": run_id},
    )
    _load(run, spec, lambda: iter([rows]), received_on, period_on, None)
    again = RejectedRow.objects.filter(run=run).values_list("row_number", flat=True)
    RejectedRow.objects.filter(run_id=run_id).exclude(rule=NOT_USED).exclude(
        row_number__in=list(again)
    ).update(replayed_in=run)
    with bulk.connect("vault") as connection:
        vault.forget_rejected(connection, run_id)
        connection.commit()
    settle_people()
    return run


def settle_people(*, wait_seconds: int | None = None) -> int:
    """Tell the store whose facts moved, and the best-known attributes of all changed.

    Returns how many people were written. The vault forgets that they were pending
    only after the store has committed, so a crash in between costs a repetition.
    """
    with index.writing(wait_seconds=wait_seconds) as connection:
        pending = vault.pending_moves(connection)
        if pending.height:
            moves.restamp(pending)
        people, gone = vault.settle(connection)
        written = store.write_people(people, gone)
        vault.settled(connection)
    return written


def _load(
    run: FeedRun,
    spec: FeedSpec,
    batches: Callable[[], Iterator[pl.DataFrame]],
    received_on: date,
    period_on: date,
    progress: Progress | None,
) -> None:
    begun = time.monotonic()
    run.spec_hash = digest(HERE / "feeds" / f"{run.feed}.yaml")
    run.detail = run.detail | {
        "received_on": received_on.isoformat(),
        "period_on": period_on.isoformat(),
    }
    try:
        with bulk.connect("vault") as connection:
            began_at = index.newest_version(connection)
            vault.forget_rejected(connection, run.pk)
            connection.commit()
        with store.loading(run, keyed_by_row=spec.keyed_by_row) as loading:
            RejectedRow.objects.filter(run=run).delete()
            intake = Intake(
                spec,
                feed=run.feed,
                run_id=run.pk,
                received_on=received_on,
                period_on=period_on,
                by=run.by,
                unit_costs=unit_costs(),
                may_be_known=loading.may_be_known,
            )
            # The store takes one batch in while the vault's side makes the next.
            for batch in ahead(map(intake.take, batches()), bulk.close_all):
                for table, facts in batch.facts.items():
                    loading.add(table, facts, batch.doubtful)
                loading.reject(batch.rejected)
                if batch.elsewhere is not None:
                    loading.set_aside("elsewhere", batch.elsewhere)
                if progress:
                    progress(intake.tally.rows_in)
            _count(run, intake)
            run.seconds = time.monotonic() - begun
            run.finished_at = timezone.now()
            store.publish(run, loading, period_on, intake.doubts(), began_at)
    except Exception as error:
        FeedRun.objects.filter(pk=run.pk).update(
            state=FeedRun.State.FAILED,
            problem=what_went_wrong(error)[:2000],
        )
        raise
    _merge(intake.merges, by=run.by)


def _merge(pairs: list[tuple[int, int]], *, by: str) -> None:
    """Join people of the index whom a run's records have shown to be one.

    A pair that may not be joined, or no longer can be, stays as it is.
    """
    if not pairs:
        return
    merged = 0
    with index.writing() as connection:
        for one, other in pairs:
            with suppress(changes.RefusedChangeError):
                changes.merge(connection, one, other, by=by, rule=BRIDGED)
                merged += 1
    if merged:
        audit.record("people_merged", None, subject=BRIDGED, persons=2 * merged, by=by)


def _count(run: FeedRun, intake: Intake) -> None:
    tally = intake.tally
    run.rows_in = tally.rows_in
    run.quarantined = tally.quarantined
    run.excluded = tally.excluded
    run.duplicate = tally.duplicate
    run.loaded = tally.loaded
    run.first_on, run.last_on = tally.first_on, tally.last_on
    run.problem = ""
    with bulk.connect("vault") as connection:
        reached = index.newest_version(connection)
    # A release names the index that its facts were linked by.
    run.detail = run.detail | {
        "blanked": dict(tally.blanked),
        "index_version": reached,
    }
    if tally.unplaced:
        run.detail["postcodes_in_no_known_area"] = tally.unplaced


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file's bytes, read in pieces; of a folder's files in order."""
    files = (
        [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    )
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while piece := opened.read(1 << 20):
                whole.update(piece)
    return whole.hexdigest()


def period_of(path: Path, received_on: date) -> date:
    """The day a file speaks of: the end of the month in its name, else its arrival."""
    found = re.search(r"_(20[0-9]{2})(0[1-9]|1[0-2])$", path.stem)
    if found is None:
        return received_on
    year, month = int(found[1]), int(found[2])
    return min(date(year, month, monthrange(year, month)[1]), received_on)
