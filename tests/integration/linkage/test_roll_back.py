"""A run taken back leaves the store as if it had never been."""

from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from linkage import actions, feed_actions, replays, roll_back
from linkage.models import FeedRun, RejectedRow, RunKeys
from linkage.roll_back import RefusedRollBackError, roll_back_run
from linkage.steps.pseudonymise import TABLES
from linkage.vault import deliveries
from linkage.vault.models import Delivery
from tests.integration.linkage.conftest import (
    ADA,
    EPISODE,
    EVE,
    LISTED,
    OBSERVATION,
    PATIENT,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
EVE_LISTED = {"NHS Number": EVE, "Given Name": "Eve", "Date of Birth": "1981-12-25"}
NEWER = {"model_updated_datetime": date(2026, 1, 1)}


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path: Path) -> None:
    settings.DELIVERIES = tmp_path / "deliveries"


@pytest.fixture
def whole(stored, vaulted):
    """Everything that the store holds of people, and the vault's own registrations."""

    def look() -> dict[str, list[tuple]]:
        found = {
            table: stored(f"SELECT * FROM {table} ORDER BY person_no, record_key")
            for table in TABLES
        }
        found["person"] = stored("SELECT * FROM person ORDER BY person_no")
        found["kept"] = vaulted("SELECT * FROM registration ORDER BY record_key")
        found["now"] = vaulted("SELECT * FROM current_registration ORDER BY person_no")
        found["identity"] = vaulted(
            "SELECT person_no, number, sex, died_on, type1_opt_out_on"
            " FROM person_identity ORDER BY person_no"
        )
        return found

    return look


def undo(run: FeedRun) -> FeedRun:
    return roll_back_run(run_id=run.pk, reason="wrong file", by="Mo")


def test_what_a_run_replaced_comes_back(deliver, whole) -> None:
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"}, name="one")
    before = whole()
    run = deliver(
        "gp_observation",
        OBSERVATION,
        {"snomed_concept_id": "38341003"} | NEWER,
        {"observation_id": "o3"},
        name="two",
    )
    assert whole()["event"] != before["event"]
    undone = undo(run)
    assert undone.state == FeedRun.State.UNDONE
    assert whole() == before
    assert not RunKeys.objects.filter(run=run).exists()
    assert undo(run).pk == run.pk  # again: nothing more


def test_repeats_that_a_later_file_brought_stand_in_its_place(deliver, stored) -> None:
    """A later run's rows were dropped because of this one; now they are its own."""
    deliver("gp_patient", PATIENT, {})
    first = deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    later = deliver(
        "gp_observation",
        OBSERVATION,
        {},
        {"observation_id": "o2"},
        {"observation_id": "o3"},
        name="later",
    )
    assert sums(later) == (3, 1, 0, 0, 2)
    undo(first)
    later.refresh_from_db()
    assert sums(later) == (3, 3, 0, 0, 0)
    assert stored("SELECT DISTINCT run_id FROM event") == [(later.pk,)]
    assert later.detail["again"] == first.pk


def test_files_that_share_no_row_are_left_alone(deliver, stored) -> None:
    deliver("gp_patient", PATIENT, {})
    other = deliver("gp_observation", OBSERVATION, {"observation_id": "a"}, name="a")
    run = deliver("gp_observation", OBSERVATION, {"observation_id": "b"}, name="b")
    undo(run)
    other.refresh_from_db()
    assert "again" not in other.detail
    assert stored("SELECT count(*) FROM event") == [(1,)]


def test_a_bad_list_takes_its_deaths_and_registrations_with_it(
    deliver, whole, stored, vaulted, postcodes
) -> None:
    deliver("registered_list", LISTED, {}, EVE_LISTED, name="registered_list_202608")
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {})
    before = whole()
    dead = {"Date of Death": "2026-09-01"}
    stranger = {"NHS Number": "", "Given Name": "Nobody", "Date of Birth": "1999-01-01"}
    run = deliver(
        "registered_list",
        LISTED,
        dead,
        EVE_LISTED | {"Primary Care Provider": "Z81002", "Postcode": "ZX2 2BB"},
        stranger,
        name="registered_list_202609",
    )
    assert stored("SELECT count(*) FROM person WHERE died_on IS NOT NULL") == [(1,)]
    undo(run)
    assert whole() == before
    assert vaulted("SELECT count(*) FROM source_record WHERE withdrawn")[0][0] >= 2


def test_who_was_taken_back_is_the_same_person_when_delivered_again(
    deliver, stored, vaulted
) -> None:
    """The index remembers who is who: journals already loaded find their patient."""
    bad = deliver("gp_patient", PATIENT, {"date_of_death": "2026-02-03"})
    deliver("gp_observation", OBSERVATION, {})
    ((person_no,),) = stored("SELECT person_no FROM person")
    undo(bad)
    assert stored("SELECT person_no FROM person") == []
    deliver("gp_patient", PATIENT, {}, name="mended")
    assert stored("SELECT person_no, died_on FROM person") == [(person_no, None)]
    assert stored("SELECT DISTINCT person_no FROM event") == [(person_no,)]
    again = deliver("gp_patient", PATIENT, {"date_of_death": "2026-02-03"}, name="bad2")
    assert again.state == FeedRun.State.UNDONE  # the same bytes: still taken back
    feed_actions.decide(run_id=again.pk, release=True, reason="it was true", by="Mo")
    feed_actions.take_in_waiting()
    assert stored("SELECT person_no, died_on::text FROM person") == [
        (person_no, "2026-02-03")
    ]
    assert vaulted("SELECT count(*) FROM source_record WHERE withdrawn") == [(0,)]


def test_a_spell_of_two_files_keeps_the_other_files_episode(deliver, whole) -> None:
    deliver("registered_list", LISTED, {})
    deliver("sus_apc", EPISODE, {}, name="sus_apc_RZ1_202526")
    before = whole()
    second = {"EPIKEY": "501", "EPIORDER": "0", "EPISTART": "2026-01-01"}
    run = deliver(
        "sus_apc", EPISODE, second, {"DIAG_01": "I500"}, name="sus_apc_RZ1_202627"
    )
    undo(run)
    assert whole() == before


def test_opt_outs_are_as_they_were(deliver, stored, vault_zone, tmp_path) -> None:
    deliver("gp_patient", PATIENT, {})
    out = {"snomed_concept_id": "827241000000103"}
    said = deliver("gp_observation", OBSERVATION, out)
    flags = "SELECT type1_opt_out_on::text, national_opt_out FROM person"
    assert stored(flags) == [("2025-02-03", False)]
    undo(said)
    assert stored(flags) == [(None, False)]
    runs = []
    for name, number in (("1", EVE), ("2", ADA)):
        path = tmp_path / f"national_data_opt_out_{name}.dat"
        path.write_text(f"{number},\n", encoding="utf-8")
        runs.append(
            actions.load_feed_file(feed="national_data_opt_out", path=path, by="test")
        )
    assert stored(flags) == [(None, True)]
    undo(runs[1])
    assert stored(flags) == [(None, False)]


def test_replays_go_with_their_run(deliver, stored) -> None:
    early = deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    assert sums(early) == (2, 0, 0, 2, 0)
    deliver("gp_patient", PATIENT, {})
    replay = replays.replay_run(run_id=early.pk, by="Mo")
    assert replay is not None
    assert stored("SELECT count(*) FROM event") == [(2,)]
    with pytest.raises(RefusedRollBackError, match="roll that one back"):
        undo(replay)
    undo(early)
    assert stored("SELECT count(*) FROM event") == [(0,)]
    replay.refresh_from_db()
    assert replay.state == FeedRun.State.UNDONE


def test_a_replay_that_shares_rows_is_read_again_from_its_origin(
    deliver, stored
) -> None:
    origin = deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    deliver("gp_patient", PATIENT, {})
    replays.replay_run(run_id=origin.pk, by="Mo")
    newer = deliver("gp_observation", OBSERVATION, NEWER, name="newer")
    undo(newer)
    assert stored("SELECT count(*), count(DISTINCT record_key) FROM event") == [(2, 2)]
    assert not RejectedRow.objects.filter(run=origin, replayed_in=None).exists()


def test_it_is_refused_where_a_file_is_no_longer_kept(deliver, stored) -> None:
    deliver("gp_patient", PATIENT, {})
    first = deliver("gp_observation", OBSERVATION, {}, name="first")
    run = deliver("gp_observation", OBSERVATION, NEWER, name="second")
    deliveries.forget(Delivery.objects.get(sha256=first.sha256))
    before = stored("SELECT * FROM event")
    with pytest.raises(RefusedRollBackError, match=r"first\.parquet .* not kept"):
        undo(run)
    assert stored("SELECT * FROM event") == before
    with pytest.raises(RefusedRollBackError, match="reason"):
        roll_back_run(run_id=run.pk, reason="", by="Mo")
    with pytest.raises(CommandError, match="not kept"):
        call_command("roll_back_run", str(run.pk), "--reason", "wrong")
    with pytest.raises(CommandError, match="no run 999999"):
        call_command("roll_back_run", "999999", "--reason", "wrong")


def test_one_that_was_broken_off_is_finished_later(deliver, whole, monkeypatch) -> None:
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {}, name="one")
    before = whole()
    run = deliver("gp_observation", OBSERVATION, NEWER, name="two")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(roll_back.store, "touch", killed)
        with pytest.raises(KeyboardInterrupt):
            undo(run)
    run.refresh_from_db()
    assert run.state == FeedRun.State.PUBLISHED
    assert feed_actions.take_in_waiting() == 1
    assert whole() == before
    run.refresh_from_db()
    assert run.state == FeedRun.State.UNDONE
    assert "undoing" not in run.detail


def test_whom_it_touched_is_told_to_everything_derived(
    deliver, stored, as_role
) -> None:
    deliver("gp_patient", PATIENT, {})
    run = deliver("gp_observation", OBSERVATION, {})
    undo(run)
    noted = FeedRun.objects.get(way=FeedRun.ROLL_BACK)
    assert noted.detail == {"undoes": run.pk, "read_again": []}
    touched = stored(f"SELECT count(*) FROM touched_person WHERE run_id = {noted.pk}")
    assert touched == [(1,)]
    told = as_role("audit_reader").execute(
        "SELECT subject, persons, detail->>'reason' FROM governance_auditevent"
        " WHERE event = 'feed_rolled_back'"
    )
    assert told.fetchall() == [("gp_observation", 1, "wrong file")]


def test_a_registration_that_a_bad_list_had_ended_is_open_again(deliver, whole) -> None:
    """The row that ended it goes by another key, since the name differs too."""
    deliver("registered_list", LISTED, {}, name="registered_list_202607")
    before = whole()
    ended = {
        "Family Name": "Marsh",
        "Primary Care Provider Business Effective To Date": "2026-08-15",
    }
    run = deliver("registered_list", LISTED, ended, name="registered_list_202609")
    assert whole()["registration"] != before["registration"]
    undo(run)
    assert whole() == before


def test_a_spell_whose_later_episode_alone_is_taken_back_stays(deliver, whole) -> None:
    deliver("registered_list", LISTED, {})
    deliver("sus_apc", EPISODE, {}, name="one")
    before = whole()
    second = {"EPIKEY": "501", "EPIORDER": "2", "DIAG_01": "N390"}
    run = deliver("sus_apc", EPISODE, second | {"SUSLDDATE": "2026-03-01"}, name="two")
    undo(run)
    assert whole() == before
