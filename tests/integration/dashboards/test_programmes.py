"""What came of programmes, protected; the public register; the list as FHIR."""

import json
from datetime import date

import polars as pl
import pytest
from django.test import Client
from django.urls import reverse
from fhir.resources.R4B.bundle import Bundle
from pyroaring import BitMap

from dashboards.actions import change, decide, tally_programmes
from dashboards.actions import tallies as tallies_module
from dashboards.definitions import LISTS
from dashboards.models import Allocation, ProgrammeTally
from dashboards.selectors import worklist
from governance import access
from governance.access import ACCESS
from tests import live_system as system
from tests.live_pages import sealed, words
from tests.live_people import ANNA, BERT, OURS, PROGRAMME, RUTH

pytestmark = pytest.mark.usefixtures("as_made")
PAGE = reverse("programme", args=[PROGRAMME])
PLACES = reverse("programmes")
FHIR = reverse("list-fhir", args=[PROGRAMME])


def counted():
    with system.acting_as("worker"):
        return tally_programmes()


def people_of(measure, practice):
    with system.acting_as("worker"):
        row = ProgrammeTally.objects.get(
            programme=PROGRAMME, measure=measure, practice_code=practice
        )
    return set(BitMap.deserialize(bytes(row.persons)))


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_programme_pages_open_for_the_roles_that_name_them(live, role):
    counted()
    expected = 200 if "programme" in ACCESS.roles[role].pages else 403
    client = live.client(role)
    for address in (PAGE, PLACES, reverse("programme", args=["remote_monitoring"])):
        assert client.get(address).status_code == expected
    exports = "export_list" in ACCESS.roles[role].pages
    assert client.get(FHIR).status_code == (200 if exports else 403)


def test_each_decision_is_counted_where_it_was_taken_and_an_undone_one_is_not(live):
    viewer = live.viewer("pcn_mdt_member")
    for someone, choice, reason in (
        (ANNA, "accept", "suitable"),
        (BERT, "decline", "too_well"),
    ):
        with access.scoped(viewer):
            decide(
                programme=PROGRAMME,
                person_no=someone.person_no,
                choice=choice,
                reason=reason,
                by=viewer,
            )
    counted()
    assert people_of("accept", "Z81001") == {ANNA.person_no}
    assert people_of("decided", "Z81001") == {ANNA.person_no, BERT.person_no}
    listed = people_of("listed", "Z81001")
    assert {ANNA.person_no, BERT.person_no} <= listed


def test_a_place_sees_no_small_count(live):
    """Six people of the demonstration's networks are on the list: too few to show."""
    counted()
    page = words(live.client("place_lead").get(PLACES))
    assert "Northgate East PCN" in page
    assert "fewer than 8 people" in page
    assert "Southmoor East PCN" not in page
    for someone in OURS:
        assert str(someone.person_no) not in page


def test_before_and_after_never_stands_without_its_warning(live):
    viewer = live.viewer("pcn_mdt_member")
    with access.scoped(viewer):
        decide(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            choice="accept",
            reason="suitable",
            by=viewer,
        )
    counted()
    page = words(live.client("place_lead").get(PAGE))
    assert "This is not the programme's effect." in page
    assert page.index("This is not the programme") < page.index("Per 100 people")


def test_the_register_is_open_to_everyone_and_says_how_to_object():
    page = words(Client().get(reverse("programme-register")))
    for spec in LISTS.values():
        assert spec.title in page
        assert " ".join(spec.in_plain_words.offered.split()) in " ".join(page.split())
    assert "How to say no" in page
    assert "Type 1 opt-out" in page


def test_the_list_as_fhir_names_people_by_their_sealed_reference_alone(live, mdt):
    response = mdt.get(FHIR)
    assert response["Content-Type"] == "application/fhir+json"
    given = json.loads(response.content)
    group, listed = (entry["resource"] for entry in given["entry"])
    Bundle.model_validate(given)
    expected = {sealed(live, s) for s in OURS}
    for who in (
        [m["entity"] for m in group["member"]],
        [e["item"] for e in listed["entry"]],
    ):
        assert {w["identifier"]["value"] for w in who} == expected
    for someone in OURS:
        for told in (someone.surname, someone.nhs_number, str(someone.person_no)):
            assert told not in response.content.decode()
    row = system.audit_rows("list_exported")[-1]
    assert (row["persons"], row["detail"]["form"]) == (len(OURS), "fhir")


def test_a_file_has_the_columns_of_its_form(live, mdt):
    export = reverse("list-export", args=[PROGRAMME])
    asked = {"practice": "Z81001", "reason": "check_record", "form": "numbers_only"}
    lines = words(mdt.post(export, asked)).splitlines()
    assert lines[0] == "NHS Number"
    assert ANNA.nhs_number in lines
    unknown = mdt.post(export, asked | {"form": "anything"})
    assert unknown.status_code == 400


def test_codes_to_add_are_of_steps_that_were_done_alone(live, mdt):
    """Not of who is undecided, turned down or only offered it; the step as offered."""
    viewer = live.viewer("pcn_mdt_member")
    with access.scoped(viewer):
        for someone, choice, reason, step in (
            (ANNA, "accept", "suitable_other", "home_visit_review"),
            (BERT, "accept", "suitable", ""),
            (RUTH, "decline", "too_well", ""),
        ):
            decide(
                programme=PROGRAMME,
                person_no=someone.person_no,
                choice=choice,
                reason=reason,
                step=step,
                by=viewer,
            )
    asked = {"practice": "Z81001", "reason": "check_record", "form": "code_to_add"}
    export = reverse("list-export", args=[PROGRAMME])
    heading = "NHS Number,SNOMED code,Date"
    assert words(mdt.post(export, asked)).splitlines() == [heading]
    with access.scoped(viewer):
        change(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            kind="done",
            detail={"on": "2026-11-15"},
            seen_version=1,
            by=viewer,
        )
    assert words(mdt.post(export, asked)).splitlines() == [
        heading,
        f"{ANNA.nhs_number},823581000000101,2026-11-15",
    ]
    assert system.audit_rows("list_exported")[-1]["persons"] == 1


def test_a_file_holds_everybody_decided_on_and_not_the_page_s_newest(
    live, mdt, monkeypatch
):
    viewer = live.viewer("pcn_mdt_member")
    with access.scoped(viewer):
        for someone in (ANNA, BERT):
            decide(
                programme=PROGRAMME,
                person_no=someone.person_no,
                choice="later",
                reason="no_capacity",
                by=viewer,
            )
        shown = worklist.worklist(viewer, PROGRAMME, most_decided=1)
        assert len(shown.decided) == 1
    monkeypatch.setattr(worklist, "DECIDED_SHOWN", 1)
    asked = {"practice": "Z81001", "reason": "", "form": "full"}
    rows = words(mdt.post(reverse("list-export", args=[PROGRAMME]), asked))
    assert rows.count("Later") == 2


def test_a_comparison_of_few_people_shows_nothing_and_of_many_its_balance(
    live, monkeypatch
):
    spec = LISTS["remote_monitoring"]
    day = date(2025, 6, 1)
    with system.acting_as("worker"):
        Allocation.objects.bulk_create(
            Allocation(
                programme="remote_monitoring",
                practice_code="Z81001",
                person_no=n,
                arm="offer" if n % 2 else "usual",
                starts_on=day,
                drawn_on=day,
                release_id=1,
                traits={
                    "age_years": 60 + n % 7,
                    "condition_count": 2,
                    "emergency_admissions_12m": 1,
                },
            )
            for n in range(1, 61)
        )
        after = pl.DataFrame(
            {"person_no": pl.Series(range(1, 61), dtype=pl.Int32)}
            | {name: [float(n % 2) for n in range(1, 61)] for name in spec.outcomes}
        )
        monkeypatch.setattr(tallies_module.store, "profile", lambda *_: after)
        found = tallies_module._compared(
            "remote_monitoring", spec, 2, date(2026, 9, 30)
        ).detail
        early = tallies_module._compared(
            "remote_monitoring", spec, 2, date(2026, 1, 30)
        ).detail
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE list_allocation")
    with system.acting_as("worker"):
        none = tallies_module._compared(
            "remote_monitoring", spec, 2, date(2026, 9, 30)
        ).detail
    assert [row["trait"] for row in found["balance"]][0] == "age_years"
    assert found["is_whole"]
    assert {round(e["difference"], 6) for e in found["effects"]} == {1.0}
    assert (early["is_whole"], early["effects"]) == (False, [])
    assert none == {"balance": [], "effects": [], "is_whole": False}
