"""A delta through every stage: predictions, lists, outcomes as a full refresh has them.

The full refresh that it is held against is made as if the delta's had never been:
of the same date, after the same earlier release.
"""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from dashboards import list_entries
from dashboards.actions import change as change_card
from dashboards.definitions import LISTS
from dashboards.models import Decision, Intervention, ListEntry, ListRun, Outcome
from dashboards.store import unpack
from dashboards.team_models import ListHome
from governance import access
from linkage.models import Release, ReleasePointer
from linkage.release import actions, selectors
from linkage.release import store as release_store
from risk import selectors as risk
from risk.definitions import MODELS
from tests.builders import AS_OF, event, events
from tests.integration.linkage.release import conftest as small_system
from tests.integration.linkage.release.conftest import PEOPLE, put
from tests.integration.risk import conftest as with_risk
from tests.touching import NEWCOMERS, change, picture, touch

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])
store_of_linkage = small_system.store
store_up_to_predictions = with_risk.store
refreshed = small_system.refreshed
EVERYBODY = [*PEOPLE, *NEWCOMERS]
HIGH = "undiagnosed_hypertension"


@pytest.fixture
def store(store_of_linkage, store_up_to_predictions, settings) -> Any:
    """The small system worked by all stages; nobody learns from so few."""
    settings.REFRESH_STAGES = "config.schedule.STAGES"
    return store_up_to_predictions


def lists_of(release_id: int, since: dict[int, int]) -> dict[str, Any]:
    """Every list of a release, and what it passed over, in words alike for any."""
    rows = [
        dict(zip(list_entries.FIELDS, row, strict=True))
        for row in list_entries.rows(release_id, *list_entries.FIELDS)
    ]
    rows.sort(key=lambda row: (row["programme"], row["person_no"]))
    for row in rows:
        row["first_release"] = since.get(row["first_release"], row["first_release"])
        assert row.pop("release_id") == release_id
        del row["id"]
    runs = ListRun.objects.filter(release_id=release_id).order_by("programme")
    return {
        "entries": rows,
        "runs": list(runs.values("programme", "people", "spec_hash", "not_made")),
        "left_out": [
            sorted(
                (rule, practice, packed)
                for rule, by_practice in run.left_out.items()
                for practice, packed in by_practice.items()
            )
            for run in runs
        ],
        "outcomes": list(
            Outcome.objects.filter(release_id=release_id)
            .order_by("intervention", "measure")
            .values("intervention", "measure", "measured_on", "before", "after")
        ),
    }


def explained(release_id: int) -> dict[str, Any]:
    """What is foretold of everybody and why."""
    return {
        name: {
            n: (row.value, row.band, row.practice_code, row.reasons)
            for n, row in risk.explained(release_id, EVERYBODY, name).items()
        }
        for name in MODELS
    }


def team(as_role) -> access.Viewer:
    """A viewer of the first practice."""
    worker = as_role("worker")
    worker.execute(
        "INSERT INTO governance_user (id, username, full_name, is_active, password)"
        " OVERRIDING SYSTEM VALUE VALUES (901, 'mdt', 'x', true, '!')"
    )
    worker.execute(
        "INSERT INTO governance_scope (user_id, practice_code) VALUES (901, 'Z81001')"
    )
    return access.Viewer(901, "mdt", "x", "pcn_mdt", "direct_care", "U1", "x", "pcn")


def intervention(person_no: int, programme: str, release_id: int) -> None:
    measures = dict.fromkeys(LISTS[programme].outcomes, 1.0)
    decision = Decision.objects.create(
        programme=programme,
        person_no=person_no,
        practice_code="Z81001",
        release_id=release_id,
        choice=Decision.Choice.ACCEPT,
        reason="benefit",
        decided_by=1,
    )
    Intervention.objects.create(
        decision=decision,
        person_no=person_no,
        practice_code="Z81001",
        kind="x",
        state=Intervention.State.OFFERED,
        due_on=AS_OF,
        baseline=measures,
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_delta_equals_the_full_refresh_stage_by_stage(
    store, refreshed, acting_as, as_role, monkeypatch, seed
) -> None:
    reads = []
    read_people = release_store.read_people
    monkeypatch.setattr(
        release_store,
        "read_people",
        lambda whom, *, until: reads.append(whom) or read_people(whom, until=until),
    )
    rng = Random(seed)
    before = refreshed(AS_OF - timedelta(days=31))
    base = refreshed()
    programme = next(name for name, spec in LISTS.items() if spec.outcomes)
    with acting_as("web"), access.scoped(team(as_role)):
        for n in PEOPLE[:3]:
            intervention(n, programme, base.pk)
    for mark in (50, 51):
        change(store, rng, mark, times=6)
        with acting_as("worker"):
            made = actions.start_delta(by="test")
            actions.run_inline(made.pk)
    # By each delta once, whatever its stages read of them.
    assert len(reads) == 2
    with acting_as("worker"):
        alike = {base.pk: -1, made.pk: -1, made.pk - 1: -1}
        found = picture(made.pk), lists_of(made.pk, alike), explained(made.pk)
        # As if neither the base nor its deltas had been published.
        Release.objects.filter(pk__gte=base.pk).update(state=Release.State.FAILED)
        Release.objects.filter(pk=before.pk).update(state=Release.State.PUBLISHED)
        ReleasePointer.objects.update(release=before)
    selectors.forget()
    whole = refreshed()
    with acting_as("worker"):
        told = picture(whole.pk)
        assert found[0]["bitmaps"] == told["bitmaps"]
        assert found[0] == told
        assert found[1] == lists_of(whole.pk, {whole.pk: -1})
        assert found[2] == explained(whole.pk)
    assert found[1]["entries"]
    assert found[1]["outcomes"]


def test_the_others_entries_stay_where_they_are_and_the_rank_is_everybodys(
    store, refreshed, acting_as
) -> None:
    first, second = PEOPLE[1], PEOPLE[3]
    put(store, "event", events(_pressure(first, 160.0, 1), _pressure(second, 150.0, 2)))
    base = refreshed()
    put(store, "event", events(_pressure(second, 190.0, 3)))
    touch(store, 7, second)
    with acting_as("worker"):
        made = actions.start_delta(by="test")
        actions.run_inline(made.pk)
        ranks = {
            release: {
                entry.rank: entry.person_no
                for entry in list_entries.entries(release, programme=HIGH)
            }
            for release in (base.pk, made.pk)
        }
        told = list_entries.entries(made.pk, programme=HIGH)
        own = ListEntry.objects.filter(release_id=made.pk, programme=HIGH)
        assert [entry.person_no for entry in own] == [second]
    assert ranks == {base.pk: {1: first, 2: second}, made.pk: {1: second, 2: first}}
    assert {entry.first_release for entry in told} == {base.pk}


def test_who_wants_no_contact_is_on_no_later_list_of_that_programme(
    store, refreshed, acting_as, as_role
) -> None:
    first, second = PEOPLE[1], PEOPLE[3]
    put(store, "event", events(_pressure(first, 160.0, 1), _pressure(second, 150.0, 2)))
    base = refreshed()
    viewer = replace(team(as_role), practice_codes=frozenset({"Z81001"}))
    with acting_as("web"), access.scoped(viewer):
        change_card(
            programme=HIGH,
            person_no=first,
            kind="preference",
            detail={"preference": "none"},
            seen_version=0,
            by=viewer,
        )
    touch(store, 7, second)
    with acting_as("worker"):
        delta = actions.start_delta(by="test")
        actions.run_inline(delta.pk)
    whole = refreshed()
    with acting_as("worker"):
        listed = {
            release: [
                entry.person_no
                for entry in list_entries.entries(release, programme=HIGH)
            ]
            for release in (base.pk, delta.pk, whole.pk)
        }
        for release in (delta.pk, whole.pk):
            run = ListRun.objects.get(programme=HIGH, release_id=release)
            left = run.left_out["no_contact"]
            assert [list(unpack(run.left_out, "no_contact", p)) for p in left] == [
                [first]
            ]
    assert listed == {base.pk: [first, second], delta.pk: [second], whole.pk: [second]}


def test_lists_and_figures_of_deltas_that_have_passed_are_let_go(
    store, refreshed, acting_as
) -> None:
    base = refreshed()
    made = []
    for mark in range(6):
        touch(store, 7 + mark, PEOPLE[0])
        with acting_as("worker"):
            made.append(actions.start_delta(by="test"))
            actions.run_inline(made[-1].pk)
            kept = set(ListRun.objects.values_list("release_id", flat=True))
    assert kept == {base.pk, *(release.pk for release in made[-4:])}


def test_a_delta_knows_who_lives_with_whom_now(store, refreshed, acting_as) -> None:
    first, second, third, fourth, fifth = PEOPLE[1:6]
    at = {first: 5, second: 5, third: 5, fourth: 9, fifth: 9}
    pressures = {n: _pressure(n, 160.0, k) for k, n in enumerate(at)}
    put(store, "event", events(*(pressures[n] for n in at if n != third)))
    for n, key in at.items():
        _lives_at(store, n, key, date(2020, 1, 1))
    refreshed()
    with acting_as("worker"):
        assert _homes() == {(first, second), (fourth, fifth)}
        kept = ListHome.objects.get(person_no=fourth).home_no
    # One more of the first home is listed, and one of it has moved.
    put(store, "event", events(pressures[third]))
    _lives_at(store, second, 7, date(2026, 8, 1))
    touch(store, 7, second, third)
    with acting_as("worker"):
        made = actions.start_delta(by="test")
        actions.run_inline(made.pk)
        found = _homes()
        assert found == {(first, third), (fourth, fifth)}
        assert ListHome.objects.get(person_no=fifth).home_no == kept
    refreshed()
    with acting_as("worker"):
        assert _homes() == found


def _lives_at(loader, n: int, home_key: int, since: date) -> None:
    loader.execute(
        "INSERT INTO residence (person_no, record_key, subject_key, lsoa_code,"
        " home_key, start_on, run_id) VALUES (%s, %s, 1, 'E01900001', %s, %s, 1)",
        [n, 900_000 + home_key, home_key, since],
    )


def _homes() -> set[tuple[int, ...]]:
    """Who shares a home with whom, by number."""
    homes: dict[int, list[int]] = {}
    rows = ListHome.objects.order_by("person_no").values_list("home_no", "person_no")
    for home_no, person_no in rows:
        homes.setdefault(home_no, []).append(person_no)
    return {tuple(people) for people in homes.values()}


def _pressure(n: int, value: float, key: int) -> dict[str, Any]:
    return event(
        "271649006",
        date(2026, 9, 1),
        person_no=n,
        value=value,
        record_key=700_000 + key,
    )
