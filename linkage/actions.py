"""Every write of ingest: a delivered file to the longitudinal store, and again.

All of it runs in the vault zone: rows carry identifiers until `pseudonymise`.
"""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import starmap
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from governance import audit
from governance.definitions import digest
from governance.logs import what_went_wrong
from linkage import bulk, moves, store
from linkage.ahead import ahead
from linkage.batches import Intake
from linkage.definitions import FEEDS, HERE, prices
from linkage.feed_quality import keep_quality
from linkage.file_names import period_of, supplier_of
from linkage.gatekeeping import Gate, HeldError, Source
from linkage.introductions import last_introduced
from linkage.models import FeedRun, RejectedRow
from linkage.opening import open_run
from linkage.specs import FeedSpec
from linkage.steps.read import (
    UnreadableFileError,
    opened,
    read_opened,
    stated_headers,
)
from linkage.steps.validate import NOT_USED
from linkage.vault import changes, deliveries, index
from linkage.vault import store as vault
from linkage.whole_lists import LISTS, is_newest
from linkage.withholding import Withholding

Progress = Callable[[int], None]
# A run in any other state is done, or waits for a person.
TO_LOAD = (FeedRun.State.RECEIVED, FeedRun.State.FAILED)
BRIDGED = "merge_bridged"  # the rule of merges that a run's records bring about


def load_feed_file(
    *,
    feed: str,
    path: Path,
    by: str,
    received_on: date | None = None,
    way: str = "hand",
    settle: bool = True,
    progress: Progress | None = None,
) -> FeedRun:
    """Take one delivered file to the longitudinal store. Safe to repeat.

    received_on: the day it arrived (today unless given); later dates are impossible.
    settle: bring the best-known attributes of people up to date afterwards; a caller
        with many files does so once, at their end (`settle_people`).
    The same bytes find their own run: a published one is returned as it is, and so is
    one that waits for a decision or was refused; a failed or killed one is done again.
    The file is kept sealed in the vault. Raises what went wrong, after noting it in
    the run; a run that the gate holds is no error.
    """
    run, is_new = open_run(
        feed=feed,
        sha256=fingerprint(path),
        file_name=path.name,
        supplier=supplier_of(path),
        way=way,
        by=by,
        received_on=received_on,
    )
    if settings.KEEP_DELIVERIES_DAYS and (is_new or run.state in TO_LOAD):
        deliveries.keep_file(path, sha256=run.sha256, feed=feed, way=way, by=by)
    if run.state in TO_LOAD:
        load_file(run, path, received_on=received_on, progress=progress)
    if settle:
        settle_people()
    return run


def load_file(
    run: FeedRun,
    path: Path,
    *,
    received_on: date | None = None,
    progress: Progress | None = None,
) -> None:
    """Load a run from its file, which lies at `path` now; its dates are the run's."""
    spec = FEEDS[run.feed]
    arrived = received_on or received_on_of(run)
    try:
        with (
            deliveries.workplace() as workplace,
            opened(path, spec, workplace=workplace) as delivery,
        ):
            source = Source(
                lambda: read_opened(delivery, spec), stated_headers(delivery, spec)
            )
            run.detail = run.detail | {"written": list(delivery.said)}
            period_on = period_of(Path(run.file_name), arrived)
            _load(run, spec, source, arrived, period_on, progress)
    except UnreadableFileError as error:
        _note_failure(run, error)
        raise


def load_source(run: FeedRun, source: Source) -> None:
    """Load a run again from where its rows come from now; its dates are the run's."""
    period_on = date.fromisoformat(run.detail["period_on"])
    _load(run, FEEDS[run.feed], source, received_on_of(run), period_on, None)


def received_on_of(run: FeedRun) -> date:
    """The day that a run's file arrived; today where none is noted."""
    stated = run.detail.get("received_on")
    return date.fromisoformat(stated) if stated else timezone.localdate()


def settle_people(*, wait_seconds: int | None = None) -> int:
    """Tell the store whose facts moved, and the best-known attributes of all changed.

    Returns how many people were written. The vault forgets that they were pending
    only after the store has committed, so a crash in between costs a repetition.
    """
    _merge_bridged(wait_seconds=wait_seconds)
    with (
        moves.alone(wait_seconds=wait_seconds),
        index.writing(wait_seconds=wait_seconds) as connection,
    ):
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
    source: Source,
    received_on: date,
    period_on: date,
    progress: Progress | None,
) -> None:
    begun = time.monotonic()
    run.spec_hash = digest(HERE / "feeds" / f"{run.feed}.yaml")
    run.detail = run.detail | {
        "received_on": received_on.isoformat(),
        "period_on": period_on.isoformat(),
        # Asked before its rows are: whoever is introduced later is looked for again.
        "sought": last_introduced(run.feed),
    }
    try:
        with store.loading(
            run,
            refers_to={check.feed for check in spec.checks if check.feed},
        ) as loading:
            if not FeedRun.objects.filter(pk=run.pk, state__in=TO_LOAD).exists():
                run.refresh_from_db()  # the process that we waited for has done it
                return
            with bulk.connect("vault") as connection:
                began_at = index.newest_version(connection)
                vault.forget_rejected(connection, run.pk)
                connection.commit()
            RejectedRow.objects.filter(run=run).delete()
            intake = Intake(
                spec,
                feed=run.feed,
                run_id=run.pk,
                received_on=received_on,
                period_on=period_on,
                by=run.by,
                prices=prices(),
                may_be_known=loading.may_be_known,
                delivered=loading.delivered,
            )
            withheld = Withholding(spec)
            source = replace(source, batches=withheld.around(source.batches))
            gate = Gate(run, spec, source, received_on)
            taken = (
                (
                    [
                        loading.ready(table, facts, batch.doubtful)
                        for table, facts in batch.facts.items()
                    ],
                    batch.rejected,
                )
                for batch in starmap(intake.take, gate.let_in())
            )
            # The store takes one batch in while the vault's side makes the next.
            for ready, rejected in ahead(taken, bulk.close_all):
                for facts in ready:
                    loading.add(facts)
                loading.reject(rejected)
                if progress:
                    progress(intake.tally.rows_in)
            gate.let_out(intake.tally.measured)
            _count(run, intake, withheld)
            run.seconds = time.monotonic() - begun
            run.finished_at = timezone.now()
            store.publish(run, loading, period_on, intake.doubts(), began_at)
            if spec.keeps in LISTS and is_newest(run):
                # The last thing before the store commits: a load that fails leaves
                # the list before in force.
                with index.writing() as connection:
                    intake.keep_list(connection)
    except HeldError as error:
        _hold(run, error)
        return
    except store.RunBusyError:
        raise  # what becomes of the run is said by the process that has it
    except Exception as error:
        _note_failure(run, error)
        raise
    _merge_bridged()
    if mended := run.detail.get("mends"):
        _close_quarantine(mended, run)


def _hold(run: FeedRun, held: HeldError) -> None:
    """Leave nothing of a run but its ledger entry, which says why it waits."""
    with bulk.connect("vault") as connection:
        vault.forget_run(connection, run.pk)
        connection.commit()
    run.state = FeedRun.State.HELD
    run.problem = str(held)[:2000]
    run.finished_at = timezone.now()
    run.save()
    audit.record("feed_held", None, subject=run.feed, run=run.pk)


def _note_failure(run: FeedRun, error: Exception) -> None:
    FeedRun.objects.filter(pk=run.pk).exclude(state=FeedRun.State.PUBLISHED).update(
        state=FeedRun.State.FAILED, problem=what_went_wrong(error)[:2000]
    )


def _close_quarantine(run_id: int, mended_by: FeedRun) -> None:
    """The rows that a run rejected have come again in a mended file."""
    RejectedRow.objects.filter(run_id=run_id, replayed_in=None).exclude(
        rule=NOT_USED
    ).update(replayed_in=mended_by)
    with bulk.connect("vault") as connection:
        vault.forget_rejected(connection, run_id)
        connection.commit()


def _merge_bridged(*, wait_seconds: int | None = None) -> None:
    """Join people of the index whom records of published runs have shown to be one.

    A pair that may not be joined, or no longer can be, stays as it is. In a commit of
    its own: what the store is told of a version must outlive a crash.
    """
    with index.reading() as connection:
        runs = index.pending_merges(connection)["run_id"].unique().to_list()
    if not runs:
        return
    published = FeedRun.objects.filter(pk__in=runs, state=FeedRun.State.PUBLISHED)
    for run in published.order_by("pk"):
        merged = 0
        with index.writing(wait_seconds=wait_seconds) as connection:
            pending = index.pending_merges(connection).filter(run_id=run.pk)
            for pair in pending.select("person_no", "into_person_no").rows():
                one, other = (changes.now_known_as(connection, n) for n in pair)
                with suppress(changes.RefusedChangeError):
                    changes.merge(
                        connection, one, other, by=run.by, rule=BRIDGED, run_id=run.pk
                    )
                    merged += 1
            index.merged(connection, run.pk)
        if merged:
            told = {"subject": BRIDGED, "persons": 2 * merged, "by": run.by}
            audit.record("people_merged", None, **told)


def _count(run: FeedRun, intake: Intake, withheld: Withholding) -> None:
    tally = intake.tally
    keep_quality(run, tally.quality)
    run.rows_in = tally.rows_in + withheld.rows
    run.quarantined = tally.quarantined
    run.excluded = tally.excluded + withheld.rows
    run.duplicate = tally.duplicate
    run.loaded = tally.loaded
    run.first_on, run.last_on = tally.first_on, tally.last_on
    run.problem = ""
    with bulk.connect("vault") as connection:
        reached = index.newest_version(connection)
    # A release names the index that its facts were linked by.
    run.detail = run.detail | {
        "blanked": dict(tally.blanked),
        "noted": dict(tally.noted),
        "index_version": reached,
    }
    if withheld.categories:
        run.detail["restricted"] = dict(withheld.categories)
    if tally.erased:
        run.detail["erased"] = tally.erased
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
