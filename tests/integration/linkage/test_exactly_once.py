"""Again, later, in the wrong order, in two processes, killed: always the same store."""

import os
import signal
import subprocess
import sys
from datetime import date

import psycopg
import pytest

from linkage import actions, store
from linkage.actions import settle_people
from linkage.models import FeedRun, RejectedRow, RunKeys
from linkage.replays import replay_introduced, replay_run
from linkage.roll_back import roll_back_run
from tests.conftest import ROOT
from tests.integration.linkage.conftest import (
    EPISODE,
    EVE,
    LISTED,
    OBSERVATION,
    PATIENT,
    RECEIVED_ON,
    delivered,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
EVENTS = "SELECT person_no, record_key, code, on_date, recorded_on FROM event"


def test_the_same_file_twice_changes_nothing(deliver, stored, vaulted) -> None:
    deliver("gp_patient", PATIENT, {})
    first = deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    before = stored(EVENTS + ", run_id ORDER BY record_key".replace(", run_id", ""))
    again = deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    assert again.pk == first.pk
    assert stored(EVENTS + " ORDER BY record_key") == before
    assert vaulted("SELECT count(*) FROM person") == [(1,)]


def test_the_same_rows_in_another_file_are_duplicates(deliver, stored) -> None:
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    again = deliver(
        "gp_observation",
        OBSERVATION,
        {"observation_id": "o2"},
        {},
        {"observation_id": "o3"},
        {"observation_id": "o3"},
        name="again",
    )
    assert sums(again) == (4, 1, 0, 0, 3)
    assert stored("SELECT count(*) FROM event") == [(3,)]


def test_rows_of_a_run_that_kept_no_filter_are_found_all_the_same(
    deliver, stored
) -> None:
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {})
    RunKeys.objects.all().delete()
    again = deliver(
        "gp_observation", OBSERVATION, {}, {"observation_id": "o2"}, name="x"
    )
    assert sums(again) == (2, 1, 0, 0, 1)
    assert stored("SELECT count(*) FROM event") == [(2,)]


@pytest.mark.parametrize("in_order", [True, False])
def test_the_later_version_of_a_row_stands_whichever_comes_first(
    deliver, stored, in_order
) -> None:
    deliver("gp_patient", PATIENT, {})
    old = {"numeric_value": 41.0}
    new = {"numeric_value": 44.0, "model_updated_datetime": date(2025, 3, 1)}
    files = [("old", old), ("new", new)] if in_order else [("new", new), ("old", old)]
    runs = [deliver("gp_observation", OBSERVATION, row, name=n) for n, row in files]
    assert stored("SELECT value, recorded_on::text FROM event") == [
        (44.0, "2025-03-01")
    ]
    assert sums(runs[1]) == ((1, 1, 0, 0, 0) if in_order else (1, 0, 0, 0, 1))


def test_the_later_of_two_versions_in_one_file_stands(deliver, stored) -> None:
    deliver("gp_patient", PATIENT, {})
    new = {"numeric_value": 44.0, "model_updated_datetime": date(2025, 3, 1)}
    run = deliver("gp_observation", OBSERVATION, new, {"numeric_value": 41.0})
    assert stored("SELECT value FROM event") == [(44.0,)]
    assert sums(run) == (2, 1, 0, 0, 1)


def test_versions_in_different_batches_meet_in_the_store(
    deliver, stored, monkeypatch
) -> None:
    monkeypatch.setattr("linkage.steps.read.ROWS_PER_BATCH", 1)
    deliver("gp_patient", PATIENT, {})
    new = {"numeric_value": 44.0, "model_updated_datetime": date(2025, 3, 1)}
    other = {"observation_id": "o2"}
    run = deliver("gp_observation", OBSERVATION, {}, new, other, other)
    assert sorted(stored("SELECT value FROM event"), key=str) == [(44.0,), (None,)]
    assert sums(run) == (4, 2, 0, 0, 2)
    assert run.facts == 2


def test_a_repeated_delivery_touches_nobody(deliver, stored) -> None:
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {})
    again = deliver("gp_observation", OBSERVATION, {}, {}, name="again")
    assert sums(again) == (2, 0, 0, 0, 2)
    assert stored(f"SELECT * FROM touched_person WHERE run_id = {again.pk}") == []


def test_facts_follow_a_record_that_changes_person_while_it_is_loaded(
    deliver, stored, vaulted, as_role, monkeypatch
) -> None:
    deliver("gp_patient", PATIENT, {})
    ((subject_key, person_no),) = vaulted("SELECT subject_key, person_no FROM link")
    loader: psycopg.Connection = as_role("loader")
    attach = store.Loading.attach

    def moved_meanwhile(*args, **kwargs):
        loader.execute(
            "INSERT INTO index_move (version, subject_key, from_no, to_no)"
            " VALUES (1000, %s, %s, 77), (1001, %s, 77, 78)",
            [subject_key, person_no, subject_key],
        )
        return attach(*args, **kwargs)

    monkeypatch.setattr(store.Loading, "attach", moved_meanwhile)
    deliver("gp_observation", OBSERVATION, {})
    assert stored("SELECT person_no FROM event") == [(78,)]
    assert (78,) in stored("SELECT person_no FROM touched_person")


def test_a_corrected_episode_loses_the_diagnoses_it_no_longer_has(
    deliver, stored
) -> None:
    deliver("sus_apc", EPISODE, {})
    corrected = {"DIAG_02": "", "DIAG_01": "I500", "SUSLDDATE": "2026-03-01"}
    deliver("sus_apc", EPISODE, corrected, name="later")
    codes = stored("SELECT code FROM event ORDER BY code")
    assert codes == [("I500",), ("X521",)]
    assert stored("SELECT reason_code FROM activity") == [("I500",)]


def test_a_row_that_moves_to_another_person_leaves_the_first(deliver, stored) -> None:
    """The correction is of the identity: the NHS number was a relative's."""
    eve = {"NHS Number": EVE, "Given Name": "Eve"}
    deliver("registered_list", LISTED, {}, eve)
    deliver("sus_apc", EPISODE, {})
    deliver(
        "sus_apc", EPISODE, {"NEWNHSNO": EVE, "SUSLDDATE": "2026-03-01"}, name="later"
    )
    assert stored("SELECT count(*), count(DISTINCT person_no) FROM event") == [(3, 1)]
    assert stored("SELECT count(*) FROM activity") == [(1,)]


def test_what_a_moved_row_no_longer_says_leaves_the_first_person_too(
    deliver, stored
) -> None:
    """The correction is of the identity, and takes every diagnosis away."""
    eve = {"NHS Number": EVE, "Given Name": "Eve"}
    deliver("registered_list", LISTED, {}, eve)
    deliver("sus_apc", EPISODE, {})
    ((first,),) = stored("SELECT DISTINCT person_no FROM event")
    bare = {name: "" for name in EPISODE if name.startswith("DIAG_")}
    later = {"NEWNHSNO": EVE, "SUSLDDATE": "2026-03-01"} | bare
    run = deliver("sus_apc", EPISODE, later, name="later")
    assert sums(run) == (1, 1, 0, 0, 0)
    assert stored(f"SELECT count(*) FROM event WHERE person_no = {first}") == [(0,)]
    assert stored(f"SELECT count(*) FROM activity WHERE person_no = {first}") == [(0,)]
    touched = stored(f"SELECT person_no FROM touched_person WHERE run_id = {run.pk}")
    assert (first,) in touched


def test_a_newer_list_ends_a_registration_and_an_older_one_does_not_reopen_it(
    deliver, stored
) -> None:
    ended = {"Primary Care Provider Business Effective To Date": "2026-08-15"}
    deliver("registered_list", LISTED, ended, name="registered_list_202609")
    deliver("registered_list", LISTED, {}, name="registered_list_202607")
    assert stored("SELECT end_on::text FROM registration") == [("2026-08-15",)]
    assert stored("SELECT practice_code FROM person") == [(None,)]


def test_what_waited_for_its_patient_is_replayed(deliver, stored, vaulted) -> None:
    run = deliver(
        "gp_observation",
        OBSERVATION,
        {},
        {"observation_id": "o2", "patient_id": "p-eve"},
    )
    assert sums(run) == (2, 0, 0, 2, 0)
    deliver("gp_patient", PATIENT, {})
    again = replay_run(run_id=run.pk, by="test")
    assert again is not None
    assert sums(again) == (2, 1, 0, 1, 0)
    assert stored("SELECT code FROM event") == [("44054006",)]
    replayed = RejectedRow.objects.filter(run=run).values_list(
        "row_number", "replayed_in"
    )
    assert sorted(replayed, key=str) == [(1, again.pk), (2, None)]
    assert vaulted("SELECT run_id, row_number FROM quarantine") == [(again.pk, 2)]
    assert replay_run(run_id=run.pk, by="test") is None


def test_what_came_before_its_patients_is_taken_in_once_they_have_come(
    deliver, stored, vaulted
) -> None:
    """By itself, each time only what can be somebody's now."""
    eves = {"observation_id": "o2", "patient_id": "p-eve"}
    run = deliver("gp_observation", OBSERVATION, {}, eves)
    assert replay_introduced() == 0
    deliver("gp_patient", PATIENT, {})
    assert replay_introduced() == 1
    again = FeedRun.objects.get(detail__replay_of=run.pk)
    assert sums(again) == (1, 1, 0, 0, 0)
    kept = "SELECT run_id, row_number FROM quarantine"
    assert vaulted(kept) == [(run.pk, 2)]
    assert replay_introduced() == 0
    # Eve's patient is told of later still; a replay that was killed is in nobody's way.
    killed = FeedRun.objects.create(
        feed="gp_observation",
        sha256="0" * 64,
        way="replay",
        state=FeedRun.State.RECEIVED,
        detail={"replay_of": run.pk},
    )
    deliver("gp_patient", PATIENT, {"patient_id": "p-eve", "nhs_number": EVE})
    assert replay_introduced() == 1
    assert vaulted(kept) == []
    assert stored("SELECT count(DISTINCT person_no) FROM event") == [(2,)]
    killed.refresh_from_db()
    assert killed.state == FeedRun.State.FAILED
    assert not RejectedRow.objects.filter(run=run, replayed_in=None).exists()


def test_a_replay_of_a_replay_is_rolled_back_with_its_first_run(
    deliver, stored
) -> None:
    eves = {"observation_id": "o2", "patient_id": "p-eve"}
    run = deliver("gp_observation", OBSERVATION, {}, eves)
    deliver("gp_patient", PATIENT, {})
    replay = replay_run(run_id=run.pk, by="test")
    assert replay is not None
    deliver("gp_patient", PATIENT, {"patient_id": "p-eve", "nhs_number": EVE})
    assert replay_introduced() == 1
    assert stored("SELECT count(*) FROM event") == [(2,)]
    roll_back_run(run_id=run.pk, reason="of another practice", by="test")
    assert stored("SELECT count(*) FROM event") == [(0,)]


class LostError(RuntimeError):
    pass


def lose(*_: object, **__: object) -> None:
    raise LostError


def test_a_load_that_fails_at_the_end_leaves_nothing_and_is_done_again(
    deliver, stored, vaulted, monkeypatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(store.Loading, "attach", lose)
        with pytest.raises(LostError):
            deliver("registered_list", LISTED, {}, {"Date of Birth": "x"})
    (run,) = FeedRun.objects.all()
    assert run.state == "failed"
    assert stored("SELECT count(*) FROM registration") == [(0,)]
    assert RejectedRow.objects.count() == 0
    assert stored("SELECT tablename FROM pg_tables WHERE schemaname='staging'") == []
    again = deliver("registered_list", LISTED, {}, {"Date of Birth": "x"})
    assert again.pk == run.pk
    assert again.state == "published"
    assert again.problem == ""
    assert stored("SELECT count(*) FROM registration") == [(1,)]
    assert vaulted("SELECT count(*) FROM person") == [(1,)]


def test_people_are_told_to_the_store_after_a_crash_between_the_two(
    deliver, stored, vaulted, monkeypatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(store, "write_people", lose)
        with pytest.raises(LostError):
            deliver("registered_list", LISTED, {})
    assert stored("SELECT count(*) FROM person") == [(0,)]
    assert settle_people() == 1
    assert stored("SELECT practice_code FROM person") == [("Z81001",)]
    assert vaulted("SELECT count(*) FROM pending_person") == [(0,)]
    assert settle_people() == 0


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
import django
django.setup()
from linkage import actions, store
point = sys.argv[1]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(*{"copied": (store.Loading, "attach"), "settling": (store, "write_people"),
          "linked": (store.Loading, "add")}[point], die)
actions.load_feed_file(feed="gp_observation", path=Path(sys.argv[2]), by="test",
                       received_on=date(2026, 9, 30))
"""


@pytest.mark.parametrize("point", ["linked", "copied", "settling"])
def test_a_killed_load_is_taken_up_by_the_next(
    deliver, stored, vault_zone, tmp_path, point
) -> None:
    deliver("gp_patient", PATIENT, {})
    rows = [{"observation_id": f"o{n}"} for n in range(5)]
    bad = {"observation_id": "o9", "snomed_concept_id": "?"}
    path = delivered(tmp_path / "gp_observation_2025.parquet", OBSERVATION, *rows, bad)
    environment = os.environ | {
        "CATCHMENT_PROCESS": "vault",
        "DATABASE_URL": os.environ["TEST_LOADER_DATABASE_URL"],
        "VAULT_DATABASE_URL": os.environ["TEST_VAULT_DATABASE_URL"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, point, str(path)],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    # Until the server notices, the dead process may still hold the run.
    run = actions.load_feed_file(
        feed="gp_observation", path=path, by="test", received_on=RECEIVED_ON
    )
    assert sums(run) == (6, 5, 1, 0, 0)
    assert stored("SELECT count(*) FROM event") == [(5,)]
    assert stored("SELECT tablename FROM pg_tables WHERE schemaname='staging'") == []
    assert RejectedRow.objects.filter(run=run).count() == 1


def test_one_file_is_loaded_by_one_process_at_a_time(deliver, as_role) -> None:
    deliver("gp_patient", PATIENT, {})
    run = FeedRun.objects.get()
    FeedRun.objects.update(state=FeedRun.State.RECEIVED)
    other: psycopg.Connection = as_role("loader")
    other.execute("SELECT pg_advisory_lock(%s, %s)", [store.RUN_LOCK, run.pk])
    with pytest.raises(store.RunBusyError):
        deliver("gp_patient", PATIENT, {})
    other.execute("SELECT pg_advisory_unlock(%s, %s)", [store.RUN_LOCK, run.pk])
    assert deliver("gp_patient", PATIENT, {}).state == "published"
