"""A whole refresh in Postgres, as the worker, read as the web."""

from datetime import date, timedelta

import pytest
from pyroaring import BitMap

from governance.access import Viewer
from linkage.models import (
    AttributeBitmap,
    AttributeColumn,
    Release,
    ReleasePart,
    ReleasePointer,
    StageTask,
)
from linkage.release import actions, ledger, parts, selectors
from tests.builders import AS_OF, event, events
from tests.integration.linkage.release.conftest import ILL, PEOPLE, SHARDS, put

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])


def contents(release_id):
    """Everything of a release that readers see, for comparing two."""
    bitmaps = AttributeBitmap.objects.filter(release_id=release_id)
    columns = AttributeColumn.objects.filter(release_id=release_id)
    return (
        {(b.attribute, b.value): bytes(b.bitmap) for b in bitmaps},
        {c.attribute: bytes(c.data) for c in columns},
    )


def test_a_release_is_published_and_read(refreshed, acting_as):
    release = refreshed()
    assert (release.state, release.people) == (Release.State.PUBLISHED, len(PEOPLE))
    with acting_as("web"):
        view = selectors.current()
        assert view is not None
        assert view.everyone == BitMap(PEOPLE)
        assert view.bitmap("has_copd") == BitMap(ILL)
        assert view.bitmap("practice_code", "Z81001") == BitMap(
            n for n in PEOPLE if n % 2 == 0
        )
        assert view.total("cost_gp_12m", view.everyone) == 42.0 * len(ILL)
        assert view.contributors("gp_appointments_12m", view.everyone) == BitMap(ILL)
        assert len(view.between("latest_bmi", 30)) == sum(n % 20 >= 10 for n in PEOPLE)
        assert selectors.previous() is None


def test_the_same_inputs_give_the_same_release(refreshed):
    first, second = refreshed(), refreshed()
    assert first.pk != second.pk
    assert contents(first.pk) == contents(second.pk)
    assert first.catalogue == second.catalogue
    assert (first.definitions, first.batches) == (second.definitions, second.batches)


def test_a_release_says_which_definitions_made_it(refreshed):
    release = refreshed()
    assert len(release.definitions["feature/copd"]) == 64
    assert "codelist/copd" in release.definitions
    assert release.code_version


def test_what_was_recorded_later_changes_nothing_as_at_the_date(store, refreshed):
    before = refreshed()
    late = AS_OF + timedelta(days=1)
    put(
        store,
        "event",
        events(
            event("44054006", AS_OF, person_no=14, recorded_on=late, record_key=901),
            event("44054006", late, person_no=11, record_key=902),
        ),
    )
    after = refreshed()
    assert contents(before.pk) == contents(after.pk)
    later = refreshed(as_of=late)
    assert selectors.view(later.pk).bitmap("has_diabetes_type2") == BitMap([11, 14])


def test_a_viewer_reads_the_profiles_of_their_own_practices(
    refreshed, acting_as, as_role
):
    release = refreshed()
    owner = as_role("worker")
    owner.execute(
        "INSERT INTO governance_user (id, username, full_name, is_active, password)"
        " OVERRIDING SYSTEM VALUE VALUES (901, 'mdt', 'x', true, '!')"
    )
    owner.execute(
        "INSERT INTO governance_scope (user_id, practice_code) VALUES (901, 'Z81001')"
    )
    viewer = Viewer(901, "mdt", "x", "pcn_mdt", "direct_care", "U90001", "x", "pcn")
    with acting_as("web"):
        rows = selectors.profile_rows(
            viewer, [21, 36], attributes=["has_copd", "copd_since", "sex", "latest_bmi"]
        )
    assert rows.rows(named=True) == [
        {
            "person_no": 36,
            "practice_code_now": "Z81001",
            "lsoa_code_now": "E01900001",
            "has_copd": True,
            "copd_since": date(2020, 1, 1),
            "latest_bmi": 36.0,
            "sex": "F",
        }
    ]
    assert selectors.view(release.pk).catalogue["latest_bmi"].unit == "kg/m2"


def test_publishing_leaves_one_current_and_the_one_before(refreshed):
    first, second = refreshed(), refreshed()
    first.refresh_from_db()
    assert first.state == Release.State.SUPERSEDED
    assert ReleasePointer.objects.get().release_id == second.pk
    assert selectors.current().id == second.pk
    assert selectors.previous().id == first.pk


def test_publishing_again_moves_nothing(refreshed, acting_as):
    release = refreshed()
    with acting_as("worker"):
        actions.publish_release(release.pk)
    assert Release.objects.get(pk=release.pk).published_at == release.published_at


def test_the_last_three_releases_are_kept_with_their_people(
    refreshed, acting_as, as_role
):
    made = [refreshed().pk for _ in range(4)]
    with acting_as("worker"):
        assert actions.retire_releases() == made[:1]
        assert actions.retire_releases() == []
        selectors.forget()
        with pytest.raises(Release.DoesNotExist, match="kept no more"):
            selectors.view(made[0])
    kept = as_role("worker").execute("SELECT DISTINCT release_id FROM profile")
    assert {row[0] for row in kept} == set(made[1:])
    assert not ReleasePart.objects.filter(release_id=made[0]).exists()
    # The record of what was shown stays.
    assert Release.objects.get(pk=made[0]).definitions


class TestLedger:
    @pytest.fixture
    def opened(self, store, acting_as):
        with acting_as("worker"):
            release = actions.start_refresh(as_of=AS_OF, by="test")
            yield release

    def tasks(self, release, stage="derive_features"):
        return list(
            StageTask.objects.filter(release=release, stage=stage).order_by("pk")
        )

    def test_starting_twice_takes_up_the_refresh_that_is_under_way(self, opened):
        again = actions.start_refresh(as_of=AS_OF, by="test")
        assert again.pk == opened.pk
        assert StageTask.objects.count() == len(SHARDS)

    def test_a_refresh_of_another_date_gives_the_first_one_up(self, opened):
        other = actions.start_refresh(as_of=AS_OF - timedelta(days=1), by="test")
        opened.refresh_from_db()
        assert opened.state == Release.State.FAILED
        assert other.state == Release.State.BUILDING
        # A unit of the one given up that was still queued does nothing.
        assert actions.run_unit(task_id=self.tasks(opened)[0].pk) == []
        assert not ReleasePart.objects.filter(release=opened).exists()

    def test_only_the_last_unit_of_a_stage_opens_the_next(self, opened):
        first, *_, last = self.tasks(opened)
        assert actions.run_unit(task_id=first.pk) == []
        for task in self.tasks(opened)[1:-1]:
            assert actions.run_unit(task_id=task.pk) == []
        following = actions.run_unit(task_id=last.pk)
        assert [t.pk for t in self.tasks(opened, "build_bitmaps")] == following

    def test_a_unit_that_is_done_is_not_done_again(self, opened):
        task = self.tasks(opened)[0]
        actions.run_unit(task_id=task.pk)
        done = StageTask.objects.get(pk=task.pk)
        assert actions.run_unit(task_id=task.pk) == []
        assert StageTask.objects.get(pk=task.pk).finished_at == done.finished_at

    def test_a_unit_in_other_hands_is_left_alone(self, opened, as_role):
        task = self.tasks(opened)[0]
        other = as_role("worker")
        other.execute("SELECT pg_advisory_lock(%s, %s)", [ledger.TASK_LOCK, task.pk])
        assert actions.run_unit(task_id=task.pk) == []
        task.refresh_from_db()
        assert (task.state, task.attempts) == (StageTask.State.WAITING, 0)

    def test_a_failing_unit_is_tried_three_times_and_says_why(
        self, opened, monkeypatch
    ):
        def broken(*_):
            raise LookupError("no such shard")

        monkeypatch.setattr(actions, "derive_features", broken)
        task = self.tasks(opened)[0]
        assert actions.run_unit(task_id=task.pk) == [task.pk]
        assert actions.run_unit(task_id=task.pk) == [task.pk]
        assert actions.run_unit(task_id=task.pk) == []
        task.refresh_from_db()
        opened.refresh_from_db()
        assert (task.state, task.attempts) == (StageTask.State.FAILED, 3)
        assert "no such shard" in task.problem
        assert opened.state == Release.State.FAILED

    def test_a_dead_workers_unit_is_found_at_once(self, opened):
        dead, alive = self.tasks(opened)[:2]
        StageTask.objects.filter(pk=dead.pk).update(
            state=StageTask.State.RUNNING, attempts=1
        )
        assert [t.pk for t in ledger.stalled(quiet_seconds=3600)][:1] == [dead.pk]
        assert alive.pk not in [t.pk for t in ledger.stalled(quiet_seconds=3600)][:1]
        actions.run_unit(task_id=dead.pk)
        dead.refresh_from_db()
        assert (dead.state, dead.attempts) == (StageTask.State.DONE, 2)

    @pytest.mark.parametrize("state", ["RUNNING", "FAILED"])
    def test_a_release_ends_when_nobody_could_note_that_its_unit_had_failed(
        self, opened, state
    ):
        spent, other = self.tasks(opened)[:2]
        StageTask.objects.filter(pk=spent.pk).update(
            state=StageTask.State[state], attempts=ledger.MAX_ATTEMPTS
        )
        StageTask.objects.filter(pk=other.pk).update(
            state=StageTask.State.RUNNING, attempts=1
        )
        assert ledger.give_up() == [opened.pk]
        opened.refresh_from_db()
        spent.refresh_from_db()
        assert opened.state == Release.State.FAILED
        assert "died at each attempt" in spent.problem
        assert ledger.give_up() == []

    def test_waiting_units_are_queued_again_only_when_all_is_quiet(self, opened):
        actions.run_unit(task_id=self.tasks(opened)[0].pk)
        assert ledger.stalled(quiet_seconds=3600) == []
        assert len(ledger.stalled(quiet_seconds=0)) == len(SHARDS) - 1

    def test_a_repeated_unit_replaces_its_own_work(self, opened):
        actions.derive_features(opened.pk, 1)
        once = parts.read(opened.pk, 1, "features")
        actions.derive_features(opened.pk, 1)
        assert parts.read(opened.pk, 1, "features").equals(once)
        assert ReleasePart.objects.filter(release=opened, shard=1).count() == 1

    def test_bitmaps_refuse_a_picture_of_some_shards(self, opened):
        actions.derive_features(opened.pk, 1)
        with pytest.raises(LookupError, match=r"of shards \[1\] only"):
            actions.build_bitmaps(opened.pk, ledger.PEOPLE_GROUP)

    def test_definitions_that_change_meanwhile_stop_the_refresh(self, opened):
        Release.objects.filter(pk=opened.pk).update(
            definitions=opened.definitions | {"feature/copd": "0" * 64}
        )
        task = self.tasks(opened)[0]
        actions.run_unit(task_id=task.pk)
        task.refresh_from_db()
        assert "definitions changed" in task.problem
        assert "feature/copd" in task.problem
