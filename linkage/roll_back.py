"""Take a published run back: the store ends as if the run had never been.

Its facts go, and so do those of the feed's runs that share rows with it, which are then
read again from the files that the vault keeps, in the order in which they came: so the
versions that the run had displaced, and the repeats that were dropped because of it,
come back by the same rules as ever (docs/adr/0014). All of it is one transaction
of the store; readers see either state. The vault's part can be repeated, and a
roll-back that was killed is finished by the next one of the same run.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import polars as pl
from django.db import connection, transaction
from django.utils import timezone

from governance import audit
from linkage import actions, bulk, moves, store, whole_lists
from linkage.batches import keyed
from linkage.definitions import FEEDS
from linkage.gatekeeping import Source
from linkage.key_filter import may_hold
from linkage.models import FeedRun, RejectedRow
from linkage.steps.identify import identify
from linkage.steps.pseudonymise import SHARED, TABLES
from linkage.steps.read import opened, read, read_opened
from linkage.steps.validate import NOT_USED, validate
from linkage.vault import deliveries, index, undo

State = FeedRun.State


class RefusedRollBackError(ValueError):
    """A run that cannot be taken back; says why and what to do."""


def roll_back_run(*, run_id: int, reason: str, by: str) -> FeedRun:
    """Take a run back, with the replays of its rows; returns it.

    Safe to repeat. Raises RefusedRollBackError where it is not published, or a file
    that would have to be read again is not kept any more.
    """
    run = FeedRun.objects.get(pk=run_id)
    if run.state == State.UNDONE and "undoing" not in run.detail:
        return run
    refuse_roll_back(run, reason)
    if run.state == State.PUBLISHED:
        keys = _keys(run)
        _sharing(_with_replays(run, State.PUBLISHED), keys)
        run.detail = run.detail | {"undoing": {"by": by, "reason": reason}}
        run.save(update_fields=["detail"])
        _take_out(run, keys, reason=reason, by=by)
    undone = [r.pk for r in _with_replays(run, State.UNDONE)]
    with index.writing() as vault:
        undo.settle_index(vault, undone, by=by)
    actions.settle_people()
    run.refresh_from_db()
    run.detail = {k: v for k, v in run.detail.items() if k != "undoing"}
    run.save(update_fields=["detail"])
    return run


def refuse_roll_back(run: FeedRun, reason: str) -> None:
    """Raise RefusedRollBackError where a run cannot be taken back."""
    if run.feed not in FEEDS:
        raise RefusedRollBackError(f"Run {run.pk} is not of a feed of people.")
    if not reason.strip():
        raise RefusedRollBackError("A roll-back needs a reason.")
    if run.way == FeedRun.ROLL_BACK or "replay_of" in run.detail:
        of = run.detail.get("replay_of")
        raise RefusedRollBackError(
            f"Run {run.pk} replays rows of run {of}: roll that one back."
            if of
            else f"Run {run.pk} is a roll-back: release the run that it took back."
        )
    if run.state not in (State.PUBLISHED, State.UNDONE):
        raise RefusedRollBackError(
            f"Run {run.pk} is {run.state}: nothing to take back."
        )


def _with_replays(run: FeedRun, state: str) -> list[FeedRun]:
    """A run, and the replays of its rows that are in a state."""
    replays = FeedRun.objects.filter(detail__replay_of=run.pk, feed=run.feed)
    return [run, *replays.filter(state=state)]


def _sharing(undone: Sequence[FeedRun], keys: pl.Series | None) -> list[FeedRun]:
    """The feed's other runs that may hold a row or fact of these keys, in their order.

    keys: None where each file stands for itself.
    """
    run = undone[0]
    feeds = [run.feed] if keys is not None else whole_lists.feeds_of_lists()
    others = (
        FeedRun.objects.filter(feed__in=feeds, state=State.PUBLISHED)
        .exclude(pk__in=[r.pk for r in undone])
        .exclude(way=FeedRun.ROLL_BACK)
        .order_by("pk")
    )
    if keys is None:
        found = sorted(others, key=lambda r: (r.detail.get("period_on", ""), r.pk))[-1:]
    else:
        filters = store.filters_of(others.order_by())
        found = [
            other
            for other in others
            if other.pk not in filters or may_hold(filters[other.pk], keys).any()
        ]
    for other in found:
        if deliveries.kept(_file_of(other).sha256) is None:
            raise RefusedRollBackError(
                f"{other.file_name} (run {other.pk}) shares rows with run {run.pk} and"
                " is not kept any more: it could not be read again."
            )
    return found


def _keys(run: FeedRun) -> pl.Series | None:
    """The keys of a run's rows, and of its facts that other rows can make too.

    None where each file of the feed stands for itself.
    """
    spec = FEEDS[run.feed]
    if spec.keeps in whole_lists.LISTS:
        return None
    if deliveries.kept(run.sha256) is None:
        raise RefusedRollBackError(
            f"{run.file_name} is not kept any more: which other runs share rows with"
            " it cannot be found out."
        )
    received_on = actions.received_on_of(run)
    found = [pl.Series("row_key", [], dtype=pl.Int64)]
    if not spec.keyed_by_row:
        found += _shared(_with_replays(run, State.PUBLISHED))
    with deliveries.opened(run.sha256) as path:
        for frame in read(path, spec):
            rows = validate(frame, spec, received_on).accepted
            if spec.token and "nhs_number" not in rows.columns:
                none = pl.lit(None, dtype=pl.String)
                rows = rows.with_columns(nhs_number=none)
            found.append(keyed(identify(rows, spec))["row_key"])
    return pl.concat(found).unique()


def _shared(runs: Sequence[FeedRun]) -> list[pl.Series]:
    """The keys of what runs have in the tables whose facts other rows can make too."""
    numbers = ", ".join(str(run.pk) for run in runs)
    with bulk.connect("default") as to:
        made = [
            bulk.fetch(
                to, f"SELECT record_key FROM {table} WHERE run_id IN ({numbers})"
            )
            for table in SHARED
        ]
    return [some["record_key"].cast(pl.Int64).alias("row_key") for some in made]


def _file_of(run: FeedRun) -> FeedRun:
    """The run whose delivered file holds this one's rows."""
    of = run.detail.get("replay_of")
    return FeedRun.objects.get(pk=of) if of else run


def _spoken_of_elsewhere(
    undone: Sequence[FeedRun], again: Sequence[FeedRun]
) -> pl.Series:
    """Records first met in the undone runs that other runs of the feed state too.

    Facts of other feeds may hang on such a record as well: they stay with its person,
    of whom it says nothing any more.
    """
    apart = [r.pk for r in [*undone, *again]]
    others = FeedRun.objects.filter(feed=undone[0].feed, state=State.PUBLISHED)
    runs = list(others.exclude(pk__in=apart).values_list("pk", flat=True))
    with bulk.connect("vault") as vault:
        met = undo.subjects_of(vault, [r.pk for r in undone])
    if met.is_empty() or not runs:
        return met["subject_key"].clear()
    numbers = ", ".join(str(run) for run in runs)
    with bulk.connect("default") as to:
        bulk.ask(to, met, "undone_subject")
        found = [
            bulk.fetch(
                to,
                "SELECT DISTINCT t.subject_key FROM pg_temp.undone_subject u"
                f" JOIN {table} t ON t.person_no = u.person_no"
                f" AND t.subject_key = u.subject_key WHERE t.run_id IN ({numbers})",
            )["subject_key"].cast(pl.Int64)
            for table in TABLES
        ]
    return pl.concat(found).unique()


def _take_out(run: FeedRun, keys: pl.Series | None, *, reason: str, by: str) -> None:
    """Delete the facts of a run and of those that share its rows, read the second
    again, and note whom it touched.

    Nobody loads the feed or moves facts meanwhile. The locks of the store are taken
    before any of the vault's (`moves.alone`).
    """
    with transaction.atomic(), connection.cursor() as cursor, ExitStack() as stack:
        store.alone_with_feed(cursor, run.feed)
        moves.hold_still(cursor)
        if not FeedRun.objects.filter(pk=run.pk, state=State.PUBLISHED).exists():
            return  # somebody else has taken it back meanwhile
        undone = _with_replays(run, State.PUBLISHED)
        again = _sharing(undone, keys)
        replayed = {other.pk: _replayed_rows(other) for other in again}
        spared = _spoken_of_elsewhere(undone, again)
        with index.writing() as vault:
            undo.withdraw(vault, [r.pk for r in undone], spared)
        people = store.remove_runs(cursor, [r.pk for r in [*undone, *again]])
        for each in undone:
            each.state, each.finished_at = State.UNDONE, timezone.now()
            each.problem = reason[:2000]
            each.save()
        for other in again:
            other.state = State.RECEIVED
            other.detail = other.detail | {"again": run.pk}
            other.save()
        for other in again:
            _load_again(other, replayed[other.pk], stack)
        noted = FeedRun.objects.create(
            feed=run.feed,
            sha256=hashlib.sha256(f"roll-back of {run.pk}".encode()).hexdigest(),
            file_name=run.file_name,
            supplier=run.supplier,
            by=by,
            way=FeedRun.ROLL_BACK,
            state=State.PUBLISHED,
            finished_at=timezone.now(),
            detail={"undoes": run.pk, "read_again": [r.pk for r in again]},
        )
        store.touch(cursor, noted.pk, people)
        audit.record(
            "feed_rolled_back",
            None,
            subject=run.feed,
            persons=people.len(),
            run=run.pk,
            read_again=len(again),
            reason=reason[:200],
            by=by,
        )


def _replayed_rows(run: FeedRun) -> list[int]:
    """Of a replay, the numbers of its rows in the file that they came in."""
    of = run.detail.get("replay_of")
    if not of:
        return []
    loaded = RejectedRow.objects.filter(run_id=of, replayed_in=run)
    refused = RejectedRow.objects.filter(run=run)
    numbers = loaded.values_list("row_number", flat=True)
    return sorted({*numbers, *refused.values_list("row_number", flat=True)})


def _load_again(run: FeedRun, rows: list[int], stack: ExitStack) -> None:
    origin = _file_of(run)
    spec = FEEDS[run.feed]
    path = stack.enter_context(deliveries.opened(origin.sha256))
    delivery = stack.enter_context(opened(path, spec))

    def batches() -> Iterator[pl.DataFrame]:
        for frame in read_opened(delivery, spec):
            yield frame.filter(pl.col("row_number").is_in(rows)) if rows else frame

    actions.load_source(run, Source(batches))
    if rows:
        again = RejectedRow.objects.filter(run=run).values("row_number")
        RejectedRow.objects.filter(run=origin, row_number__in=rows).exclude(
            rule=NOT_USED
        ).exclude(row_number__in=again).update(replayed_in=run)
