"""Where stages per shard follow each other, each shard goes through them by itself."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from polars.testing import assert_frame_equal

from linkage.models import Release, StageTask
from linkage.release import actions, ledger, rows, tasks
from linkage.release import store as facts
from linkage.release.stages import Stage, StageOutcome, alike
from linkage.release.store import Shard
from tests.builders import AS_OF
from tests.integration.linkage.release.conftest import SHARDS
from tests.integration.linkage.release.test_command import lines_of, queue
from tests.release_stages import STAGES as WITHOUT

__all__ = ["queue"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
THEN = AS_OF - timedelta(days=365)
EVERY_DAY = THEN - timedelta(days=40_000)


def look_back(release_id: int, shard: int) -> StageOutcome:
    """A second stage per shard that reads the store, as several of the schedule do."""
    read = rows.up_to(Release.objects.get(pk=release_id), shard, THEN)
    return StageOutcome(read.rows, 0)


SECOND = Stage("look_back", "shard", f"{__name__}.look_back")
STAGES = (WITHOUT[0], SECOND, *WITHOUT[1:])


@pytest.fixture
def reads(store, settings, monkeypatch) -> list[int]:
    """Which shards were read from the store, each time that one was."""
    settings.REFRESH_STAGES = f"{__name__}.STAGES"
    seen: list[int] = []
    read_shard: Callable[..., Shard] = facts.read_shard

    def noted(shard: int, **until: date) -> Shard:
        seen.append(shard)
        return read_shard(shard, **until)

    monkeypatch.setattr(facts, "read_shard", noted)
    return seen


@pytest.fixture
def opened(reads, acting_as) -> Release:
    with acting_as("worker"):
        yield actions.start_refresh(as_of=AS_OF, by="test")
        rows.let_go()


def of(release: Release, stage: str) -> list[StageTask]:
    return list(release.tasks.filter(stage=stage).order_by("pk"))


def test_stages_are_alike_between_those_for_everybody(reads) -> None:
    assert alike("look_back") == alike("derive_features") == STAGES[:2]
    assert [each.name for each in alike("write_profiles")] == ["write_profiles"]
    assert [each.name for each in alike("publish_release")] == ["publish_release"]


def test_a_shard_goes_on_while_others_have_not_begun(opened) -> None:
    first, *others = of(opened, "derive_features")
    (following,) = actions.run_unit(task_id=first.pk)
    (task,) = of(opened, "look_back")
    assert (following, task.shard) == (task.pk, first.shard)
    # All that is there of the second stage is done, and it is not the whole of it.
    assert actions.run_unit(task_id=task.pk) == []
    assert of(opened, "build_bitmaps") == []
    for each in others:
        (following,) = actions.run_unit(task_id=each.pk)
        last = actions.run_unit(task_id=following)
    assert last == [task.pk for task in of(opened, "build_bitmaps")]


def test_it_is_read_once_and_not_kept_when_it_has_gone_through(opened, reads) -> None:
    first, *_ = of(opened, "derive_features")
    (following,) = actions.run_unit(task_id=first.pk)
    assert reads == [int(first.shard)]
    assert rows._kept.rows is not None
    actions.run_unit(task_id=following)
    assert reads == [int(first.shard)]
    assert rows._kept.rows is None


def test_a_unit_that_fails_keeps_nobodys_rows(opened, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise LookupError("no disk")

    first, *_ = of(opened, "derive_features")
    monkeypatch.setattr(actions.parts, "write", broken)
    assert actions.run_unit(task_id=first.pk) == [first.pk]
    assert rows._kept.rows is None


def test_another_process_reads_for_itself(opened, reads) -> None:
    first, *_ = of(opened, "derive_features")
    (following,) = actions.run_unit(task_id=first.pk)
    rows.let_go()
    actions.run_unit(task_id=following)
    assert reads == [int(first.shard)] * 2
    done = StageTask.objects.get(pk=following)
    assert done.state == StageTask.State.DONE


def test_one_message_takes_a_shard_through(opened, reads, queue) -> None:
    first, *others = of(opened, "derive_features")
    tasks.run_unit(first.pk)
    assert queue == []
    assert [task.state for task in of(opened, "look_back")] == ["done"]
    for each in others:
        tasks.run_unit(each.pk)
    assert queue == [task.pk for task in of(opened, "build_bitmaps")]
    assert reads == [int(task.shard) for task in (first, *others)]


def test_what_a_dead_worker_left_between_two_stages_is_found(opened) -> None:
    first, *others = of(opened, "derive_features")
    (following,) = actions.run_unit(task_id=first.pk)
    found = {task.pk for task in ledger.stalled(quiet_seconds=0)}
    assert found == {following, *(task.pk for task in others)}


@pytest.mark.parametrize("unit", range(len(SHARDS)))
def test_what_is_kept_is_what_would_have_been_read(opened, unit) -> None:
    kinds = ("diagnosis", "observation")
    rows.read(opened, unit)
    kept = (
        *vars(rows.up_to(opened, unit, THEN)).values(),
        rows.events(opened, unit, kinds=kinds, since=EVERY_DAY),
        rows.activity(opened, unit, since=THEN),
    )
    assert kept[-1].height
    rows.let_go()
    read = (
        *vars(rows.up_to(opened, unit, THEN)).values(),
        rows.events(opened, unit, kinds=kinds, since=EVERY_DAY),
        rows.activity(opened, unit, since=THEN),
    )
    assert kept[0] == read[0] == THEN
    for one, other in zip(kept[1:], read[1:], strict=True):
        assert_frame_equal(one, other, check_row_order=False)


def test_the_time_of_stages_worked_together_is_shared_out(reads, acting_as) -> None:
    with acting_as("worker"):
        lines = lines_of("--inline")
    totals = {
        line["total"]
        for line in lines
        if line.get("stage") == "look_back" and "total" in line
    }
    assert totals == {len(SHARDS)}
    ended = {line["stage"]: line["seconds"] for line in lines if "seconds" in line}
    assert list(ended) == [stage.name for stage in STAGES]
    done = StageTask.objects.filter(stage__in=["derive_features", "look_back"])
    took = max(t.finished_at for t in done) - min(t.started_at for t in done)
    shared = ended["derive_features"] + ended["look_back"]
    assert shared == pytest.approx(took.total_seconds(), abs=0.11)


def test_threads_of_a_worker_keep_a_shard_each(opened, reads) -> None:
    """One that begins another shard takes nothing from the one beside it."""
    rows.read(opened, 0)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(rows.read, opened, 1).result()
        beside.submit(rows.up_to, opened, 1, THEN).result()
    rows.up_to(opened, 0, THEN)
    assert reads == [0, 1]
