"""What the simulator shows is what happens: over every page, role, purpose, scope."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from dashboards.selectors import simulator
from governance import actions
from governance.access import ACCESS
from governance.models import Org
from tests import live_system as system
from tests.guards.test_addresses import ALL, path_of
from tests.live_api import API, call
from tests.live_pages import words

CASES = [
    (role, purpose)
    for role in system.ROLE_PLACES
    for purpose in ACCESS.roles[role].purposes
]


def one_address_of_each_page() -> dict[str, str]:
    """An address for every page name that the router knows."""
    found = {}
    for pattern in ALL.values():
        name = getattr(pattern.callback, "page_name", None)
        if name in ACCESS.pages:
            found.setdefault(name, path_of(pattern))
    return found


def simulated(live, role: str, purpose: str) -> simulator.Simulation:
    place = Org.objects.get(pk=system.ROLE_PLACES[role])
    return simulator.simulate(role, purpose, place, timezone.localdate())


def refusals(live, role: str) -> int:
    rows = system.audit_rows("page_refused")
    return sum(row["user_id"] == live.users[role].pk for row in rows)


def test_every_page_of_the_definition_has_an_address():
    """But those that stand for something done on another page."""
    assert set(ACCESS.pages) - set(one_address_of_each_page()) <= {"segments"}


@pytest.mark.parametrize(("role", "purpose"), CASES)
def test_pages_open_and_close_as_simulated(live, role, purpose):
    found = simulated(live, role, purpose)
    assert found.admitted
    client = live.client(role, purpose)
    said = {page.name: page.decision.allowed for page in found.pages}
    happened = {}
    for name, address in one_address_of_each_page().items():
        before = refusals(live, role)
        if client.get(address).status_code == 405:
            client.post(address)
        happened[name] = refusals(live, role) == before
    assert happened == {name: said[name] for name in happened}


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_scopes_hold_as_simulated(live, role):
    user = live.users[role]
    purpose = ACCESS.roles[role].purposes[0]
    with system.acting_as("worker"):
        secret = actions.issue_token(
            user=user, purpose=purpose, today=timezone.localdate(), days=1, by="test"
        ).secret
    said = {s.name: s.decision.allowed for s in simulated(live, role, purpose).scopes}
    for name, scope in API.items():
        status = call(secret, path_of(ALL[name])).status_code
        assert (status != 403) == said[scope], name


def test_a_purpose_that_is_not_the_roles_gives_nothing(live):
    found = simulated(live, "pcn_clinician", "planning")
    assert not found.admitted
    assert not any(
        item.decision for item in (*found.pages, *found.lanes, *found.scopes)
    )
    assert not found.rows
    assert "does not work for" in found.pages[0].decision.why


def test_a_place_that_is_not_the_roles_gives_nothing(live):
    place = Org.objects.get(pk="Z81001")
    found = simulator.simulate(
        "pcn_clinician", "direct_care", place, timezone.localdate()
    )
    assert not found.admitted
    assert "granted at a pcn" in found.admitted.why


def test_when_the_agreement_has_ended_the_simulator_says_so(live):
    place = Org.objects.get(pk="P1")
    far = timezone.localdate() + timedelta(days=1000)
    found = simulator.simulate("partner_client", "planning", place, far)
    assert "works under an agreement" in found.admitted.why


def test_rows_lanes_and_columns_are_told_with_their_reasons(live):
    doctor = simulated(live, "pcn_clinician", "direct_care")
    assert (
        doctor.rows.why == "People registered with 2 practices of Northgate East PCN."
    )
    assert all(lane.decision for lane in doctor.lanes)
    prescriber = simulated(live, "pcn_social_prescriber", "direct_care")
    lanes = {lane.name: bool(lane.decision) for lane in prescriber.lanes}
    assert not lanes["admitted"]
    assert not lanes["mental_health"]
    assert lanes["gp"]
    board = simulated(live, "icb_board_member", "planning")
    assert not board.rows
    assert board.latency == "weekly"
    exports = {address for address, _ in doctor.exports}
    assert any("export" in address for address in exports)


def test_the_page_answers_for_a_role_a_place_and_a_purpose(live):
    client = live.client("ig_lead")
    asked = {"role": "pcn_social_prescriber", "purpose": "direct_care", "place": "U1"}
    page = words(client.get(reverse("access"), asked))
    assert "The role PCN social prescriber does not see this lane." in page
    assert "People registered with 2 practices of Northgate East PCN." in page
    wrong = client.get(reverse("access"), asked | {"place": "nowhere"})
    assert wrong.status_code == 422
    table = words(client.get(reverse("access-definition")))
    assert "Caldicott Guardian" in table
