"""Rejected rows taken through the road once more: because somebody asks, or because
whoever they speak of has been introduced since."""

import hashlib
import time
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
from django.db import connection as store_connection
from django.db import transaction
from django.db.models import Exists, OuterRef

from linkage import actions, bulk, store
from linkage.batches import keyed
from linkage.definitions import FEEDS
from linkage.gatekeeping import Source
from linkage.introductions import introducing, last_introduced
from linkage.models import FeedRun, RejectedRow
from linkage.specs import FeedSpec
from linkage.steps.identify import identify
from linkage.steps.read import delivered
from linkage.steps.validate import NOT_USED, validate
from linkage.vault import index, quarantine
from linkage.vault import store as vault

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi

# The rules of rows that wait for another feed to say whose they are.
AWAITS = ("subject_unknown", "token_unknown")
LATE = "people introduced later"  # who asked for such a replay
Choice = Callable[[FeedRun, pl.DataFrame], pl.DataFrame]


def replay_run(*, run_id: int, by: str) -> FeedRun | None:
    """Take the rows that a run rejected through the road once more.

    For use after a definition was put right. The replay is a run of its own; rows that
    are rejected again stay with it. Returns None where nothing is kept for the run.
    """
    run = _replay(FeedRun.objects.get(pk=run_id), by, lambda _, rows: rows)
    if run is not None:
        actions.settle_people()
    return run


def replay_introduced(*, by: str = LATE) -> int:
    """Replay the rows that were left out because nobody had said whose they are, and
    somebody has since; returns how many replays that took. Safe to repeat.

    So a journal that comes before its registered list ends as one that comes after it.
    Each run notes up to which introduction its rows have been looked for: after one
    that brought none of its people nothing is opened again until the next.
    """
    replays = 0
    for feed in FEEDS:
        if not introducing(feed):
            continue
        sought = last_introduced(feed)
        if not sought:
            continue
        for run in _waiting(feed, sought):
            replays += _replay(run, by, _introduced) is not None
            run.detail = run.detail | {"sought": sought}
            run.save(update_fields=["detail"])
    if replays:
        actions.settle_people()
    return replays


def _waiting(feed: str, sought: str) -> list[FeedRun]:
    """Runs with rows that nobody was known for, not looked for since `sought`."""
    theirs = RejectedRow.objects.filter(
        run=OuterRef("pk"), rule__in=AWAITS, replayed_in=None
    )
    runs = FeedRun.objects.filter(
        Exists(theirs), feed=feed, state=FeedRun.State.PUBLISHED, excluded__gt=0
    )
    return [r for r in runs.order_by("pk") if r.detail.get("sought") != sought]


def _replay(origin: FeedRun, by: str, choose: Choice) -> FeedRun | None:
    """Replay the rejected rows of a run that `choose` takes; None where it takes none.

    A replay of a replay is one of the first run too: it goes with that one's file.
    """
    with bulk.connect("vault") as connection:
        kept = vault.rejected(connection, origin.pk)
    spec = FEEDS[origin.feed]
    rows = quarantine.unseal(kept, origin.pk, delivered(spec))
    rows = choose(origin, rows) if rows.height else rows
    if rows.is_empty():
        return None
    first = origin.detail.get("replay_of", origin.pk)
    _forget_cut_short(first)
    detail = {name: origin.detail[name] for name in ("received_on", "period_on")}
    run = FeedRun.objects.create(
        feed=origin.feed,
        sha256=hashlib.sha256(
            f"replay of {origin.pk} at {time.time_ns()}".encode()
        ).hexdigest(),
        file_name=origin.file_name,
        by=by,
        way="replay",
        supplier=origin.supplier,
        state=FeedRun.State.RECEIVED,
        detail=detail | {"replay_of": first},
    )
    actions.load_source(run, Source(lambda: iter([rows])))
    _close(origin, run, rows["row_number"])
    return run


def _forget_cut_short(first: int) -> None:
    """Close replays of a run that were killed: the rows are still with their origin."""
    cut_short = FeedRun.objects.filter(
        detail__replay_of=first, way="replay", state__in=actions.TO_LOAD
    )
    for run in cut_short:
        with transaction.atomic(), store_connection.cursor() as cursor:
            if not store.alone(cursor, run.pk):
                continue  # it is at work
            with bulk.connect("vault") as connection:
                vault.forget_run(connection, run.pk)
                connection.commit()
            run.state = FeedRun.State.FAILED
            run.problem = "Cut short; its rows went again in a later replay."
            run.save(update_fields=["state", "problem"])


def _close(origin: FeedRun, replay: FeedRun, row_numbers: pl.Series) -> None:
    """What was rejected again stays with the replay; nothing of it with its origin."""
    numbers = row_numbers.to_list()
    with store_connection.cursor() as cursor:
        cursor.execute(
            "UPDATE rejected_row SET replayed_in_id = %s WHERE run_id = %s"
            " AND rule <> %s AND row_number = ANY(%s) AND row_number NOT IN"
            " (SELECT row_number FROM rejected_row WHERE run_id = %s)",
            [replay.pk, origin.pk, NOT_USED, numbers, replay.pk],
        )
    with bulk.connect("vault") as connection:
        vault.forget_rejected(connection, origin.pk, numbers)
        connection.commit()


def _introduced(run: FeedRun, rows: pl.DataFrame) -> pl.DataFrame:
    """Those rows of a run that are somebody's now."""
    spec = FEEDS[run.feed]
    received_on = date.fromisoformat(run.detail["received_on"])
    typed = validate(rows, spec, received_on).accepted
    with index.reading() as connection:
        known = _known(connection, spec, typed)
    return rows.join(known, on="row_number", how="semi", maintain_order="left")


def _known(
    connection: "dbapi.Connection", spec: FeedSpec, typed: pl.DataFrame
) -> pl.DataFrame:
    if spec.token:
        held = vault.crosswalk(connection, spec.token).select("token")
        return typed.select("row_number", "token").join(held, on="token", how="semi")
    local = spec.local_ids[0]
    met = index.by_local_key(connection, local.namespace).drop_nulls("person_no")
    rows = keyed(identify(typed, spec)).select("row_number", local_key="local_key_0")
    return rows.join(met, on="local_key", how="semi")
