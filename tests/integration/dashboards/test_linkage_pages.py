"""The pages of linkage: who may open them, what they say, what they never say."""

import base64
from typing import Any

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from pyroaring import BitMap

from governance.access import ACCESS
from linkage.models import LinkageAudit
from tests import live_system as system
from tests.live_pages import words
from tests.live_people import ANNA, KATE, RUTH, SEPTEMBER

PAGES = {
    "linkage": "linkage",
    "linkage-queue": "linkage_review",
    "imported-lists": "import_list",
    "special-access": "special_access",
    "special-access-waiting": "approve_access",
}


def packed(people: range) -> str:
    return base64.b64encode(BitMap(people).serialize()).decode()


@pytest.fixture
def checked(live):
    """A check of a thousand records, of which two groups differ."""
    cells = []
    for group, first, right in (("White", 1, 800), ("Asian", 1001, 95)):
        tried = range(first, first + (800 if group == "White" else 100))
        cells.append(
            {
                "feed": "trust_patient_index",
                "ethnicity_group": group,
                "imd_fifth": "1" if group == "Asian" else "5",
                "age_band": "40-64",
                "tried": packed(tried),
                "right": packed(range(first, first + right)),
                "wrong": packed(range(first + right, first + right + 1)),
            }
        )
    with system.acting_as("loader"):
        audit = LinkageAudit.objects.create(
            as_of=SEPTEMBER,
            index_version=7,
            tried=900,
            cells=cells,
            sequences=[
                {
                    "kind": "activity_after_death",
                    "feed": "sus_apc",
                    "rows": 3,
                    "people": packed(range(1, 4)),
                }
            ],
            unlinked=[{"feed": "sus_apc", "rows_in": 2000, "unlinked": 50}],
        )
    yield audit
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE linkage_audit")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_a_page_opens_for_its_roles_alone(live, role, name) -> None:
    expected = 200 if PAGES[name] in ACCESS.roles[role].pages else 403
    assert live.client(role).get(reverse(name)).status_code == expected


def test_before_the_first_check_the_report_says_so(live) -> None:
    page = words(live.client("data_manager").get(reverse("linkage")))
    assert "have not been checked yet" in page


def test_the_report_says_for_whom_linking_fails(live, checked) -> None:
    page = words(live.client("data_manager").get(reverse("linkage")))
    assert "99.4% of records find their person again" in page
    assert "From 95.0% (Asian) to 100.0% (White)" in page
    assert "2.50%" in page
    assert "fewer than 8 people" in page


def test_a_figure_of_the_report_is_a_file_with_intervals(live, checked) -> None:
    client = live.client("system_analyst")
    address = reverse("linkage-csv", args=["recall-by-ethnicity-group"])
    said = client.get(address).content.decode()
    assert "Asian" in said
    assert "95" in said
    assert client.get(reverse("linkage-csv", args=["nothing"])).status_code == 404


def test_the_queue_stands_empty_without_pairs(live) -> None:
    page = words(live.client("linkage_reviewer").get(reverse("linkage-queue")))
    assert "No pair waits for you" in page
    missing = live.client("linkage_reviewer").get(reverse("linkage-pair", args=[9]))
    assert missing.status_code == 404


def test_a_vault_that_is_down_is_said_so(live, as_made) -> None:
    live.vault.is_down = True
    for role, name in (
        ("linkage_reviewer", "linkage-queue"),
        ("pcn_mdt_member", "special-access"),
    ):
        response = live.client(role).get(reverse(name))
        assert response.status_code == 503
        assert "does not answer" in response.content.decode()


def test_a_list_without_title_or_file_is_asked_for(live) -> None:
    client = live.client("pcn_mdt_member")
    address = reverse("imported-lists")
    for given, wanted in (
        ({}, "title"),
        ({"title": "Falls"}, "Choose a CSV file"),
    ):
        response = client.post(address, given)
        assert response.status_code == 400
        assert wanted in response.content.decode()


def test_a_list_of_nobody_known_is_counted(live) -> None:
    client = live.client("pcn_mdt_member", "direct_care")
    file = SimpleUploadedFile(
        "list.csv", b"surname,forename,date_of_birth\nYoung,Ada,1950-03-07\n"
    )
    response = client.post(
        reverse("imported-lists"), {"title": "Falls", "list": file}, follow=True
    )
    page = response.content.decode()
    assert "Of 1 rows 0 were matched, 1 not" in page
    assert "Falls" in page
    other = live.client("their_mdt", "direct_care").get(reverse("imported-lists"))
    assert "Falls" not in other.content.decode()


def asked(live, someone: Any, purpose: str = "direct_care") -> Any:
    from dashboards.selectors.worklist import reference

    viewer = live.viewer("pcn_mdt_member", purpose)
    address = reverse("special-access-ask", args=[reference(viewer, someone.person_no)])
    return live.client("pcn_mdt_member", purpose), address


def test_the_glass_is_broken_by_two_for_an_hour(live, as_made) -> None:
    """Ruth has died: her team is not told her name, until somebody else approves."""
    client, address = asked(live, RUTH)
    assert client.get(address).status_code == 200
    short = client.post(address, {"reason": "because"})
    assert short.status_code == 400
    client.post(address, {"reason": "Her daughter rang about the warfarin dose"})
    own = client.get(reverse("special-access")).content.decode()
    assert "waits for approval" in own
    assert RUTH.surname not in own
    lead = live.client("ig_lead")
    waiting = lead.get(reverse("special-access-waiting"))
    page = waiting.content.decode()
    assert "warfarin dose" in page
    assert RUTH.surname not in page
    request_id = waiting.context["requests"][0]["id"] if waiting.context else None
    if request_id is None:
        with system.connect("vault") as vault:
            (request_id,) = vault.execute("SELECT max(id) FROM break_glass").fetchone()
    decide = reverse("special-access-decide", args=[request_id])
    assert client.post(decide, {"answer": "approve"}).status_code == 403
    lead.post(decide, {"answer": "approve"})
    own = client.get(reverse("special-access")).content.decode()
    assert RUTH.surname in own
    with system.connect("vault") as vault:
        outcomes = vault.execute(
            "SELECT outcome FROM reveal_event ORDER BY id DESC LIMIT 1"
        ).fetchone()
        assert outcomes == ("revealed_by_special_access",)
        vault.execute("UPDATE break_glass SET expires_at = now() - interval '1 second'")
    own = client.get(reverse("special-access")).content.decode()
    assert "has ended" in own
    assert RUTH.surname not in own


def test_special_access_is_asked_and_used_for_direct_care_alone(live, as_made) -> None:
    """Under another purpose it opens nobody, and opt-outs of that purpose hold."""
    client, address = asked(live, RUTH)
    client.post(address, {"reason": "Her daughter rang about the warfarin dose"})
    elsewhere, there = asked(live, RUTH, "population_health")
    refused = elsewhere.post(there, {"reason": "To see who lives near the surgery"})
    assert refused.status_code == 400
    assert "is for direct care" in refused.content.decode()
    with system.connect("vault") as vault:
        vault.execute(
            "INSERT INTO break_glass (viewer_id, role, org_code, person_no, reason,"
            " asked_at) SELECT viewer_id, role, org_code, %s, reason, asked_at"
            " FROM break_glass ORDER BY id DESC LIMIT 1",
            [KATE.person_no],
        )
        vault.execute(
            "UPDATE break_glass SET approved_by = viewer_id + 1, approved_at = now(),"
            " expires_at = now() + interval '1 hour'"
        )
    own = reverse("special-access")
    for someone in (RUTH, KATE):
        assert someone.surname in client.get(own).content.decode()
        assert someone.surname not in elsewhere.get(own).content.decode()


def test_nobody_approves_their_own_and_a_refusal_opens_nothing(live, as_made) -> None:
    client, address = asked(live, ANNA)
    client.post(address, {"reason": "She cannot be found at her address"})
    with system.connect("vault") as vault:
        (request_id, viewer_id) = vault.execute(
            "SELECT id, viewer_id FROM break_glass ORDER BY id DESC LIMIT 1"
        ).fetchone()
        with pytest.raises(psycopg.errors.CheckViolation):
            vault.execute(
                "UPDATE break_glass SET approved_by = viewer_id WHERE id = %s",
                [request_id],
            )
    lead = live.client("ig_lead")
    decide = reverse("special-access-decide", args=[request_id])
    lead.post(decide, {"answer": "refuse"})
    again = lead.post(decide, {"answer": "approve"}, follow=True)
    assert "Somebody has answered this request" in again.content.decode()
    assert viewer_id == live.viewer("pcn_mdt_member").user_id
