"""`manage.py refresh`, with and without a queue."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from linkage.management.commands import refresh
from linkage.models import Release, StageTask
from linkage.release import actions, ledger, selectors, tasks
from tests.builders import AS_OF
from tests.integration.linkage.release.conftest import PEOPLE, SHARDS

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])


@pytest.fixture
def queue(monkeypatch):
    """What was sent to the queue, in order, in place of a broker."""
    sent = []
    monkeypatch.setattr(tasks.run_unit, "delay", sent.append)
    return sent


def lines_of(*words):
    out = StringIO()
    call_command(
        "refresh", "--as-of", str(AS_OF), "--progress", "json", *words, stdout=out
    )
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_refresh_says_how_far_it_is_and_what_each_stage_read(store, acting_as):
    with acting_as("worker"):
        lines = lines_of("--inline")
    done = [line for line in lines if line.get("stage") == "derive_features"]
    assert done[-2] == {
        "stage": "derive_features",
        "done": len(SHARDS),
        "total": len(SHARDS),
        "unit": "tasks",
    }
    finished = {line["stage"]: line for line in lines if "seconds" in line}
    assert list(finished) == [
        "derive_features",
        "build_bitmaps",
        "write_profiles",
        "publish_release",
    ]
    assert finished["derive_features"]["rows_out"] == len(PEOPLE)
    assert finished["write_profiles"]["rows_out"] == len(PEOPLE)
    assert lines[-1]["people"] == len(PEOPLE)


def test_a_stage_that_cannot_work_fails_the_command_with_its_reason(
    store, acting_as, monkeypatch
):
    def broken(*_):
        raise LookupError("no such shard")

    monkeypatch.setattr(actions, "derive_features", broken)
    with acting_as("worker"), pytest.raises(CommandError, match="no such shard"):
        lines_of("--inline")
    assert Release.objects.get().state == Release.State.FAILED


def test_through_a_queue_units_dispatch_what_follows(store, acting_as, queue):
    with acting_as("worker"):
        release = actions.start_refresh(as_of=AS_OF, by="test")
        tasks.dispatch(release.pk)
        while queue:
            tasks.run_unit(queue.pop(0))
        release.refresh_from_db()
        assert release.state == Release.State.PUBLISHED
        assert selectors.current().id == release.pk


def test_a_lost_queue_is_filled_again_from_the_ledger(
    store, acting_as, queue, monkeypatch
):
    monkeypatch.setattr(ledger, "QUIET_SECONDS", 0)
    monkeypatch.setattr(ledger.stalled, "__defaults__", (0,))
    with acting_as("worker"):
        actions.start_refresh(as_of=AS_OF, by="test")
        tasks.resume_stalled()
    waiting = StageTask.objects.values_list("pk", flat=True)
    assert sorted(queue) == sorted(waiting)


def test_the_nightly_refresh_waits_for_something_new(store, acting_as, queue, as_role):
    with acting_as("worker"):
        tasks.refresh_nightly()
        assert not Release.objects.exists()
        as_role("loader").execute(
            "INSERT INTO feed_run (feed, file_name, sha256, state, received_at, by,"
            " rows_in, loaded, quarantined, excluded, duplicate, facts, seconds,"
            " spec_hash, problem, detail) VALUES ('x', 'x', 'x', 'published', now(),"
            " 'x', 0, 0, 0, 0, 0, 0, 0, '', '', '{}')"
        )
        tasks.refresh_nightly()
    release = Release.objects.get()
    assert release.batches
    assert len(queue) == len(SHARDS)


def test_a_refresh_without_a_worker_says_so(store, acting_as, queue, monkeypatch):
    monkeypatch.setattr(refresh, "RESUME_SECONDS", 0)
    monkeypatch.setattr(refresh, "_worker_answers", lambda: False)
    with acting_as("worker"), pytest.raises(CommandError, match="Start one with"):
        lines_of()
    assert Release.objects.get().state == Release.State.BUILDING
