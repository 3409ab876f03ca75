"""A person's page: lanes by role, names for a reason, nobody of another network."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from governance.access import ACCESS
from linkage.feature_definitions import codelists
from linkage.models import CodelistVersion
from tests import live_system as system
from tests.accepted_codes import add_to_homeless
from tests.live_pages import page_of, sealed, words
from tests.live_people import ANNA, JACK, ODA, PIP, SEPTEMBER

pytestmark = pytest.mark.usefixtures("as_made")
ASTHMA = next(iter(codelists()["asthma"].terms.items()))


@pytest.fixture(scope="module")
def lives(live):
    """What happened to Anna and to Oda, so that their timelines have marks."""
    on = SEPTEMBER - timedelta(days=40)
    for someone, provider in ((ANNA, "RAA01"), (ODA, "RZZ99")):
        for setting, kind, urgency in (
            ("gp", "appointment", None),
            ("outpatient", "attendance", None),
            ("emergency", "attendance", "emergency"),
            ("admitted", "spell", "emergency"),
            ("mental_health", "ward_stay", None),
            ("community", "contact", None),
            ("social_care", "service", None),
        ):
            system.load_activity(
                someone.person_no,
                setting,
                kind,
                on,
                provider=f"{provider[:3]}{setting[:2].upper()}",
                urgency=urgency,
            )
    number = ANNA.person_no
    system.load_event(number, "observation", ASTHMA[0], on)
    system.load_event(number, "observation", "1234567890", on)
    system.load_event(number, "prescription", "0301011R0AAAPAP", on, system="bnf")
    system.load_event(number, "diagnosis", "J459", on, system="icd10")
    system.load_event(number, "observation", "99999999", SEPTEMBER + timedelta(days=1))
    return live


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_a_person_opens_for_the_roles_that_see_people(live, role):
    expected = 200 if "person" in ACCESS.roles[role].pages else 403
    response = live.client(role).get(page_of(live, ANNA, role))
    assert response.status_code == expected


LANES = {
    "gp": "General practice",
    "outpatient": "Outpatient",
    "emergency": "Emergency department",
    "admitted": "Hospital stays",
    "mental_health": "Mental health",
    "community": "Community services",
    "social_care": "Social care",
}


@pytest.mark.parametrize("role", ["pcn_mdt_member", "pcn_social_prescriber"])
def test_a_timeline_has_the_lanes_of_the_role_and_no_other(lives, role):
    page = words(lives.client(role).get(page_of(lives, ANNA, role)))
    allowed = ACCESS.roles[role].timeline
    drawn = re.findall(r'app-lanes__title" x="0"[^>]*>([^<]*)<', page)
    assert drawn == [title for lane, title in LANES.items() if lane in allowed]
    for lane in LANES:
        provider = f"RAA{lane[:2].upper()}"
        assert (provider in page) == (lane in allowed), lane
    assert "ward stay" not in page
    assert "RZZ" not in page


def test_a_prescriber_sees_nothing_that_comes_of_a_hospital(lives):
    page = words(
        lives.client("pcn_social_prescriber").get(
            page_of(lives, ANNA, "pcn_social_prescriber")
        )
    )
    for hidden in ("J459", "0301011R0AAAPAP", "spell", "Hospital frailty risk score"):
        assert hidden not in page
    assert "Your role does not see: " in page
    assert "hospital stays" in page
    assert ASTHMA[1] in page


def test_a_member_sees_codes_in_words_where_a_list_has_them(lives, mdt):
    page = words(mdt.get(page_of(lives, ANNA)))
    assert ASTHMA[1] in page
    assert "code 1234567890" in page
    assert "emergency spell" in page
    assert "Hospital frailty risk score" in page
    assert "7.50" in page
    # Dated after the release: the page is one consistent picture.
    assert "99999999" not in page
    told = system.audit_rows("person_viewed")[-1]
    assert (told["subject"], told["persons"]) == ("person", 1)
    assert str(ANNA.person_no) not in str(told)


def test_a_code_added_to_a_guarded_list_is_hidden_like_those_it_came_with(lives):
    role = "pcn_social_prescriber"
    shown = "code 1234567890"
    assert shown in words(lives.client(role).get(page_of(lives, ANNA, role)))
    with system.acting_as("worker"):
        add_to_homeless("1234567890")
    try:
        page = words(lives.client(role).get(page_of(lives, ANNA, role)))
        assert ASTHMA[1] in page
        assert shown not in page
        clinician = "pcn_clinician"
        seen = words(lives.client(clinician).get(page_of(lives, ANNA, clinician)))
        assert shown in seen
    finally:
        with system.acting_as("worker"):
            CodelistVersion.objects.all().delete()


def test_a_person_is_named_on_their_page_for_a_reason(lives, mdt):
    address = page_of(lives, ANNA)
    naming = reverse("reveal-person", args=[sealed(lives, ANNA)])
    assert ANNA.nhs_number not in words(mdt.get(address))
    page = words(mdt.post(naming, {"reason": "check_record"}, follow=True))
    assert "ANDERTON, Anna" in page
    assert ANNA.nhs_number in page
    assert "1 Harbour Row, ZZ1 9ZZ" in page
    lives.vault.is_down = True
    down = mdt.get(address)
    assert down.status_code == 200
    assert "Names cannot be shown at the moment" in words(down)
    assert ANNA.nhs_number not in words(down)
    lives.vault.is_down = False
    assert ANNA.nhs_number not in words(mdt.post(naming, {"reason": ""}, follow=True))


@pytest.mark.parametrize("someone", [ODA, PIP])
def test_another_networks_person_is_403_however_asked(live, mdt, someone):
    for reference in (
        sealed(live, someone),
        sealed(live, someone, "their_mdt"),
        "0" * 32,
    ):
        for name, send in (("person", mdt.get), ("reveal-person", mdt.post)):
            if name == "reveal-person" and reference == sealed(live, someone):
                continue  # nothing is shown by it; the vault refuses the name
            response = send(reverse(name, args=[reference]))
            assert response.status_code == 403


def test_who_has_opted_out_is_seen_for_their_own_care_only(live):
    for purpose, expected in (("population_health", 403), ("direct_care", 200)):
        client = live.client("pcn_mdt_member", purpose)
        address = page_of(live, JACK, purpose=purpose)
        assert client.get(address).status_code == expected


def test_a_reference_of_one_purpose_opens_nothing_in_another(live):
    client = live.client("pcn_mdt_member", "direct_care")
    assert client.get(page_of(live, ANNA)).status_code == 403
    own = page_of(live, ANNA, purpose="direct_care")
    assert client.get(own).status_code == 200
    assert own != page_of(live, ANNA)
