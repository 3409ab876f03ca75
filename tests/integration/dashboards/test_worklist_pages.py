"""The team's list as each role meets it, who is missing, and names for a reason."""

import re
from datetime import timedelta
from unittest import mock

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from dashboards.selectors import reveals, worklist_missing
from governance.access import ACCESS
from linkage.definitions import FEEDS
from linkage.release import selectors as release
from linkage.vault.service import policy
from tests import live_people as people
from tests import live_system as system
from tests.live_pages import EXPORT, LIST, MISSING, NAMES, page_of, sealed, words
from tests.live_people import (
    ANNA,
    BERT,
    CORA,
    DREW,
    ODA,
    OURS,
    PIP,
    PROGRAMME,
    RUTH,
    SAM,
)

pytestmark = pytest.mark.usefixtures("as_made")
ADMITTED = people.reason(
    "emergency_admissions_12m", is_=3, emergency_admissions_prior_12m=1
)
PAGES = {
    "worklists": ("worklist", reverse("worklists")),
    "worklist": ("worklist", LIST),
    "missing": ("worklist", MISSING),
    "export": ("export_list", EXPORT),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_a_page_opens_for_the_roles_that_name_it(live, role, name):
    page, address = PAGES[name]
    expected = 200 if page in ACCESS.roles[role].pages else 403
    assert live.client(role).get(address).status_code == expected


def test_a_refused_page_is_on_record(live):
    live.client("place_lead").get(LIST)
    told = system.audit_rows("page_refused")[-1]
    assert (told["user_id"], told["subject"]) == (
        live.users["place_lead"].pk,
        "worklist",
    )
    assert told["outcome"] == "refused"


def test_the_list_says_why_each_of_our_people_is_on_it(live, mdt):
    page = words(mdt.get(LIST))
    assert page.count('<li class="app-card"') == len(OURS)
    shown = [sealed(live, s) for s in (ANNA, BERT, CORA, DREW, RUTH, SAM)]
    places = [page.index(f'id="p-{each}"') for each in shown]
    assert places == sorted(places)
    for sentence in (
        "Severe frailty, recorded 3 March 2026",
        ADMITTED,
        "Open referral with community services",
        "Needs an interpreter",
        "about 6 in 10 people like this",
        "Structured medication review by the PCN pharmacist",
        "12 of 12 places free",
    ):
        assert sentence in page
    told = system.audit_rows("list_viewed")[-1]
    assert (told["subject"], told["persons"]) == (PROGRAMME, len(OURS))


def test_the_other_network_sees_its_own(live):
    page = words(live.client("their_mdt").get(LIST))
    assert page.count('<li class="app-card"') == 2
    for someone in (ODA, PIP):
        assert sealed(live, someone, "their_mdt") in page


def test_what_is_new_is_what_came_since_the_last_visit(live, mdt):
    earlier = release.previous()
    with mock.patch.object(release, "current", return_value=earlier):
        assert "this is your first visit" in words(mdt.get(LIST))
        # Nobody came between two visits of one release.
        assert "0 came since your last visit" in words(mdt.get(LIST))
    for _ in range(2):  # who is new stays marked while the release stays
        page = words(mdt.get(LIST))
        assert "1 came since your last visit" in page
        cards = page.split('<li class="app-card" id="p-')[1:]
        new = [card[:32] for card in cards if "nhsuk-tag--blue" in card]
        assert new == [sealed(live, DREW)]
        assert cards[0].startswith(new[0])


def test_no_name_or_number_stands_on_the_list_before_a_reason(mdt):
    page = words(mdt.get(LIST))
    for someone in OURS:
        assert someone.surname not in page
        assert someone.nhs_number not in page
        assert str(someone.person_no) not in page


def test_names_appear_for_a_reason_and_each_viewing_is_recorded(live, mdt):
    before = len(system.audit_rows("reveal_asked"))
    page = words(mdt.post(NAMES, {"reason": "mdt_review"}, follow=True))
    for someone in (ANNA, BERT, CORA, DREW):
        assert f"{someone.surname}, {someone.forename}" in page
        assert someone.nhs_number in page
    assert "Born 1944-02-17" in page
    # Told by the vault after the release was made.
    for someone, why in ((RUTH, "has died"), (SAM, "is no longer registered")):
        assert someone.surname not in page
        assert someone.nhs_number not in page
        assert f"Name not shown: {why}" in page
    mdt.get(LIST)
    told = system.audit_rows("reveal_asked")[before:]
    assert [t["persons"] for t in told] == [len(OURS)] * 2
    assert {t["detail"]["reason"] for t in told} == {"mdt_review"}
    assert ANNA.nhs_number not in words(
        mdt.post(NAMES, {"reason": "hide"}, follow=True)
    )


def test_names_without_a_reason_of_the_list_are_not_shown(mdt):
    for reason in ("", "curiosity"):
        page = words(mdt.post(NAMES, {"reason": reason}, follow=True))
        assert "Choose a reason before showing names." in page
        assert ANNA.nhs_number not in page


def test_names_are_shown_for_a_quarter_of_an_hour():
    session: dict[str, object] = {}
    reveals.open_for(session, PROGRAMME, "mdt_review")
    now = timezone.now()
    for minutes, standing in ((14, "mdt_review"), (16, None)):
        later = now + timedelta(minutes=minutes)
        with mock.patch("django.utils.timezone.now", return_value=later):
            assert reveals.standing(session, PROGRAMME) == standing
    assert reveals.standing(session, "another_list") is None
    assert "names" not in session


def test_without_the_vault_the_list_is_whole_and_says_so(live, mdt):
    mdt.post(NAMES, {"reason": "mdt_review"})
    live.vault.is_down = True
    response = mdt.get(LIST)
    page = words(response)
    assert response.status_code == 200
    assert "Names cannot be shown at the moment" in page
    assert page.count('<li class="app-card"') == len(OURS)
    assert ANNA.nhs_number not in page


def test_what_the_vault_refuses_whole_is_said_on_the_page(live, mdt):
    mdt.post(NAMES, {"reason": "mdt_review"})
    with mock.patch.object(policy, "REASONS", {}):
        page = words(mdt.get(LIST))
    assert "a reason from the list is needed" in page
    assert page.count('<li class="app-card"') == len(OURS)
    assert ANNA.nhs_number not in page


def test_no_more_names_are_asked_for_than_the_vault_gives(live, mdt):
    mdt.post(NAMES, {"reason": "mdt_review"})
    with override_settings(REVEAL_MAX_PERSONS=2):
        page = words(mdt.get(LIST))
    assert [s.nhs_number in page for s in (ANNA, BERT, CORA)] == [True, True, False]


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, live: client.get(LIST),
        lambda client, live: client.get(MISSING),
        lambda client, live: client.get(page_of(live, ANNA)),
        lambda client, live: client.post(EXPORT, {"practice": "Z81001", "reason": ""}),
    ],
    ids=["list", "missing", "person", "file"],
)
def test_what_cannot_be_audited_is_not_answered(live, ask):
    client = live.client("pcn_mdt_member")
    with system.without_audit():
        response = ask(client, live)
    assert response.status_code == 503
    assert ANNA.surname not in words(response)


def test_who_is_missing_counts_the_left_out_by_practice(mdt):
    page = words(mdt.get(MISSING))
    table = re.findall(r'<th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', page, re.S)
    counts = {
        reason: re.findall(r"numeric\">([^<]*)<", cells) for reason, cells in table
    }
    assert re.findall(r"header--numeric\">(\w+)<", page) == ["Z81001", "Z81002"]
    found = {reason.split(";")[0].rstrip("."): n for reason, n in counts.items()}
    assert found["On the palliative care register"] == ["1", "0"]
    assert found["In hospital now"] == ["0", "1"]
    assert [n for reason, n in found.items() if "opted out nationally" in reason] == [
        ["0", "1"]
    ]
    assert [n for reason, n in found.items() if "Type 1" in reason] == [["1", "0"]]


def test_who_is_missing_says_how_many_records_of_its_feeds_found_nobody(mdt):
    rows = [
        {"feed": "gp_observation", "rows_in": 10_412, "unlinked": 153},
        {"feed": "sus_apc", "rows_in": 503, "unlinked": 3},
        {"feed": "ecds", "rows_in": 900, "unlinked": 0},
        {"feed": "ambulance_cad", "rows_in": 900, "unlinked": 90},
    ]
    checked = mock.Mock(unlinked=rows)
    with mock.patch.object(worklist_missing, "LinkageAudit") as audits:
        audits.objects.order_by.return_value.first.return_value = checked
        page = words(mdt.get(MISSING)).partition("Records that found nobody")[2]
    found = re.findall(r'<th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', page, re.S)
    told = {feed: re.findall(r"numeric\">([^<]*)<", cells) for feed, cells in found}
    assert told == {
        FEEDS["gp_observation"].title: ["155", "10,410", "1.49"],
        FEEDS["sus_apc"].title: ["fewer than 8 people", "505", "not known"],
        # A frailty index may be made of any feed.
        FEEDS["ambulance_cad"].title: ["90", "900", "10.00"],
    }


def test_every_page_leads_back(live, mdt):
    for address in (MISSING, EXPORT):
        page = words(mdt.get(address))
        assert f'<a class="nhsuk-back-link" href="{LIST}">' in page
    page = words(mdt.get(page_of(live, ANNA)))
    assert f'<a class="nhsuk-back-link" href="{reverse("worklists")}">' in page


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (reverse("worklists"), "No list yet"),
        (LIST, "No list yet"),
        (MISSING, "No list yet"),
        (EXPORT, "The list is empty today."),
        ("/", "no release yet"),
    ],
)
def test_before_the_first_release_a_page_says_so(live, mdt, address, said):
    with mock.patch.object(release, "current", return_value=None):
        response = mdt.get(address)
        assert response.status_code == 200
        assert said in words(response)
        assert mdt.get(page_of(live, ANNA)).status_code == 403


def test_there_is_no_list_that_is_not_defined(live, mdt):
    for name in ("worklist", "list-missing", "list-export"):
        assert mdt.get(reverse(name, args=["nothing"])).status_code == 404
