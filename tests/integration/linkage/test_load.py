"""From delivered files to the store: what is kept, what is counted, what is told."""

from datetime import date
from pathlib import Path

import pytest
from django.db import IntegrityError

from linkage.models import FeedRun, RejectedRow
from linkage.steps.read import UnreadableFileError
from linkage.vault.store import identities
from tests.integration.linkage.conftest import (
    ADA,
    EPISODE,
    EVE,
    INDEXED,
    LISTED,
    OBSERVATION,
    PATIENT,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
PERSON = (
    "SELECT sex, birth_month::text, ethnicity, practice_code, lsoa_code,"
    " in_care_home, died_on::text FROM person"
)


def test_a_person_is_told_by_every_source_and_kept_without_identifiers(
    deliver, postcodes, stored, vaulted
) -> None:
    deliver("registered_list", LISTED, {})
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    deliver("trust_patient_index", INDEXED, {})
    run = deliver("sus_apc", EPISODE, {})
    assert sums(run) == (1, 1, 0, 0, 0)
    assert stored(PERSON) == [
        ("F", "1950-03-01", "H", "Z81001", "E01900001", False, None)
    ]
    assert stored("SELECT code FROM event ORDER BY code") == [
        ("44054006",),
        ("44054006",),
        ("I10X",),
        ("J449",),
        ("X521",),
    ]
    assert stored("SELECT practice_code, start_on::text FROM registration") == [
        ("Z81001", "2001-05-09")
    ]
    assert stored("SELECT lsoa_code, in_care_home FROM residence") == [
        ("E01900001", False)
    ]
    assert vaulted("SELECT count(*) FROM person") == [(1,)]
    (known,) = identities([1])
    assert (known.nhs_number, known.surname, known.postcode) == (
        ADA,
        "Youngblood",
        "ZX1 1AA",
    )
    assert vaulted("SELECT practice_code FROM current_registration") == [("Z81001",)]


@pytest.mark.parametrize("table", ["person", "event", "activity", "registration"])
def test_no_identifier_reaches_the_store(deliver, stored, table) -> None:
    deliver("registered_list", LISTED, {})
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {})
    deliver("sus_apc", EPISODE, {})
    told = " ".join(str(row) for row in stored(f"SELECT t::text FROM {table} t"))
    assert told
    for hidden in (ADA, "oungblood", "ZX1", "p-ada", "T100", "1950-03-07", "Harbour"):
        assert hidden not in told


def test_a_spell_is_one_activity_of_several_episodes(deliver, stored) -> None:
    second = {"EPIKEY": "501", "EPIORDER": "2", "EPISTART": "2026-01-05"}
    deliver("sus_apc", EPISODE, second | {"DIAG_01": "I500"}, {})
    assert stored(
        "SELECT start_on::text, end_on::text, urgency, reason_code, specialty, cost_gbp"
        " FROM activity"
    ) == [("2026-01-02", "2026-01-09", 1, "J449", "300", 2009.0)]
    dated = stored("SELECT on_date::text FROM event WHERE code = 'I500'")
    assert dated == [("2026-01-05",)]


def test_a_national_row_without_a_number_links_through_its_providers_index(
    deliver, vaulted
) -> None:
    deliver("registered_list", LISTED, {})
    deliver("trust_patient_index", INDEXED, {})
    nameless = {"NEWNHSNO": "", "HOMEADD": "ZZ99 3VZ"}
    run = deliver(
        "sus_apc", EPISODE, nameless, {"LOPATID": "T9", "EPIKEY": "9"} | nameless
    )
    assert sums(run) == (2, 1, 0, 1, 0)
    assert vaulted("SELECT rule FROM link WHERE rule = 'local_identifier'") == [
        ("local_identifier",)
    ]
    assert [r.rule for r in RejectedRow.objects.filter(run=run)] == ["unlinked"]


def test_a_row_dated_before_its_patient_was_born_waits_in_quarantine(deliver) -> None:
    deliver("gp_patient", PATIENT, {})
    run = deliver(
        "gp_observation",
        OBSERVATION,
        {"effective_datetime": date(1950, 3, 1)},  # the month of birth will do
        {"observation_id": "o2", "effective_datetime": date(1950, 2, 28)},
    )
    assert sums(run) == (2, 1, 1, 0, 0)
    (rejected,) = RejectedRow.objects.filter(run=run)
    assert (rejected.row_number, rejected.rule, rejected.field, rejected.fate) == (
        2,
        "before_birth",
        "effective_datetime",
        "quarantined",
    )


def test_a_death_comes_by_token_and_ends_the_registration(
    deliver, stored, vaulted
) -> None:
    token = "a" * 64
    crosswalk = {"namespace": "dscro", "token": token, "nhs_number": ADA}
    deliver("pseudonym_crosswalk", crosswalk, {})
    deliver("registered_list", LISTED, {})
    death = {
        "Pseudo NHS Number": token,
        "DEC_SEX": "2",
        "REG_DATE_OF_DEATH": "2026-08-01",
        "REG_DATE": "2026-08-05",
        "REG_ENTRY_NUMBER": "1",
        "S_UNDERLYING_COD_ICD10": "I219",
    }
    unknown = {"Pseudo NHS Number": "b" * 64, "REG_ENTRY_NUMBER": "2"}
    run = deliver("ons_deaths", death, {}, unknown)
    assert sums(run) == (2, 1, 0, 1, 0)
    assert stored("SELECT died_on::text, practice_code FROM person") == [
        ("2026-08-01", None)
    ]
    assert vaulted("SELECT count(*) FROM current_registration") == [(0,)]


def test_a_type_1_opt_out_stands_until_it_is_withdrawn(deliver, stored) -> None:
    deliver("gp_patient", PATIENT, {})
    out, back = "827241000000103", "827261000000102"
    deliver("gp_observation", OBSERVATION, {"snomed_concept_id": out})
    flags = "SELECT type1_opt_out_on::text, national_opt_out FROM person"
    assert stored(flags) == [("2025-02-03", False)]
    later = {"observation_id": "o2", "effective_datetime": date(2026, 1, 1)}
    deliver(
        "gp_observation",
        OBSERVATION,
        later | {"snomed_concept_id": back},
        name="gp_observation_2026",
    )
    assert stored(flags) == [(None, False)]


def test_the_national_list_is_taken_whole_each_time(
    vault_zone, deliver, stored, tmp_path
) -> None:
    from linkage.actions import load_feed_file

    def take(name: str, *numbers: str) -> FeedRun:
        path = tmp_path / name
        path.write_text("".join(f"{n},\n" for n in numbers), encoding="utf-8")
        return load_feed_file(feed="national_data_opt_out", path=path, by="test")

    run = take("national_data_opt_out_1.dat", ADA, "9990000034", "123")
    assert sums(run) == (3, 2, 1, 0, 0)
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    flags = "SELECT national_opt_out FROM person ORDER BY person_no"
    assert sorted(stored(flags)) == [(False,), (True,)]
    take("national_data_opt_out_2.dat", EVE)
    assert sorted(stored(flags)) == [(False,), (True,)]
    take("national_data_opt_out_3.dat", "9990000034")
    assert stored(flags) == [(False,), (False,)]


def test_ethnicity_is_the_best_known(deliver, stored) -> None:
    """GP before trust, stated before not stated, whichever came last."""
    deliver("registered_list", LISTED, {})
    deliver("trust_patient_index", INDEXED, {})
    best = "SELECT ethnicity, ethnicity_source FROM person"
    assert stored(best) == [("A", "trust_patient_index")]
    not_stated = {"ethnicity_code": "Z"}
    deliver("gp_patient", PATIENT, not_stated, name="gp_patient_202608")
    assert stored(best) == [("A", "trust_patient_index")]
    deliver("gp_patient", PATIENT, {}, name="gp_patient_202609")
    assert stored(best) == [("H", "gp_patient")]


def test_a_lost_header_fails_the_run_and_says_which(
    deliver, vault_zone, tmp_path: Path
) -> None:
    renamed = {k.replace("patient_id", "patient_key"): v for k, v in PATIENT.items()}
    with pytest.raises(UnreadableFileError, match="patient_id"):
        deliver("gp_patient", renamed, {})
    run = FeedRun.objects.get()
    assert run.state == "failed"
    assert "patient_id" in run.problem


def test_the_database_refuses_a_run_that_does_not_add_up(vault_zone) -> None:
    with pytest.raises(IntegrityError, match="rows_are_conserved"):
        FeedRun.objects.create(
            feed="gp_patient",
            sha256="0" * 64,
            state=FeedRun.State.PUBLISHED,
            rows_in=3,
            loaded=1,
            quarantined=1,
            by="test",
        )


def test_a_load_is_audited_with_its_people(deliver, as_role) -> None:
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    reader = as_role("audit_reader")
    rows = reader.execute(
        "SELECT event, subject, persons FROM governance_auditevent"
    ).fetchall()
    assert rows == [("feed_loaded", "registered_list", 2)]


def test_values_left_blank_are_counted_in_the_run(deliver) -> None:
    run = deliver(
        "gp_patient",
        PATIENT,
        {"nhs_number": "9990000019", "date_of_birth": "1950-02-30"},
    )
    assert run.detail["blanked"] == {
        "nhs_number: failed_check": 1,
        "date_of_birth: not_a_date": 1,
    }


def test_a_run_names_the_index_that_it_was_linked_by(deliver, vaulted) -> None:
    first = deliver("registered_list", LISTED, {})
    second = deliver("gp_patient", PATIENT, {})
    ((newest,),) = vaulted("SELECT max(version) FROM index_version")
    assert 1 <= first.detail["index_version"] < newest
    assert second.detail["index_version"] == newest
