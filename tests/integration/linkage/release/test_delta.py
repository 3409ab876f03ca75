"""A delta is what a full refresh of the same store would be, from the touched alone."""

from datetime import timedelta
from random import Random

import pytest
from django.core.management import CommandError, call_command
from pyroaring import BitMap

from governance.access import Viewer
from governance.models import Area
from linkage.models import (
    AttributeColumn,
    FeedRun,
    Release,
    ReleasePointer,
    StageTask,
)
from linkage.release import actions, parts, selectors, tasks, touched
from linkage.release.delta import NoDeltaError
from linkage.store import write_people
from tests.builders import AS_OF, event, events, people, person
from tests.integration.linkage.release.conftest import PEOPLE, put
from tests.touching import change, picture, touch, unseen

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])


@pytest.fixture
def delta(store, acting_as):
    """Make and publish a delta as the worker; None where there is nothing new."""

    def make() -> Release | None:
        with acting_as("worker"):
            release = actions.start_delta(by="test")
            if release is not None:
                actions.run_inline(release.pk)
                release.refresh_from_db()
            return release

    return make


@pytest.mark.parametrize("seed", range(4))
def test_a_delta_shows_what_a_full_refresh_of_the_same_store_shows(
    store, refreshed, delta, acting_as, seed
) -> None:
    rng = Random(seed)
    base = refreshed()
    for mark in (50, 51):
        change(store, rng, mark)
        made = delta()
        assert made.delta_of_id == base.pk
    with acting_as("worker"):
        found = picture(made.pk)
    whole = refreshed()
    with acting_as("worker"):
        assert found == picture(whole.pk)
        assert found != picture(base.pk)


def test_a_delta_holds_the_touched_alone(store, refreshed, delta, acting_as) -> None:
    base = refreshed()
    put(store, "event", events(event("44054006", AS_OF, person_no=14, record_key=901)))
    touch(store, 7, 14)
    made = delta()
    assert (made.state, made.as_of, made.people) == ("published", AS_OF, len(PEOPLE))
    with acting_as("worker"):
        assert parts.read(made.pk, touched.UNIT, "features")["person_no"].to_list() == [
            14
        ]
        column = AttributeColumn.objects.get(release=made, attribute="age_years")
        assert len(column.data) == 4
    with acting_as("web"):
        view = selectors.current()
        assert view.id == made.pk
        assert view.bitmap("has_diabetes_type2") == BitMap([14])
        assert not selectors.view(base.pk).bitmap("has_diabetes_type2")
        assert selectors.previous() is None


def test_who_left_the_old_practice_is_not_shown_to_it_any_more(
    store, refreshed, delta, acting_as, as_role
) -> None:
    refreshed()
    worker = as_role("worker")
    viewers = {}
    for number, practice in enumerate(("Z81001", "Z81002"), start=901):
        worker.execute(
            "INSERT INTO governance_user (id, username, full_name, is_active, password)"
            " OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'x', true, '!')",
            [number, practice],
        )
        worker.execute(
            "INSERT INTO governance_scope (user_id, practice_code) VALUES (%s, %s)",
            [number, practice],
        )
        viewers[practice] = Viewer(
            number, practice, "x", "pcn_mdt", "direct_care", "U90001", "x", "pcn"
        )
    for table in ("registration", "person"):
        store.execute(
            f"UPDATE {table} SET practice_code = 'Z81002' WHERE person_no = 14"
        )
    store.execute("DELETE FROM person WHERE person_no = 26")
    touch(store, 7, 14, 26)
    delta()
    with acting_as("web"):
        seen = {
            practice: selectors.profile_rows(viewer, PEOPLE)["person_no"].to_list()
            for practice, viewer in viewers.items()
        }
    even = [n for n in sorted(PEOPLE) if n % 2 == 0 and n not in (14, 26)]
    assert seen["Z81001"] == even
    assert seen["Z81002"] == sorted([14, *(n for n in PEOPLE if n % 2)])


def test_nobody_touched_is_no_delta(store, refreshed, delta) -> None:
    assert delta() is None
    refreshed()
    assert delta() is None
    touch(store, 7, 14)
    assert delta() is not None
    assert delta() is None


def test_what_was_touched_before_the_full_refresh_is_behind_it(
    store, refreshed, delta, acting_as, as_role
) -> None:
    touch(store, 7, 14)
    touch(store, -3, 26)
    first = refreshed()
    assert unseen(first.pk) == 0
    touch(store, -4, 11)
    touch(store, 8, 11, 19)
    assert unseen(first.pk) == 2
    delta()
    second = refreshed()
    with acting_as("worker"):
        actions.retire_releases()
    assert unseen(second.pk) == 0
    rows = as_role("worker").execute("SELECT count(*) FROM touched_person")
    assert rows.fetchone() == (0,)


def test_whose_best_known_attributes_changed_is_touched(
    store, refreshed, delta, acting_as
) -> None:
    refreshed()
    with acting_as("loader"):
        one = people(person(14, sex="M")).drop("ethnicity_source")
        assert write_people(one, people()["person_no"]) == 1
    made = delta()
    with acting_as("web"):
        assert 14 in selectors.view(made.pk).bitmap("sex", "M")


def test_a_full_refresh_under_way_needs_no_delta(store, refreshed, acting_as) -> None:
    refreshed()
    touch(store, 7, 14)
    with acting_as("worker"):
        whole = actions.start_refresh(as_of=AS_OF, by="test")
        assert actions.start_delta(by="test") is None
        actions.run_inline(whole.pk)
        assert actions.start_delta(by="test") is None


def test_a_delta_under_way_is_taken_up_and_given_up_for_a_full_refresh(
    store, refreshed, acting_as
) -> None:
    refreshed()
    touch(store, 7, 14)
    with acting_as("worker"):
        made = actions.start_delta(by="test")
        touch(store, 8, 26)
        assert actions.start_delta(by="test").pk == made.pk
        whole = actions.start_refresh(as_of=AS_OF, by="test")
        made.refresh_from_db()
        assert made.state == Release.State.FAILED
        Release.objects.filter(pk=whole.pk).update(state=Release.State.FAILED)
        again = actions.start_delta(by="test")
        assert again.pk not in (made.pk, whole.pk)


def test_a_delta_of_what_is_no_longer_the_last_is_not_published(
    store, refreshed, acting_as
) -> None:
    refreshed()
    touch(store, 7, 14)
    with acting_as("worker"):
        made = actions.start_delta(by="test")
        Release.objects.filter(pk=made.pk).update(state=Release.State.FAILED)
    live = refreshed()
    with acting_as("worker"):
        Release.objects.filter(pk=made.pk).update(state=Release.State.BUILDING)
        with pytest.raises(RuntimeError, match="stands on one that is not the last"):
            actions.run_inline(made.pk)
        assert ReleasePointer.objects.get().release_id == live.pk
        # What failed by itself is not tried again for the same people.
        assert actions.start_delta(by="test") is None


def test_changed_reference_data_need_a_full_refresh(
    store, refreshed, acting_as
) -> None:
    refreshed()
    touch(store, 7, 14)
    with acting_as("worker"):
        Area.objects.filter(code="E01900001").update(imd_decile=9)
        with pytest.raises(NoDeltaError, match="reference data changed"):
            actions.start_delta(by="test")
        with pytest.raises(CommandError, match="a full refresh is needed"):
            call_command("refresh", "--delta")


def test_so_many_touched_need_a_full_refresh(
    store, refreshed, acting_as, monkeypatch
) -> None:
    refreshed()
    touch(store, 7, *PEOPLE[:5])
    monkeypatch.setattr("linkage.release.delta.AT_LEAST", 4)
    with acting_as("worker"), pytest.raises(NoDeltaError, match="5 people"):
        actions.start_delta(by="test")


def test_the_command_makes_a_delta(store, refreshed, acting_as) -> None:
    base = refreshed()
    touch(store, 7, 14)
    with acting_as("worker"):
        call_command("refresh", "--delta", "--inline")
        assert ReleasePointer.objects.get().release.delta_of_id == base.pk
        call_command("refresh", "--delta", "--inline")
        assert Release.objects.count() == 2
        with pytest.raises(CommandError, match="date of the last full release"):
            call_command("refresh", "--delta", "--as-of", "2026-09-30")


def test_a_task_opens_a_delta_and_the_queue_works_it(
    store, refreshed, acting_as, monkeypatch
) -> None:
    refreshed()
    queue: list[int] = []
    monkeypatch.setattr(tasks.run_unit, "delay", queue.append)
    with acting_as("worker"):
        tasks.refresh_delta()
        assert queue == []
        touch(store, 7, 14)
        tasks.refresh_delta()
        tasks.refresh_delta()
        assert len(queue) == 1
        while queue:
            tasks.run_unit(queue.pop())
        assert ReleasePointer.objects.get().release.delta_of_id is not None


def test_files_that_only_a_delta_holds_still_start_the_night(
    store, refreshed, delta, acting_as
) -> None:
    refreshed()
    FeedRun.objects.create(feed="x", sha256="1", state=FeedRun.State.PUBLISHED)
    touch(store, 7, 14)
    made = delta()
    assert len(made.batches) == 1
    with acting_as("worker"):
        assert selectors.has_unreleased_changes()
    refreshed(AS_OF + timedelta(days=1))
    with acting_as("worker"):
        assert not selectors.has_unreleased_changes()


def test_people_merged_without_a_file_start_the_night_too(
    store, refreshed, acting_as
) -> None:
    refreshed()
    with acting_as("worker"):
        assert not selectors.has_unreleased_changes()
    touch(store, -1000, 11)  # a mark of the index
    with acting_as("worker"):
        assert selectors.has_unreleased_changes()
    refreshed(AS_OF + timedelta(days=1))
    with acting_as("worker"):
        assert not selectors.has_unreleased_changes()


def test_the_last_deltas_are_kept_with_what_they_stand_on(
    store, refreshed, delta, acting_as
) -> None:
    base = refreshed()
    made = []
    for mark in range(5):
        touch(store, 7 + mark, PEOPLE[mark])
        made.append(delta())
    with acting_as("worker"):
        assert set(actions.retire_releases()) == {d.pk for d in made[:2]}
        assert not StageTask.objects.filter(release=made[0]).exists()
        selectors.forget()
        with pytest.raises(Release.DoesNotExist, match="kept no more"):
            selectors.view(made[0].pk)
        assert selectors.current().id == made[-1].pk
        assert len(parts.read_all(made[-1].pk, "features")) == len(PEOPLE)
        assert parts.shards(made[-1].pk, "features") == parts.shards(
            base.pk, "features"
        )
