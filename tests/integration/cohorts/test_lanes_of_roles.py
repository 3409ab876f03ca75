"""A team's role learns by a cohort nothing that a person's page keeps from it."""

import json
import re

import numpy as np
import pytest
from django.urls import reverse

from dashboards.selectors.cohorts.outside import told
from dashboards.selectors.lanes import TITLES
from governance.access import ACCESS
from linkage.release.catalogue import Attribute
from tests import live_system
from tests.builders import AS_OF, release_view
from tests.cohort_site import BUILD, headline, saved, share, words
from tests.page_builders import attributes, make_people

PEOPLE = 4000
# One feature of each lane, as numbers of uses.
OF_LANE = {
    "gp": "gp_appointments_12m",
    "medicine": "medicines_12m",
    "outpatient": "outpatient_attendances_12m",
    "emergency": "emergency_attendances_12m",
    "admitted": "emergency_admissions_12m",
    "mental_health": "mental_health_contacts_12m",
    "community": "community_contacts_12m",
    "social_care": "social_care_services_12m",
}
ROLES = sorted(
    name
    for name, role in ACCESS.granted.items()
    if role.sees == "own_list" and "cohorts" in role.pages
)
ADMITTED = {"all_of": [{"feature": OF_LANE["admitted"], "at_least": 1.0}]}
NOT_SEEN = "which your role does not see"


@pytest.fixture(scope="module")
def system():
    """The invented release with a feature of every lane, and a score of one."""
    rng = np.random.default_rng(5)
    people = make_people(PEOPLE, seed=1)
    known = {attribute.name for attribute in attributes()}
    added = [name for name in (*OF_LANE.values(), "hfrs") if name not in known]
    numbers = {name: rng.poisson(1.5, PEOPLE).astype(float) for name in added}
    made = [
        Attribute(n, f"Title of {n}", "number", bins=(1, 2, 5))
        for n in (*OF_LANE.values(), "hfrs")
    ]
    kept = [each for each in attributes() if each.name not in OF_LANE.values()]
    return release_view(people.with_columns(**numbers), kept + made, as_of=AS_OF)


def asked(name: str) -> str:
    return f"{BUILD}?c1=feature:{name}&c1-low=1"


@pytest.mark.parametrize("lane", OF_LANE)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_asks_by_the_lanes_of_its_timeline_alone(signed_in, role, lane):
    name = OF_LANE[lane]
    page = signed_in(role).get(asked(name))
    if lane in ACCESS.roles[role].timeline:
        assert headline(page).endswith("people match")
        assert NOT_SEEN not in words(page)
        return
    assert headline(page) == "No figure can be given of this cohort"
    assert f"tells of {TITLES[lane].lower()}, {NOT_SEEN}" in words(page)
    assert "Who they are" not in words(page)


@pytest.mark.parametrize("lane", OF_LANE)
@pytest.mark.parametrize("role", ROLES)
def test_figures_beside_a_cohort_are_of_the_same_lanes(signed_in, role, lane):
    """Nor is a feature of another lane offered, or laid over the people."""
    client, name = signed_in(role), OF_LANE[lane]
    is_told = lane in ACCESS.roles[role].timeline
    page = words(client.get(f"{BUILD}?c1=feature:age_years&c1-low=40&q=Title"))
    assert (f"add:feature:{name}" in page) == is_told
    assert f"Title of {name}" in page or not is_told
    if not is_told:
        assert f"Title of {name}" not in page


def test_who_sees_no_rows_asks_by_every_lane(signed_in):
    for role in ("system_analyst", "place_lead"):
        assert "people match" in headline(signed_in(role).get(asked(OF_LANE["gp"])))
        page = signed_in(role).get(asked(OF_LANE["mental_health"]))
        assert NOT_SEEN not in words(page)


def test_a_score_tells_of_what_it_is_reckoned_from(signed_in):
    page = signed_in("pcn_social_prescriber").get(asked("hfrs"))
    assert "tells of hospital stays" in words(page)
    assert "people match" in headline(signed_in("pcn_clinician").get(asked("hfrs")))


@pytest.fixture
def shared(signed_in):
    """A cohort of who was admitted, by the analyst, shared with everybody."""
    client = signed_in("system_analyst")
    cohort = saved(client, title="Lately in hospital", who=ADMITTED)
    share(client, cohort, "everyone")
    return cohort


def test_a_shared_cohort_tells_no_more_than_its_criteria_typed(signed_in, shared):
    client = signed_in("pcn_social_prescriber")
    for address in (
        reverse("cohort", args=[shared.pk]),
        reverse("cohort-people", args=[shared.pk]),
        f"{reverse('cohort-compare')}?a={shared.pk}&b={shared.pk}",
        f"{BUILD}?c1=cohort:{shared.pk}.1",
    ):
        page = words(client.get(address))
        assert not re.search(r"\d people match", page)
        assert "Share of people" not in page
    for kind in ("csv", "xlsx"):
        file = client.get(reverse(f"cohort-{kind}", args=[shared.pk]))
        assert file.status_code == 403
    among = client.get(reverse("overview"), {"cohort": shared.pk})
    assert among.status_code == 403
    clinician = signed_in("pcn_clinician")
    page = words(clinician.get(reverse("cohort", args=[shared.pk])))
    assert re.search(r"\d people match", page)
    assert "Share of people" in page


def test_codes_are_searched_by_who_sees_every_lane_that_brings_them(signed_in):
    days = {"since": "2026-01-01", "until": "2026-02-01"}
    typed = {"c1": "codes:", "c1-codes": "I50", "c1-system": "icd10"}
    typed |= {f"c1-{name}": day for name, day in days.items()}
    client = signed_in("pcn_social_prescriber")
    page = words(client.get(BUILD, typed))
    assert f"a code in the record may tell of hospital stays, {NOT_SEEN}" in page
    asked_for = {"codes": ["I50"], "system": "icd10"} | days
    form = {"definition": json.dumps({"all_of": [asked_for]})}
    assert client.post(reverse("cohort-search"), form).status_code == 403
    assert NOT_SEEN not in words(signed_in("pcn_clinician").get(BUILD, typed))


@pytest.mark.parametrize("role", ROLES)
def test_what_is_told_follows_the_roles_definition(users, system, role):
    """The catalogue that figures are made of, held against roles.yaml itself."""
    for purpose in ACCESS.roles[role].purposes:
        viewer = live_system.viewer_of(users[role], purpose)
        seen = {*told(viewer, system.catalogue)}
        wanted = {OF_LANE[lane] for lane in ACCESS.roles[role].timeline}
        assert seen & {*OF_LANE.values()} == wanted
        assert {"age_years", "imd_fifth", "practice_code"} <= seen
