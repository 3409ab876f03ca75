"""The cohort pages by role: what is counted, in which class, and what may leave."""

import json
import re

import pytest
from django.urls import reverse

from governance.access import ACCESS
from linkage.codebook.in_force import guarded_codes
from tests import live_system
from tests.cohort_people import CLINICIAN, slowly
from tests.cohort_site import (
    ALL,
    BUILD,
    NORTH,
    OWN,
    headline,
    nobody,
    saved,
    words,
)


def test_the_analyst_counts_exactly_inside_the_workspace(signed_in, system):
    page = signed_in("system_analyst").get(f"{BUILD}?{CLINICIAN}")
    assert headline(page) == f"{slowly(system, ALL)} people match"
    assert "analyst workspace" in words(page)
    assert "10 or more medicines" in words(page)
    assert 'id="ages-table"' in words(page)
    assert 'id="representation-table"' in words(page)


def test_a_team_counts_its_own_list_exactly_and_nobody_elses(signed_in, system):
    page = signed_in("pcn_mdt_member").get(f"{BUILD}?{CLINICIAN}")
    assert headline(page) == f"{slowly(system, OWN)} people match"
    assert "own-list direct care" in words(page)


@pytest.mark.parametrize("basis", ["registered", "resident"])
def test_a_teams_scope_is_its_own_list_whatever_the_place(signed_in, system, basis):
    """A district holds people of other teams: exact counts of them are not ours."""
    client = signed_in("pcn_mdt_member")
    page = client.get(BUILD, {"basis": basis})
    offered = re.findall(r'<option value="([EUZ]\w+)"', page.content.decode())
    assert offered
    own = len(system.any_of("practice_code", OWN))
    for place in offered:
        counted = headline(client.get(BUILD, {"place": place, "basis": basis}))
        assert int(re.sub(r"\D", "", counted)) <= own


def test_without_the_scope_the_same_counts_would_be_wrong(
    signed_in, system, monkeypatch
):
    """The mutation: with the viewer's own people left out, the count is another."""
    monkeypatch.setattr(
        "dashboards.selectors.cohorts.asking.own_people",
        lambda viewer, view: view.everyone,
    )
    client = signed_in("pcn_mdt_member")
    mutated = client.get(f"{BUILD}?basis=resident&place=E07000001&{CLINICIAN}")
    assert headline(mutated) != f"{slowly(system, OWN)} people match"


def test_a_place_lead_sees_protected_counts_of_the_place(signed_in, system):
    page = signed_in("place_lead").get(f"{BUILD}?{CLINICIAN}")
    exact = slowly(system, NORTH)
    shown = int(headline(page).split()[0].replace(",", ""))
    assert shown % 5 == 0
    assert abs(shown - exact) <= 2
    assert "protected aggregate" in words(page)


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        ("c9=feature:age_years&c9-low=67", "a point of its own"),
        ("c9=list:1", "list of persons"),
        ("c7=feature:sex&c7-is=F&c8=feature:imd_fifth&c8-is=1", "5 different things"),
    ],
)
def test_protected_figures_are_asked_in_fixed_words(
    signed_in, also, reason, monkeypatch
):
    monkeypatch.setattr("linkage.imported.members", lambda viewer, number: nobody())
    page = signed_in("place_lead").get(f"{BUILD}?{CLINICIAN}&{also}")
    assert headline(page) == "No protected figure can be given of this cohort"
    assert reason in words(page)
    assert "Who they are" not in words(page)


def test_inclusion_health_is_for_few_and_never_exact(signed_in, system):
    """The analyst sees it for population health, protected; the team for care alone."""
    text = "c1=feature:homeless"
    exact = len(system.bitmap("homeless"))
    page = signed_in("system_analyst").get(f"{BUILD}?{text}&q=homeless")
    shown = int(headline(page).split()[0].replace(",", ""))
    assert shown % 5 == 0
    assert abs(shown - exact) <= 2
    assert "protected aggregate" in words(page)
    assert "add:feature:homeless" in words(page)
    for role in ("place_lead", "pcn_mdt_member"):
        refused = signed_in(role).get(f"{BUILD}?{text}&q=homeless")
        assert "see inclusion health" in words(refused)
        assert "add:feature:homeless" not in words(refused)
    analyst = signed_in("system_analyst")
    cohort = saved(analyst, who={"all_of": [{"feature": "homeless"}]})
    narrowed = analyst.get(reverse("overview"), {"cohort": cohort.pk})
    assert narrowed.status_code == 403
    nested = f"{BUILD}?c1=cohort:{cohort.pk}.1"
    assert "another saved cohort" in words(analyst.get(nested))


def test_a_code_of_inclusion_health_is_guarded_like_its_feature(signed_in):
    stem = sorted(guarded_codes())[0]
    typed = f"c1=codes:&c1-codes={stem}&c1-system=snomed"
    client = signed_in("place_lead")
    page = client.get(f"{BUILD}?{typed}&c1-since=2026-01-01&c1-until=2026-02-01")
    assert "see inclusion health" in words(page)
    asked = {"codes": [stem], "system": "snomed"}
    asked |= {"since": "2026-01-01", "until": "2026-02-01"}
    started = {"definition": json.dumps({"all_of": [asked]})}
    assert client.post(reverse("cohort-search"), started).status_code == 403


def test_few_neighbours_are_no_base_for_a_protected_figure(signed_in):
    text = "c1=feature:age_band&c1-is=90%2B&c2=feature:ethnicity_group&c2-is=Mixed"
    page = signed_in("place_lead").get(f"{BUILD}?{text}")
    assert "fewer than 100 people" in words(page)


def test_a_press_of_add_leads_to_the_same_builder_with_one_more(signed_in):
    client = signed_in("system_analyst")
    response = client.get(f"{BUILD}?{CLINICIAN}&do=add:feature:sex&place=P1")
    assert response.status_code == 302
    assert "c4=feature%3Asex" in response["Location"]
    assert "focus=c4" in response["Location"]
    page = words(client.get(response["Location"]))
    assert 'name="c4-is"' in page
    removed = client.get(f"{BUILD}?{CLINICIAN}&do=remove:2")
    assert "medicines_12m" not in removed["Location"]
    assert "lives_alone" in removed["Location"]


def test_typing_is_answered_with_the_part_that_changed(signed_in):
    client = signed_in("system_analyst")
    asked = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "found"}
    found = words(client.get(f"{BUILD}?q=medic", **asked))
    assert "add:feature:medicines_12m" in found
    assert "<html" not in found
    answer = client.get(f"{BUILD}?{CLINICIAN}", **asked | {"HTTP_HX_TARGET": "answer"})
    assert "<html" not in words(answer)
    assert 'hx-trigger="load' in words(answer)
    who = client.get(f"{BUILD}?{CLINICIAN}", **asked | {"HTTP_HX_TARGET": "who"})
    assert 'id="ages-table"' in words(who)


def test_what_cannot_be_understood_is_said_beside_the_field(signed_in):
    page = signed_in("system_analyst").get(
        f"{BUILD}?c1=feature:medicines_12m&c1-low=ten"
    )
    assert "“ten” is not a number" in words(page)


@pytest.mark.parametrize("role", sorted(ACCESS.granted))
def test_pages_open_for_the_roles_that_name_them(signed_in, role):
    spec = ACCESS.roles[role]
    client = signed_in(role)
    opens = 200 if "cohorts" in spec.pages else 403
    for name in ("cohorts", "cohort-build", "cohort-compare"):
        assert client.get(reverse(name)).status_code == opens
    posts = client.post(reverse("cohort-save"), {})
    assert posts.status_code == (302 if "cohort_save" in spec.pages else 403)


def test_each_count_leaves_an_audit_row(signed_in):
    before = len(live_system.audit_rows("cohort_counted"))
    signed_in("pcn_mdt_member").get(f"{BUILD}?{CLINICIAN}")
    rows = live_system.audit_rows("cohort_counted")[before:]
    assert [row["role"] for row in rows] == ["pcn_mdt_member"]
    assert rows[0]["detail"]["disclosure"] == "own-list direct care"
