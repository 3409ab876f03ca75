"""The team's pages as each role meets them: the list, who is missing, files, people."""

import csv
import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from unittest import mock

import pytest
from django.db import ProgrammingError
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from dashboards.selectors import reveals
from dashboards.selectors import worklist as selectors
from governance import actions
from governance.access import ACCESS
from governance.models import Grant, Org
from linkage.feature_definitions import codelists
from linkage.release import selectors as release
from linkage.vault.service import policy
from tests import live_system as system
from tests import page_builders
from tests.live_system import (
    ANNA,
    BERT,
    CORA,
    DREW,
    JACK,
    ODA,
    OURS,
    PIP,
    PROGRAMME,
    RUTH,
    SAM,
    SEPTEMBER,
)

LIST = reverse("worklist", args=[PROGRAMME])
MISSING = reverse("list-missing", args=[PROGRAMME])
EXPORT = reverse("list-export", args=[PROGRAMME])
NAMES = reverse("reveal", args=[PROGRAMME])
ADMITTED = system.reason(
    "emergency_admissions_12m", is_=3, emergency_admissions_prior_12m=1
)
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


@pytest.fixture(autouse=True)
def _as_made(live) -> Iterator[None]:
    yield
    live.vault.is_down = False
    live.forget_decisions()


@pytest.fixture
def mdt(live):
    return live.client("pcn_mdt_member")


def words(response) -> str:
    return html.unescape(response.content.decode())


def sealed(live, someone, role="pcn_mdt_member", purpose=None) -> str:
    return selectors.reference(live.viewer(role, purpose), someone.person_no)


def page_of(live, someone, role="pcn_mdt_member", purpose=None) -> str:
    return reverse("person", args=[sealed(live, someone, role, purpose)])


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


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_a_person_opens_for_the_roles_that_see_people(live, role):
    expected = 200 if "person" in ACCESS.roles[role].pages else 403
    response = live.client(role).get(page_of(live, ANNA, role))
    assert response.status_code == expected


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
    with (
        system.without("INSERT", "governance_auditevent", "audit_writer"),
        pytest.raises(ProgrammingError),
    ):
        ask(client, live)


def test_the_prescriber_takes_no_file_and_sees_no_way_to(live):
    client = live.client("pcn_social_prescriber")
    assert "Take the list to your GP system" not in words(client.get(LIST))
    assert client.post(EXPORT, {"practice": "Z81001"}).status_code == 403


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


@contextmanager
def second_grant(live) -> Iterator[Grant]:
    """Our member also works for the other network, as a social prescriber."""
    user = live.users["pcn_mdt_member"]
    with system.acting_as("worker"):
        grant = actions.grant_role(
            user=user,
            role="pcn_social_prescriber",
            org=Org.objects.get(pk="U3"),
            start_on=date(2026, 1, 1),
            end_on=None,
            by="test",
        )
    try:
        yield grant
    finally:
        with system.acting_as("worker"):
            actions.grant_role(
                user=user,
                role="pcn_social_prescriber",
                org=Org.objects.get(pk="U3"),
                start_on=date(2026, 1, 1),
                end_on=timezone.localdate(),
                by="test",
            )


def test_under_one_grant_the_people_of_another_are_not_shown(live, mdt):
    with second_grant(live) as grant:
        assert words(mdt.get(LIST)).count('<li class="app-card"') == len(OURS)
        assert mdt.get(page_of(live, ODA)).status_code == 403
        assert mdt.post(EXPORT, {"practice": "Z81005"}).status_code == 400
        other = live.client("pcn_mdt_member")
        session = other.session
        session["grant_id"] = grant.pk
        session.save()
        page = words(other.get(LIST))
        assert page.count('<li class="app-card"') == 2
        assert other.get(EXPORT).status_code == 403
    assert words(other.get(LIST)).count('<li class="app-card"') == len(OURS)


def test_a_withdrawn_grant_shows_nobody_from_that_moment(live):
    client = live.client("colleague")
    assert client.get(LIST).status_code == 200
    grant = Grant.objects.get(user=live.users["colleague"])
    given = {
        "user": live.users["colleague"],
        "role": grant.role,
        "org": grant.org,
        "start_on": grant.start_on,
        "by": "test",
    }
    try:
        with system.acting_as("worker"):
            actions.grant_role(**given, end_on=timezone.localdate())
        assert client.get(LIST).status_code == 403
    finally:
        with system.acting_as("worker"):
            actions.grant_role(**given, end_on=None)
    assert client.get(LIST).status_code == 200


def test_an_older_hash_signs_in_though_the_web_may_write_no_password(live):
    hashers = "django.contrib.auth.hashers."
    newer_first = [f"{hashers}PBKDF2PasswordHasher", f"{hashers}MD5PasswordHasher"]
    form = {
        "username": live.users["colleague"].username,
        "password": page_builders.PASSWORD,
    }
    with override_settings(PASSWORD_HASHERS=newer_first):
        assert Client().post(reverse("sign-in"), form).status_code == 302
        wrong = Client().post(reverse("sign-in"), form | {"password": "not this one"})
    assert wrong.status_code == 422
    told = [row["event"] for row in system.audit_rows()]
    assert told[-2:] == ["signed_in", "sign_in_failed"]
