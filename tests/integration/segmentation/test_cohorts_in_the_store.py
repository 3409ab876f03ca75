"""Cohorts where they live: searches over shards, schedules, walls around them."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import psycopg
import pytest
from django.db import transaction
from django.urls import reverse
from pyroaring import BitMap

from governance import access
from linkage.release import selectors as release
from linkage.vocabulary import EVENT_KINDS, SYSTEMS
from segmentation import tasks
from segmentation.cohorts import actions, searches
from segmentation.cohorts import selectors as saved
from segmentation.cohorts.searches import SearchingError
from segmentation.cohorts.specs import Coded, Who
from segmentation.models import CodeSearchPart, Cohort, CohortSize
from tests import live_system as system
from tests.live_people import ANNA, BERT, CORA, DREW, PIP, SEPTEMBER

FALLS = Coded(
    codes=("W19", "W0"),
    system="icd10",
    since=date(2026, 1, 1),
    until=date(2026, 12, 31),
)
ALONE = Who.model_validate({"all_of": [{"feature": "lives_alone"}]})
TODAY = SEPTEMBER


@pytest.fixture
def clean(live):
    yield
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE cohort_size, cohort_version, cohort, event")
        owner.execute("TRUNCATE code_search_part, code_search")


def as_viewer(viewer):
    return access.scoped(viewer)


def save(viewer, who=ALONE, title="Alone"):
    with as_viewer(viewer):
        return actions.save_cohort(
            title=title,
            who=who,
            why="",
            review_by=TODAY + timedelta(days=30),
            today=TODAY,
            by=viewer,
        )


def settle(viewer, cohort, **changes):
    given = {"sharing": "nobody", "every": "", **changes}
    with as_viewer(viewer):
        actions.settle_cohort(
            cohort_id=cohort.pk,
            review_by=TODAY + timedelta(days=30),
            today=TODAY,
            by=viewer,
            **given,
        )


def search_every_shard(search_id):
    with system.acting_as("worker"):
        return sum(
            actions.search_shard(search_id=search_id, shard=shard)
            for shard in range(16)
        )


def test_a_search_finds_who_has_a_code_in_the_window(live, clean):
    view = release.current()
    system.load_event(
        ANNA.person_no, "diagnosis", "W190", date(2026, 3, 1), system="icd10"
    )
    system.load_event(
        BERT.person_no, "diagnosis", "W19", date(2025, 12, 31), system="icd10"
    )
    system.load_event(CORA.person_no, "diagnosis", "W01", SEPTEMBER, system="icd10")
    # After the release's date: no part of it, though inside the window.
    system.load_event(
        DREW.person_no, "diagnosis", "W19", SEPTEMBER + timedelta(1), system="icd10"
    )
    viewer = live.viewer("system_analyst")
    with pytest.raises(SearchingError, match="0 of 16"):
        searches.found(FALLS, view)
    with as_viewer(viewer):
        search = actions.ask_search(asked=FALLS, view=view, by=viewer)
        again = actions.ask_search(asked=FALLS, view=view, by=viewer)
    assert again.pk == search.pk
    with system.acting_as("worker"):
        assert len(actions.unsearched()) == 16
        actions.search_shard(search_id=search.pk, shard=0)
    with pytest.raises(SearchingError, match="1 of 16"):
        searches.found(FALLS, view)
    search_every_shard(search.pk)
    with system.acting_as("worker"):
        assert actions.unsearched() == []
    found = searches.found(FALLS, view)
    assert found == BitMap([ANNA.person_no, CORA.person_no])
    who = Who.model_validate({"all_of": [FALLS.model_dump(mode="json")]})
    with as_viewer(viewer):
        people = saved.people(viewer, view, who, within=BitMap([ANNA.person_no]))
    assert people == BitMap([ANNA.person_no])


def test_a_search_tells_nothing_of_a_feed_closed_to_the_purpose(live, clean):
    view = release.current()
    # Of the test's one feed, the registered list.
    system.load_event(ANNA.person_no, "diagnosis", "W19", SEPTEMBER, system="icd10")
    viewer = live.viewer("system_analyst")
    with as_viewer(viewer):
        search = actions.ask_search(asked=FALLS, view=view, by=viewer)
    search_every_shard(search.pk)
    who = Who.model_validate({"all_of": [FALLS.model_dump(mode="json")]})
    others = viewer.standing.live_feeds - {"registered_list"}
    closed = replace(viewer, standing=replace(viewer.standing, live_feeds=others))
    assert saved.people(viewer, view, who, within=view.everyone)
    assert saved.people(closed, view, who, within=view.everyone) == BitMap()


def test_a_search_leaves_out_what_was_recorded_after_the_release(live, clean):
    view = release.current()
    for someone, days in ((ANNA, 1), (BERT, 0)):
        with system.connect("loader") as loader:
            loader.execute(
                "INSERT INTO event (person_no, record_key, subject_key, on_date, kind,"
                " system, code, recorded_on, feed_no, run_id)"
                " VALUES (%s, %s, 1, '2026-03-01', %s, %s, 'W19', %s, 1, 1)",
                [
                    someone.person_no,
                    900_000 + someone.person_no,
                    EVENT_KINDS["diagnosis"],
                    SYSTEMS["icd10"],
                    view.as_of + timedelta(days),
                ],
            )
    viewer = live.viewer("system_analyst")
    with as_viewer(viewer):
        search = actions.ask_search(asked=FALLS, view=view, by=viewer)
    search_every_shard(search.pk)
    assert searches.found(FALLS, view) == BitMap([BERT.person_no])


def test_a_course_leaves_out_whom_a_type_1_opt_out_takes_off():
    gp = Who.model_validate({"all_of": [{"feature": "has_copd"}]})
    plain = Who.model_validate({"all_of": [{"feature": "sex", "any_of": ["F"]}]})
    view = SimpleNamespace(gone_from_gp=BitMap([3]))
    assert saved.gone_of(view, gp) == BitMap([3])
    assert saved.gone_of(view, plain) == BitMap()


def test_a_repeated_shard_writes_one_answer(live, clean):
    viewer = live.viewer("system_analyst")
    with as_viewer(viewer):
        search = actions.ask_search(asked=FALLS, view=release.current(), by=viewer)
    for _ in range(2):
        search_every_shard(search.pk)
    assert CodeSearchPart.objects.filter(search=search).count() == 16


def test_other_codes_or_days_are_another_search():
    keys = {
        searches.question(asked).key
        for asked in (
            FALLS,
            FALLS.model_copy(update={"codes": ("W19",)}),
            FALLS.model_copy(update={"until": date(2026, 11, 30)}),
            FALLS.model_copy(update={"system": "snomed"}),
        )
    }
    assert len(keys) == 4


def test_a_team_counts_nobody_outside_its_own_list(live):
    view = release.current()
    everyone = Who.model_validate(
        {"all_of": [{"feature": "practice_code", "known": True}]}
    )
    viewer = live.viewer("pcn_mdt_member")
    theirs = live.viewer("their_mdt")
    found = saved.people(viewer, view, everyone, within=view.everyone)
    assert found == view.any_of("practice_code", viewer.practice_codes)
    assert ANNA.person_no in found
    others = saved.people(theirs, view, everyone, within=view.everyone)
    assert found.isdisjoint(others)


def test_row_security_shows_a_cohort_to_whom_it_is_shared_with(live, clean):
    mine, colleague = live.viewer("pcn_mdt_member"), live.viewer("colleague")
    others = [live.viewer("their_mdt"), live.viewer("place_lead")]
    cohort = save(mine)

    def seen_by(viewer):
        with as_viewer(viewer):
            ids = list(Cohort.objects.values_list("pk", flat=True))
            assert [c.pk for c in saved.cohorts(viewer)] == ids
            return ids

    assert seen_by(mine) == [cohort.pk]
    assert [seen_by(viewer) for viewer in (colleague, *others)] == [[], [], []]
    settle(mine, cohort, sharing="organisation")
    assert seen_by(colleague) == [cohort.pk]
    assert [seen_by(viewer) for viewer in others] == [[], []]
    settle(mine, cohort, sharing="everyone")
    assert [seen_by(viewer) for viewer in others] == [[cohort.pk]] * 2


def test_row_security_lets_only_the_owner_change_a_cohort(live, clean):
    mine, other = live.viewer("system_analyst"), live.viewer("pcn_mdt_member")
    cohort = save(mine)
    settle(mine, cohort, sharing="everyone")
    with as_viewer(other):
        assert Cohort.objects.filter(pk=cohort.pk).update(sharing="private") == 0
    with (
        pytest.raises(Exception, match="row-level security"),
        transaction.atomic(),
        as_viewer(other),
    ):
        cohort.versions.create(number=2, who={}, digest="x", made_by=other.user_id)


def test_without_a_viewer_there_is_no_cohort(live, clean):
    save(live.viewer("system_analyst"))
    assert not Cohort.objects.exists()


def test_the_web_cannot_write_who_is_in_a_cohort(live, clean):
    viewer = live.viewer("system_analyst")
    save(viewer)
    written = (
        "INSERT INTO cohort_size (version_id, release_id, as_of, people, measured_at)"
        " SELECT id, 1, now(), '', now() FROM cohort_version"
    )
    with system.connect("web") as web:
        user = str(viewer.user_id)
        web.execute("SELECT set_config('app.viewer_id', %s, false)", [user])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(written)


def test_a_scheduled_cohort_is_counted_once_at_each_release(live, clean):
    viewer = live.viewer("system_analyst")
    cohort = save(viewer)
    with system.acting_as("worker"):
        assert actions.measure_cohorts(today=TODAY) == (0, [])
    settle(viewer, cohort, every="release")
    with system.acting_as("worker"):
        assert actions.measure_cohorts(today=TODAY)[0] == 1
        assert actions.measure_cohorts(today=TODAY)[0] == 0
        size = CohortSize.objects.get()
        assert BitMap.deserialize(bytes(size.people)) == release.current().bitmap(
            "lives_alone"
        )


def test_a_schedule_that_needs_a_search_asks_for_it_and_counts_later(live, clean):
    system.load_event(
        ANNA.person_no, "diagnosis", "W19", date(2026, 3, 1), system="icd10"
    )
    viewer = live.viewer("system_analyst")
    who = Who.model_validate({"all_of": [FALLS.model_dump(mode="json")]})
    cohort = save(viewer, who)
    settle(viewer, cohort, every="release")
    with system.acting_as("worker"):
        counted, waiting = actions.measure_cohorts(today=TODAY)
    assert (counted, len(waiting)) == (0, 1)
    search_every_shard(waiting[0].pk)
    with system.acting_as("worker"):
        assert actions.measure_cohorts(today=TODAY)[0] == 1
        size = CohortSize.objects.get()
        assert BitMap.deserialize(bytes(size.people)) == BitMap([ANNA.person_no])


@pytest.mark.parametrize(
    "spoiled",
    [
        {"all_of": [{"feature": "no_more"}]},
        {"all_of": [{"imported_list": 3}]},
        {"all_of": [{"cohort": 99, "version": 1}]},
        {"all_of": [{"feature": "sex", "spelt": "wrong"}]},
    ],
)
def test_one_cohort_that_cannot_be_counted_stops_no_other(live, clean, spoiled):
    viewer = live.viewer("system_analyst")
    lame, good = save(viewer, title="Lame"), save(viewer)
    for cohort in (lame, good):
        settle(viewer, cohort, every="release")
    with as_viewer(viewer):
        # Past the checks of saving: the catalogue and the codelists change later too.
        lame.versions.create(number=2, who=spoiled, digest="x", made_by=viewer.user_id)
    before = len(system.audit_rows("cohort_not_measured"))
    with system.acting_as("worker"):
        assert actions.measure_cohorts(today=TODAY) == (1, [])
        assert CohortSize.objects.get().version.cohort_id == good.pk
    rows = system.audit_rows("cohort_not_measured")[before:]
    assert [row["subject"] for row in rows] == [f"cohort {lame.pk}"]


@pytest.fixture
def a_list(live):
    """A list of the team's member: one of their own people, and one of others."""
    viewer = live.viewer("pcn_mdt_member")
    with system.connect("loader") as loader:
        (number,) = loader.execute(
            "INSERT INTO imported_list (title, owner_id, org_code, purpose, made_on,"
            " expires_on, rows_in, matched, unmatched, people)"
            " VALUES ('Housing', %s, %s, %s, %s, %s, 2, 2, 0, 2) RETURNING id",
            [viewer.user_id, viewer.org_code, viewer.purpose, TODAY, TODAY],
        ).fetchone()
        for person_no in (ANNA.person_no, PIP.person_no):
            loader.execute(
                "INSERT INTO imported_list_member (list_id, person_no) VALUES (%s, %s)",
                [number, person_no],
            )
    yield number
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE imported_list_member, imported_list")


def test_an_imported_list_is_a_criterion_of_its_owner_alone(live, a_list):
    view = release.current()
    who = Who.model_validate({"all_of": [{"imported_list": a_list}]})
    found = {}
    for name in ("pcn_mdt_member", "colleague", "system_analyst"):
        viewer = live.viewer(name)
        with as_viewer(viewer):
            found[name] = saved.people(viewer, view, who, within=view.everyone)
    # Of the two on it the team counts its own alone; nobody else has the list at all.
    assert found["pcn_mdt_member"] == BitMap([ANNA.person_no])
    assert found["colleague"] == found["system_analyst"] == BitMap()


def test_the_audit_trail_says_who_saved_what(live, clean):
    before = len(system.audit_rows("cohort_saved"))
    cohort = save(live.viewer("system_analyst"))
    rows = system.audit_rows("cohort_saved")[before:]
    assert [(row["subject"], row["role"]) for row in rows] == [
        (f"cohort {cohort.pk}", "system_analyst")
    ]


def test_a_cohort_as_a_list_shows_own_people_by_reference(live, clean):
    viewer = live.viewer("pcn_mdt_member")
    cohort = save(viewer)
    before = len(system.audit_rows("cohort_people_viewed"))
    response = live.client("pcn_mdt_member").get(
        reverse("cohort-people", args=[cohort.pk])
    )
    page = response.content.decode()
    view = release.current()
    own = view.any_of("practice_code", viewer.practice_codes)
    wanted = view.bitmap("lives_alone") & own
    opted = view.bitmap("type1_opt_out") | view.bitmap("national_opt_out")
    assert page.count('class="app-card"') == len(wanted - opted)
    assert str(ANNA.person_no) not in page
    assert "lives alone: yes" in page
    rows = system.audit_rows("cohort_people_viewed")[before:]
    assert [row["persons"] for row in rows] == [len(wanted - opted)]
    # A role that sees no rows has no such page, though it may open the cohort.
    assert (
        live.client("system_analyst")
        .get(reverse("cohort-people", args=[cohort.pk]))
        .status_code
        == 403
    )


def test_tasks_queue_what_is_to_be_done_and_call_one_action(live, clean, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.search_shard, "delay", lambda *unit: queued.append(unit))
    viewer = live.viewer("system_analyst")
    with as_viewer(viewer):
        search = actions.ask_search(asked=FALLS, view=release.current(), by=viewer)
    tasks.dispatch(search.pk)
    assert queued == [(search.pk, shard) for shard in range(16)]
    with system.acting_as("worker"):
        for unit in queued[:3]:
            tasks.search_shard(*unit)
        queued.clear()
        tasks.resume_searches()
    assert queued == [(search.pk, shard) for shard in range(3, 16)]
