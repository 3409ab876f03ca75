"""Touched people's rows are read once for all stages, as each would have read them."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from linkage.models import Release
from linkage.release import actions, rows, store, touched
from linkage.release.store import Shard
from tests.builders import AS_OF, activities, activity, event, events
from tests.integration.linkage.release.conftest import SHARDS, put
from tests.touching import touch

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
WHOM = [*SHARDS[0][:3], *SHARDS[1][:2]]
THEN = AS_OF - timedelta(days=365)
FRAMES = ("person", "registration", "residence", "event", "activity")


@pytest.fixture
def delta(store, refreshed, acting_as) -> Release:
    """A delta of `WHOM`, not worked yet, who have a history on both sides of `THEN`."""
    days = (AS_OF, THEN, THEN + timedelta(days=1), THEN - timedelta(days=1))
    people = list(enumerate([*WHOM, SHARDS[1][5]]))
    put(
        store,
        "event",
        events(
            *(
                event("44054006", on, person_no=n, record_key=900 + 10 * i + k)
                for i, n in people
                for k, on in enumerate(days)
            )
        ),
    )
    used = [
        activity(
            "admitted", "spell", on, person_no=n, record_key=900 + 10 * i + k, end_on=to
        )
        for i, n in people
        for k, (on, to) in enumerate([(THEN, None), (AS_OF, AS_OF)])
    ]
    put(store, "activity", activities(*used))
    refreshed()
    touch(store, 7, *WHOM)
    with acting_as("worker"):
        made = actions.start_delta(by="test")
        assert made is not None
        return made


@pytest.fixture
def reads(monkeypatch) -> list[date]:
    """Up to when touched people were read, each time that they were."""
    seen: list[date] = []
    read_people: Callable[..., Shard] = store.read_people

    def noted(person_nos: pl.Series, *, until: date) -> Shard:
        seen.append(until)
        return read_people(person_nos, until=until)

    monkeypatch.setattr(store, "read_people", noted)
    return seen


def whole(until: date) -> dict[str, pl.DataFrame]:
    """What whole shards hold of the touched, read as a full refresh reads it."""
    read = [store.read_shard(shard, until=until) for shard in range(len(SHARDS))]
    return {
        name: pl.concat([getattr(each, name) for each in read]).filter(
            pl.col("person_no").is_in(WHOM)
        )
        for name in FRAMES
    }


@pytest.mark.parametrize("until", [AS_OF, THEN])
def test_later_stages_have_what_they_would_have_read(
    delta, reads, acting_as, until
) -> None:
    with acting_as("worker"):
        rows.read(delta, touched.UNIT)
        found, expected = rows.up_to(delta, touched.UNIT, until), whole(until)
    assert reads == [AS_OF]
    assert found.until == until
    for name in FRAMES:
        frame = getattr(found, name).select(expected[name].columns)
        assert not frame.is_empty()
        assert_frame_equal(frame, expected[name], check_row_order=False)


def test_scores_have_the_events_and_activity_that_they_would_have_read(
    delta, acting_as
) -> None:
    kinds = ("diagnosis", "observation")
    with acting_as("worker"):
        found = rows.events(delta, touched.UNIT, kinds=kinds, since=THEN)
        used = rows.activity(delta, touched.UNIT, since=AS_OF)
        all_events, all_used = [
            pl.concat(each).filter(pl.col("person_no").is_in(WHOM))
            for each in zip(
                *(
                    (
                        rows.events(delta, shard, kinds=kinds, since=THEN),
                        rows.activity(delta, shard, since=AS_OF),
                    )
                    for shard in range(len(SHARDS))
                ),
                strict=True,
            )
        ]
    assert found.height == 4 * len(WHOM)
    assert_frame_equal(found, all_events, check_row_order=False)
    assert used.height == len(WHOM)
    assert_frame_equal(used, all_used, check_row_order=False)


def test_the_first_stage_reads_anew_and_many_rows_are_not_kept(
    delta, reads, acting_as, monkeypatch
) -> None:
    with acting_as("worker"):
        rows.read(delta, touched.UNIT)
        rows.read(delta, touched.UNIT)
        rows.up_to(delta, touched.UNIT, THEN)
        assert len(reads) == 2
        monkeypatch.setattr(rows, "MOST_KEPT", 3)
        rows.read(delta, touched.UNIT)
        rows.up_to(delta, touched.UNIT, THEN)
        assert len(reads) == 4


def test_another_release_of_the_same_number_is_another(delta, reads, acting_as) -> None:
    with acting_as("worker"):
        rows.read(delta, touched.UNIT)
        delta.started_at += timedelta(seconds=1)
        rows.up_to(delta, touched.UNIT, THEN)
    assert len(reads) == 2


def test_of_nobody_there_are_no_rows(delta, acting_as) -> None:
    with acting_as("worker"):
        found = store.read_people(pl.Series([], dtype=pl.Int32), until=AS_OF)
    assert found.rows == 0
    assert found.event.columns[0] == "person_no"


@pytest.mark.parametrize("whom", [WHOM, WHOM[:1], []])
def test_two_connections_read_what_one_reads(
    delta, acting_as, monkeypatch, whom
) -> None:
    numbers = pl.Series("person_no", whom, dtype=pl.Int32)
    with acting_as("worker"):
        alone = store.read_people(numbers, until=AS_OF)
        monkeypatch.setattr(store, "WORTH_TWO", 0)
        both = store.read_people(numbers, until=AS_OF)
    assert alone.person.height == len(whom)
    for name in FRAMES:
        assert_frame_equal(
            getattr(both, name), getattr(alone, name), check_row_order=False
        )
