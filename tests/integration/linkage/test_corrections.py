"""Corrections: what a later version of a row takes away, and an older never returns."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from linkage import bulk, person_actions, store
from linkage.definitions import FEEDS
from tests.integration.linkage.conftest import (
    ADA,
    EPISODE,
    EVE,
    INDEXED,
    LISTED,
    PATIENT,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
EVENTS = "SELECT person_no, record_key, code, on_date, recorded_on FROM event"
CODES = "SELECT code FROM event ORDER BY code"
EVE_LISTED = {"NHS Number": EVE, "Given Name": "Eve"}
# Ada as the trust knew her, under another name and with a slip in her birth date.
MARRIED = {
    "PersonID": "T200",
    "NHSNumber": "",
    "Surname": "MARSH",
    "FirstName": "ADELAIDE",
    "BirthDate": "1950-07-03",
    "PostalCode": "ZX2 2BB",
}
MARRIED_EPISODE = {
    "LOPATID": "T200",
    "NEWNHSNO": "",
    "DOB": "1950-07-03",
    "HOMEADD": "ZX2 2BB",
}
INPATIENT = {
    "provider": "RZ1",
    "local_patient_id": "T100",
    "person_id": "M1",
    "nhs_number": ADA,
    "born_on": "1950-03-07",
    "sex": "2",
    "postcode": "ZX1 1AA",
}
MHSDS = {
    spec.headers[0]: INPATIENT.get(name, "1" if spec.required else "")
    for name, spec in FEEDS["mhsds_mpi"].columns.items()
}
STAY = {
    "UniqWardStayID": "W1",
    "OrgIDProv": "RZ1",
    "Person_ID": "M1",
    "StartDateWardStay": "2026-01-10",
    "EndDateWardStay": "",
    "HospitalBedTypeMH": "10",
}
STAYS = "SELECT end_on::text FROM activity"


def test_a_late_older_version_brings_nothing_back(deliver, stored) -> None:
    deliver("gp_patient", PATIENT, {})
    new = {"DIAG_02": "", "SUSLDDATE": "2026-03-01"}
    deliver("sus_apc", EPISODE, new, name="new")
    late = deliver("sus_apc", EPISODE, {}, name="old")
    assert sums(late) == (1, 0, 0, 0, 1)
    assert stored(CODES) == [("J449",), ("X521",)]


def test_of_two_corrections_in_one_file_only_the_later_is_heard(
    deliver, stored, monkeypatch
) -> None:
    deliver("gp_patient", PATIENT, {})
    deliver("sus_apc", EPISODE, {"DIAG_02": ""}, name="first")
    monkeypatch.setattr("linkage.steps.read.ROWS_PER_BATCH", 1)
    later = {"DIAG_02": "", "SUSLDDATE": "2026-03-01"}
    run = deliver("sus_apc", EPISODE, {"SUSLDDATE": "2026-02-20"}, later, name="both")
    assert sums(run) == (2, 1, 0, 0, 1)
    assert stored(CODES) == [("J449",), ("X521",)]


@pytest.mark.parametrize("in_order", [True, False])
def test_a_row_whose_number_and_local_id_were_both_wrong_has_one_person(
    deliver, stored, in_order
) -> None:
    deliver("registered_list", LISTED, {}, EVE_LISTED)
    right = {"NEWNHSNO": EVE, "LOPATID": "T101", "SUSLDDATE": "2026-03-01"}
    for row in ({}, right) if in_order else (right, {}):
        deliver("sus_apc", EPISODE, row, name=f"of_{row.get('LOPATID')}")
    assert stored("SELECT count(*), count(DISTINCT person_no) FROM event") == [(3, 1)]
    assert stored("SELECT count(*) FROM activity") == [(1,)]
    dates = stored("SELECT DISTINCT recorded_on::text FROM event")
    assert dates == [("2026-03-01",)]


def meanwhile(monkeypatch, work: Callable[[], Any]) -> None:
    """Let another process, as it were, do something just before facts are attached."""
    attach = store.Loading.attach
    told: list[Any] = []

    def apart() -> None:
        try:
            told.append(work())
        finally:
            connections.close_all()
            bulk.close_all()

    def attached(self: store.Loading, *args: Any, **kwargs: Any) -> store.Attached:
        thread = threading.Thread(target=apart)
        thread.start()
        thread.join()
        assert told
        return attach(self, *args, **kwargs)

    monkeypatch.setattr(store.Loading, "attach", attached)


def test_a_correction_finds_its_row_though_people_are_merged_meanwhile(
    deliver, stored, vaulted, monkeypatch
) -> None:
    deliver("registered_list", LISTED, {})
    deliver("trust_patient_index", INDEXED, MARRIED)
    deliver("sus_apc", EPISODE, MARRIED_EPISODE)
    one, other = (n for (n,) in vaulted("SELECT person_no FROM person ORDER BY 1"))
    meanwhile(
        monkeypatch, lambda: person_actions.merge_people(one=one, other=other, by="t")
    )
    corrected = MARRIED_EPISODE | {"DIAG_02": "", "SUSLDDATE": "2026-03-01"}
    deliver("sus_apc", EPISODE, corrected, name="later")
    found = stored("SELECT person_no, code FROM event ORDER BY code")
    assert found == [(one, "J449"), (one, "X521")]


def test_a_moved_row_is_found_though_its_former_person_is_merged_meanwhile(
    deliver, stored, vaulted, monkeypatch
) -> None:
    deliver("registered_list", LISTED, EVE_LISTED)
    deliver("trust_patient_index", INDEXED, MARRIED)
    deliver("sus_apc", EPISODE, MARRIED_EPISODE)
    deliver("registered_list", LISTED, {}, name="ada")
    ((eve,), *_) = vaulted("SELECT person_no FROM person ORDER BY 1")
    ((held,),) = stored("SELECT DISTINCT person_no FROM event")
    meanwhile(
        monkeypatch, lambda: person_actions.merge_people(one=eve, other=held, by="t")
    )
    right = {"NEWNHSNO": ADA, "DOB": "1950-03-07", "HOMEADD": "ZX1 1AA"}
    corrected = MARRIED_EPISODE | right | {"SUSLDDATE": "2026-03-01"}
    deliver("sus_apc", EPISODE, corrected, name="later")
    assert stored("SELECT count(*), count(DISTINCT person_no) FROM event") == [(3, 1)]


@pytest.mark.parametrize("in_order", [True, False])
def test_undated_rows_are_as_new_as_the_month_of_their_file(
    deliver, stored, in_order
) -> None:
    """A ward stay that lasts in January has ended in the file of February."""
    deliver("registered_list", LISTED, {})
    deliver("mhsds_mpi", MHSDS, {})
    files = [("202601", {}), ("202602", {"EndDateWardStay": "2026-02-02"})]
    runs = [
        deliver("mhsds_ward_stay", STAY, row, name=f"mhsds_ward_stay_{month}")
        for month, row in (files if in_order else reversed(files))
    ]
    assert stored(STAYS) == [("2026-02-02",)]
    assert sums(runs[1]) == ((1, 1, 0, 0, 0) if in_order else (1, 0, 0, 0, 1))


def test_an_undated_row_that_says_the_same_again_is_a_duplicate(
    deliver, stored
) -> None:
    deliver("registered_list", LISTED, {})
    deliver("mhsds_mpi", MHSDS, {})
    deliver("mhsds_ward_stay", STAY, {}, name="mhsds_ward_stay_202601")
    again = deliver("mhsds_ward_stay", STAY, {}, {}, name="mhsds_ward_stay_202602")
    assert sums(again) == (2, 0, 0, 0, 2)
    assert stored(f"SELECT * FROM touched_person WHERE run_id = {again.pk}") == []


def test_a_spell_is_told_by_its_first_episode_though_the_second_is_sent_again(
    deliver, stored
) -> None:
    deliver("gp_patient", PATIENT, {})
    second = {"EPIKEY": "501", "EPIORDER": "2", "DIAG_01": "N390", "TRETSPEF": "430"}
    deliver("sus_apc", EPISODE, {}, second)
    deliver("sus_apc", EPISODE, second | {"SUSLDDATE": "2026-03-01"}, name="later")
    assert stored("SELECT reason_code, specialty FROM activity") == [("J449", "300")]
    corrected = {"DIAG_01": "I500", "SUSLDDATE": "2026-03-02"}
    deliver("sus_apc", EPISODE, corrected, name="last")
    assert stored("SELECT reason_code, specialty FROM activity") == [("I500", "300")]


def test_a_spell_whose_episodes_differ_in_class_is_one_and_the_first_tells(
    deliver, stored
) -> None:
    deliver("gp_patient", PATIENT, {})
    second = {"EPIKEY": "501", "EPIORDER": "2", "CLASSPAT": "2", "TRETSPEF": "430"}
    deliver("sus_apc", EPISODE, second, {})
    assert stored("SELECT specialty FROM activity") == [("300",)]


def test_a_row_of_nobody_known_hides_no_repeat_that_somebody_has(
    deliver, stored, monkeypatch
) -> None:
    deliver("registered_list", LISTED, {})
    deliver("mhsds_mpi", MHSDS, {})
    monkeypatch.setattr("linkage.steps.read.ROWS_PER_BATCH", 1)
    run = deliver("mhsds_ward_stay", STAY, {"Person_ID": "M9"}, {})
    assert run.loaded == 1
    assert stored(STAYS) == [(None,)]


def test_a_list_that_comes_late_ends_nothing_that_a_later_one_confirmed(
    deliver, stored
) -> None:
    ended = {"Primary Care Provider Business Effective To Date": "2026-07-31"}
    deliver("registered_list", LISTED, {}, name="registered_list_202607")
    again = {"Preferred Language": "de"}
    deliver("registered_list", LISTED, again, name="registered_list_202609")
    deliver("registered_list", LISTED, ended, name="registered_list_202608")
    assert stored("SELECT end_on::text FROM registration") == [(None,)]
    assert stored("SELECT practice_code FROM person") == [("Z81001",)]
