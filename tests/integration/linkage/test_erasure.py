"""An erasure: nothing of a person stays, and nothing of them comes again."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from governance.retention import ERASURE
from linkage import actions, bulk, erasing
from linkage.models import FeedRun
from linkage.release import touched
from linkage.vault import deliveries, opt_outs, quarantine
from linkage.vault.models import BreakGlass
from tests import live_system as system
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
EVE_LISTED = {
    "NHS Number": EVE,
    "Family Name": "Oldcastle",
    "Given Name": "Eve",
    "Date of Birth": "1961-11-20",
    "Postcode": "ZX2 2BB",
    "Address Line 1": "2 Harbour Row",
}
NEWS = {"Preferred Language": "pl"}  # the same bytes would find their own run
NEW_HOME = {"address_line_1": "9 Harbour Row"}
FACTS = ("event", "activity", "registration", "residence", "person")


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path) -> None:
    settings.DELIVERIES = tmp_path / "deliveries"


@pytest.fixture
def erased_ada(deliver, postcodes, stored) -> Callable[..., erasing.Erasure]:
    """Ada and Eve of three sources, and a way to erase Ada."""
    deliver("registered_list", LISTED, {}, EVE_LISTED)
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, {})
    deliver("trust_patient_index", INDEXED, {})
    deliver("sus_apc", EPISODE, {})
    ((ada,),) = stored("SELECT DISTINCT person_no FROM event WHERE code = '44054006'")

    def erase(*feeds: str) -> erasing.Erasure:
        return erasing.erase_person(person_no=ada, feeds=feeds, erasure=7, by="test")

    return erase


def counts(read: Callable[[str], list[tuple]], tables: tuple[str, ...]) -> list[int]:
    return [read(f"SELECT count(*) FROM {table}")[0][0] for table in tables]


def test_facts_and_identifiers_go_and_somebody_elses_stay(
    erased_ada, stored, vaulted
) -> None:
    assert len(stored("SELECT * FROM person")) == 2
    done = erased_ada()
    assert done.removed["event"] >= 2
    assert done.removed["activity"] == 1
    # Eve has her registration, her address and herself, and no other fact.
    assert counts(stored, FACTS) == [0, 0, 1, 1, 1]
    assert len(vaulted("SELECT * FROM person_identity")) == 1
    people = {n for (n,) in vaulted("SELECT DISTINCT person_no FROM link")}
    assert len(people) == 1
    assert {n for (n,) in vaulted("SELECT person_no FROM known_identity")} == people
    assert {n for (n,) in vaulted("SELECT person_no FROM known_block")} == people
    # The number is never given to anybody else.
    assert len(vaulted("SELECT * FROM person")) == 2
    kinds = {kind for (kind,) in vaulted("SELECT kind FROM index_event")}
    assert "erase" in kinds


def test_the_next_delivery_brings_nothing_back(
    erased_ada, deliver, stored, vaulted
) -> None:
    erased_ada()
    again = deliver("registered_list", LISTED, NEWS, EVE_LISTED | NEWS, name="next")
    assert sums(again)[3] == 1
    assert again.detail["erased"] == 1
    moved = PATIENT | {"postcode": "ZX2 2BB", "surname": "Elsewhere"}
    by_id = deliver("gp_patient", PATIENT, moved | {"nhs_number": ""}, name="by_id")
    by_number = deliver(
        "gp_patient", PATIENT, moved | {"patient_id": "p-new"}, name="by_number"
    )
    nameless = {"patient_id": "p-other", "nhs_number": ""}
    by_name = deliver("gp_patient", PATIENT, nameless, name="by_name")
    # Who only refers to people is known by the source's own id.
    observed = deliver("gp_observation", OBSERVATION, {"observation_id": "o9"})
    stayed = deliver("sus_apc", EPISODE, {"EPIKEY": "501", "NEWNHSNO": ""}, name="next")
    for run in (by_id, by_number, by_name, observed, stayed):
        assert sums(run) == (1, 0, 0, 1, 0), run.feed
    assert counts(stored, FACTS) == [0, 0, 1, 1, 1]
    assert vaulted("SELECT count(*) FROM quarantine") == [(0,)]


def test_a_row_that_cannot_be_used_is_not_kept_for_a_replay(
    erased_ada, deliver, vaulted, monkeypatch
) -> None:
    monkeypatch.setattr(quarantine, "SLICE_ROWS", 2)
    wrong = {"Date of Birth": "not a day", "Primary Care Provider": ""}
    other = EVE_LISTED | wrong
    deliver("registered_list", LISTED, other, other, wrong, name="before")
    before = vaulted("SELECT count(*) FROM quarantine")[0][0]
    assert before == 3
    assert erased_ada().quarantined == 1
    held = wrong | {"Address Line 1": "3 Harbour Row"}
    deliver("registered_list", LISTED, held, name="after")
    assert vaulted("SELECT count(*) FROM quarantine") == [(2,)]


def test_only_what_some_feeds_told_goes(erased_ada, deliver, stored) -> None:
    done = erased_ada("gp_patient")
    assert set(done.removed) == {"event"}
    codes = {code for (code,) in stored("SELECT code FROM event")}
    assert "44054006" not in codes
    assert "J449" in codes
    assert len(stored("SELECT * FROM person")) == 2
    moved = {"address_line_1": "9 Harbour Row"}
    again = deliver("gp_patient", PATIENT, moved, name="next")
    assert sums(again) == (1, 0, 0, 1, 0)
    listed = deliver("registered_list", LISTED, {"Preferred Language": "cy"}, name="n")
    assert sums(listed)[3] == 0


def test_feeds_that_speak_of_whom_another_introduces_go_with_it() -> None:
    assert erasing.with_referring([]) == []
    found = erasing.with_referring(["gp_patient"])
    assert {"gp_patient", "gp_observation", "gp_medication"} <= set(found)
    assert "registered_list" not in found


def test_the_next_delta_is_told_of_it(erased_ada, stored) -> None:
    before = set(touched.marks())
    ((ada,),) = stored("SELECT DISTINCT person_no FROM event WHERE code = '44054006'")
    erased_ada()
    new = sorted(set(touched.marks()) - before)
    rows = stored(
        "SELECT DISTINCT person_no FROM touched_person"
        f" WHERE run_id IN ({', '.join(map(str, new))})"
    )
    assert (ada,) in rows


def test_an_erasure_that_was_killed_is_finished_by_the_next(
    erased_ada, stored, monkeypatch
) -> None:
    def lose(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(erasing, "_remove_facts", lose)
        with pytest.raises(KeyboardInterrupt):
            erased_ada()
    assert counts(stored, ("event",)) != [0]
    # Meanwhile another process tells the store what the vault knows now.
    actions.settle_people()
    erased_ada()
    assert counts(stored, FACTS) == [0, 0, 1, 1, 1]
    erased_ada()


def test_reading_a_kept_file_again_brings_nothing_back(
    erased_ada, deliver, stored
) -> None:
    first = FeedRun.objects.get(feed="registered_list")
    erased_ada()
    first.state = FeedRun.State.RECEIVED
    first.save()
    with deliveries.opened(first.sha256) as path:
        actions.load_file(first, path)
    assert sums(first)[3] == 1
    assert len(stored("SELECT * FROM person")) == 1


def test_a_token_made_elsewhere_is_known_again(erased_ada, deliver, vaulted) -> None:
    walk = {"namespace": "token_x", "token": "T-ADA", "nhs_number": ADA}
    deliver(
        "pseudonym_crosswalk", walk, {}, walk | {"token": "T-EVE", "nhs_number": EVE}
    )
    erased_ada()
    assert vaulted("SELECT token FROM crosswalk") == [("T-EVE",)]
    again = deliver("pseudonym_crosswalk", walk, {}, name="next")
    assert sums(again) == (1, 0, 0, 1, 0)


def test_keys_tell_nobody_whose_they_were(erased_ada, vaulted) -> None:
    erased_ada()
    columns = vaulted(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = 'erased_key' ORDER BY 1"
    )
    assert columns == [("erasure",), ("feed_no",), ("id",), ("key",)]
    assert len(vaulted("SELECT * FROM erased_key")) > 4


def test_rows_kept_aside_go_by_name_and_by_local_id_too(
    erased_ada, deliver, vaulted
) -> None:
    """Rows that state no NHS number, and that could not be used for another reason."""
    unnamed = {"patient_id": "", "nhs_number": ""}
    namesake = unnamed | {"date_of_birth": "1951-03-07"}
    deliver("gp_patient", PATIENT, unnamed, namesake, name="nameless")
    wrong = {"observation_id": "o7", "snomed_concept_id": "not a code"}
    others = wrong | {"observation_id": "o8", "patient_id": "p-eve"}
    deliver("gp_observation", OBSERVATION, wrong, others, name="wrong")
    assert vaulted("SELECT count(*) FROM quarantine") == [(4,)]
    assert erased_ada().quarantined == 2
    # And none of them is kept aside again.
    deliver("gp_patient", PATIENT, unnamed | NEW_HOME, namesake | NEW_HOME, name="n")
    deliver("gp_observation", OBSERVATION, wrong | {"observation_id": "o9"}, name="w")
    assert vaulted("SELECT count(*) FROM quarantine") == [(3,)]


def test_of_some_feeds_what_they_set_aside_goes_and_no_more(
    erased_ada, deliver, vaulted
) -> None:
    wrong = {"observation_id": "o7", "snomed_concept_id": "not a code"}
    deliver("gp_observation", OBSERVATION, wrong, name="wrong")
    deliver("sus_apc", EPISODE, {"EPIKEY": ""}, name="wrong")
    assert erased_ada("gp_patient").quarantined == 1
    assert len(vaulted("SELECT * FROM quarantine")) == 1


# What of a whole erasure still names the number, and by which word of erasure.yaml.
STAYS = {
    "person": "never given to anybody else",
    "index_event": "never given to anybody else",
    "break_glass": "special access",
}


def test_no_table_of_the_vault_knows_the_person_but_those_that_are_named(
    erased_ada, deliver, stored, vaulted, tmp_path
) -> None:
    """A new table with a number of a person stands above, or is emptied of it."""
    ((ada,),) = stored("SELECT DISTINCT person_no FROM event WHERE code = '44054006'")
    walk = {"namespace": "token_x", "token": "T-ADA", "nhs_number": ADA}
    deliver("pseudonym_crosswalk", walk, {})
    path = tmp_path / "national_data_opt_out_1.dat"
    path.write_text(f"{ADA},\n{EVE},\n", encoding="utf-8")
    actions.load_feed_file(feed="national_data_opt_out", path=path, by="test")
    with bulk.connect("vault") as vault:
        opt_outs.ask(vault)
        vault.commit()
    BreakGlass.objects.create(
        viewer_id=1, role="x", org_code="x", person_no=ada, reason="a fall"
    )
    ((number,),) = vaulted(f"SELECT number FROM person_identity WHERE person_no={ada}")
    columns = vaulted(
        "SELECT table_name, column_name FROM information_schema.columns WHERE"
        " table_schema = 'public' AND column_name IN ('person_no', 'number')"
        " AND table_name IN (SELECT tablename FROM pg_tables)"
    )
    names = {"person_no": str(ada), "number": f"'\\x{bytes(number).hex()}'::bytea"}

    def known() -> set[str]:
        return {
            table
            for table, column in columns
            if vaulted(
                f"SELECT 1 FROM {table} WHERE {column} = {names[column]} LIMIT 1"
            )
        }

    assert known() >= {
        "national_opt_out",
        "national_opt_out_asked",
        "crosswalk",
        "link",
    }
    erased_ada()
    assert known() == set(STAYS)
    for said in STAYS.values():
        assert any(said in line for line in ERASURE.stays), said
    # The next list of opt-outs does not bring the number back either.
    path = tmp_path / "national_data_opt_out_2.dat"
    path.write_text(f"{EVE},\n{ADA},\n", encoding="utf-8")
    actions.load_feed_file(feed="national_data_opt_out", path=path, by="test")
    assert vaulted("SELECT count(*) FROM national_opt_out") == [(1,)]


@pytest.fixture
def governing(erased_ada) -> tuple[str, str]:
    """The user names of two people who govern, as accounts."""
    with system.acting_as("worker"):
        system.page_builders.make_organisations()
    for role in ("ig_lead", "caldicott_guardian", "data_manager"):
        system.make_user(role, system.page_builders.ICB, name=role)
    return "ig_lead", "caldicott_guardian"


def test_lifted_the_person_comes_with_the_next_delivery(
    erased_ada, governing, deliver, stored
) -> None:
    by, agreed_by = governing
    erased_ada()
    for one, other, why in (
        (by, by, "Somebody else"),
        (by, "nobody", "nobody has no account"),
        ("data_manager", agreed_by, "data_manager has no account"),
    ):
        with pytest.raises(CommandError, match=why):
            call_command("lift_erasure", "7", by=one, agreed_by=other)
    told = StringIO()
    call_command("lift_erasure", "7", by=by, agreed_by=agreed_by, stdout=told)
    assert "next national list" in told.getvalue()
    with pytest.raises(CommandError, match="keeps anything out"):
        call_command("lift_erasure", "7", by=by, agreed_by=agreed_by)
    again = deliver("registered_list", LISTED, NEWS, EVE_LISTED | NEWS, name="next")
    assert sums(again)[3] == 0
    assert len(stored("SELECT * FROM person")) == 2


@pytest.mark.parametrize(
    "spoilt",
    [
        "UPDATE governance_user SET is_active = false",
        "UPDATE governance_user SET trained_until = '2020-01-01'",
        "UPDATE governance_grant SET end_on = current_date",
    ],
)
def test_who_may_not_decide_today_lifts_nothing(governing, as_role, spoilt) -> None:
    for name in governing:
        assert erasing.may_decide(name)
    as_role("worker").execute(spoilt)
    for name in governing:
        assert not erasing.may_decide(name)
