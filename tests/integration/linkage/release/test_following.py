"""Facts that move while a refresh reads are counted once: with whom they went to."""

from collections.abc import Callable

import psycopg
import pytest

from linkage.models import Release, StageTask
from linkage.release import actions, selectors, touched
from linkage.release.stages import Stage
from tests.builders import AS_OF
from tests.integration.linkage.release.conftest import ILL, SHARDS
from tests.release_stages import STAGES as WITHOUT
from tests.touching import picture, touch

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
FOLLOW = Stage("follow_moves", "release", "linkage.release.following.follow_moves")
STAGES = (WITHOUT[0], FOLLOW, *WITHOUT[1:])
GONE = next(n for n in SHARDS[0] if n in ILL)
KEPT = next(n for n in SHARDS[1] if n not in ILL)
FACTS = ("registration", "residence", "event", "activity")


@pytest.fixture
def followed(store, settings) -> psycopg.Connection:
    settings.REFRESH_STAGES = f"{__name__}.STAGES"
    return store


def merge(loader: psycopg.Connection, gone: int, kept: int, version: int) -> None:
    """Give one person's facts to another, as `linkage.moves` does, and say so."""
    with loader.transaction():
        for table in FACTS:
            loader.execute(
                f"UPDATE {table} SET person_no = %s, record_key = record_key + 5000"
                " WHERE person_no = %s",
                [kept, gone],
            )
        loader.execute("DELETE FROM person WHERE person_no = %s", [gone])
        touch(loader, -version, gone, kept)


def work(release: Release, units: int, then: Callable[[], None]) -> None:
    """Work some units of a release, let something happen, and work the others."""
    waiting = list(release.tasks.order_by("pk").values_list("pk", flat=True))
    for _ in range(units):
        waiting += actions.run_unit(task_id=waiting.pop(0))
    then()
    actions.run_inline(release.pk)
    assert not StageTask.objects.filter(release=release).exclude(state="done").exists()


# After the shard that the facts leave, and when both have been read.
@pytest.mark.parametrize("units", [1, 2])
@pytest.mark.parametrize(("gone", "kept"), [(GONE, KEPT), (KEPT, GONE)])
def test_a_merge_while_a_full_refresh_reads_is_in_it(
    followed, refreshed, acting_as, units, gone, kept
) -> None:
    with acting_as("worker"):
        made = actions.start_refresh(as_of=AS_OF, by="test")
        work(made, units, lambda: merge(followed, gone, kept, 5))
        made.refresh_from_db()
        found = picture(made.pk)
        assert not selectors.has_unreleased_changes()
        assert actions.start_delta(by="test") is None
    assert gone not in found["people"][1]
    whole = refreshed()
    with acting_as("worker"):
        assert found == picture(whole.pk)


def test_without_looking_again_the_facts_would_count_twice(
    store, refreshed, acting_as
) -> None:
    with acting_as("worker"):
        made = actions.start_refresh(as_of=AS_OF, by="test")
        work(made, 1, lambda: merge(store, GONE, KEPT, 5))
        found = picture(made.pk)
    assert {GONE, KEPT} <= set(found["people"][1])
    assert {GONE, KEPT} <= set(found["bitmaps"]["has_copd", "yes"])


def test_a_merge_while_a_delta_reads_is_in_it(followed, refreshed, acting_as) -> None:
    refreshed()
    other = next(n for n in SHARDS[1] if n not in (GONE, KEPT))
    touch(followed, 7, other)
    with acting_as("worker"):
        made = actions.start_delta(by="test")
        work(made, 1, lambda: merge(followed, GONE, KEPT, 5))
        assert set(touched.touched_of(made.pk)) == {other, GONE, KEPT}
        found = picture(made.pk)
        assert actions.start_delta(by="test") is None
    whole = refreshed()
    with acting_as("worker"):
        assert found == picture(whole.pk)


def test_what_was_touched_meanwhile_and_did_not_move_waits_for_the_next(
    followed, acting_as
) -> None:
    with acting_as("worker"):
        made = actions.start_refresh(as_of=AS_OF, by="test")
        work(made, 2, lambda: touch(followed, 7, KEPT))
        looked = StageTask.objects.get(release=made, stage="follow_moves")
        assert (looked.rows_in, looked.rows_out) == (0, 0)
        assert actions.start_delta(by="test") is not None
