"""Files of the team's list: one practice each, references or numbers, on record."""

import csv
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from tests import live_people as people
from tests import live_system as system
from tests.live_pages import EXPORT, LIST, sealed, words
from tests.live_people import ANNA, BERT, PROGRAMME

ADMITTED = people.reason(
    "emergency_admissions_12m", is_=3, emergency_admissions_prior_12m=1
)
pytestmark = pytest.mark.usefixtures("as_made")


def download(client, **form):
    response = client.post(EXPORT, form)
    assert response["Content-Type"].startswith("text/csv"), words(response)
    return list(csv.DictReader(io.StringIO(words(response)))), response


def test_a_file_holds_one_practice_and_references_only(live, mdt):
    rows, response = download(mdt, practice="Z81002", reason="")
    assert response["Content-Disposition"] == (
        f'attachment; filename="{PROGRAMME}_Z81002_2026-09-30.csv"'
    )
    assert response["Cache-Control"] == "no-store"
    assert [row["practice_code"] for row in rows] == ["Z81002"] * 3
    assert {row["nhs_number"] for row in rows} == {""}
    assert [row["rank"] for row in rows] == ["3", "4", "6"]
    told = system.audit_rows("list_exported")[-1]
    assert (told["persons"], told["detail"]["with_numbers"]) == (3, False)
    assert told["detail"]["practice"] == "Z81002"


def test_a_file_holds_nhs_numbers_for_a_reason(live, mdt):
    rows, _ = download(mdt, practice="Z81001", reason="export_to_gp_system")
    numbers = {row["rank"]: row["nhs_number"] for row in rows}
    # Ruth has died since: her row stands, her number does not.
    assert numbers == {"1": ANNA.nhs_number, "2": BERT.nhs_number, "5": ""}
    assert rows[0]["reasons"].startswith(
        f"Severe frailty, recorded 3 March 2026; {ADMITTED}"
    )
    assert "ANDERTON" not in str(rows)


def test_a_decision_travels_with_the_file(live, mdt):
    address = reverse("decide", args=[PROGRAMME, sealed(live, ANNA)])
    mdt.post(address, {"decision": "accept:suitable"})
    rows, _ = download(mdt, practice="Z81001", reason="")
    by_rank = {row["rank"]: row for row in rows}
    assert by_rank["1"]["decision"] == "Accepted"
    assert by_rank["1"]["decided_on"] == timezone.localdate().isoformat()
    assert by_rank["2"]["decision"] == ""


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"practice": "Z81005", "reason": ""}, "Choose one of your practices."),
        ({"practice": "", "reason": ""}, "Choose one of your practices."),
        ({"practice": "Z81001", "reason": "x"}, "Choose a reason"),
    ],
)
def test_a_file_of_anothers_practice_or_without_a_true_reason_is_refused(
    mdt, form, problem
):
    before = len(system.audit_rows("list_exported"))
    response = mdt.post(EXPORT, form)
    assert response.status_code == 400
    assert problem in words(response)
    assert len(system.audit_rows("list_exported")) == before


def test_without_the_vault_there_is_no_file_with_numbers(live, mdt):
    live.vault.is_down = True
    form = {"practice": "Z81001", "reason": "export_to_gp_system"}
    response = mdt.post(EXPORT, form)
    assert response.status_code == 400
    assert "Names cannot be shown at the moment" in words(response)
    assert response["Content-Type"].startswith("text/html")
    rows, _ = download(mdt, practice="Z81001", reason="")
    assert len(rows) == 3


def test_the_prescriber_takes_no_file_and_sees_no_way_to(live):
    client = live.client("pcn_social_prescriber")
    assert "Take the list to your GP system" not in words(client.get(LIST))
    assert client.post(EXPORT, {"practice": "Z81001"}).status_code == 403
