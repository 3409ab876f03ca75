"""What leaves of a list is what the role's lanes allow, by every way out."""

import pytest
from django.urls import reverse

from governance.access import ACCESS
from tests import live_people as people
from tests.live_pages import EXPORT, LIST, words
from tests.live_people import PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made")
ADMITTED = people.reason(
    "emergency_admissions_12m", is_=3, emergency_admissions_prior_12m=1
)
FRAIL = "Severe frailty, recorded 3 March 2026"
MEETING = reverse("list-meeting", args=[PROGRAMME])
PRINT = reverse("list-print", args=[PROGRAMME])
FHIR = reverse("list-fhir", args=[PROGRAMME])
ROLES = sorted(n for n, r in ACCESS.roles.items() if "worklist" in r.pages)
OUTPUTS = {"list": "worklist", "print": "worklist", "meeting": "decide"}
OUTPUTS |= {"csv": "export_list", "fhir": "export_list"}


def said(client, output: str) -> str:
    """What one way out of the list says."""
    if output == "csv":
        return words(client.post(EXPORT, {"practice": "Z81001", "reason": ""}))
    if output == "meeting":
        client.post(MEETING, {"do": "start"})
    address = {"list": LIST, "print": PRINT, "meeting": MEETING, "fhir": FHIR}
    return words(client.get(address[output]))


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("role", ROLES)
def test_a_reason_leaves_only_to_roles_that_see_its_lane(live, role, output):
    spec = ACCESS.roles[role]
    if OUTPUTS[output] not in spec.pages:
        pytest.skip("the role does not open it")
    page = said(live.client(role), output)
    if output == "fhir":
        assert ADMITTED not in page
        assert FRAIL not in page
        return
    assert (ADMITTED in page) == ("admitted" in spec.timeline)
    assert (FRAIL in page) == ("gp" in spec.timeline)
    hides = {"gp", "admitted"} - {*spec.timeline}
    assert ("outside what your role may see" in page) >= bool(hides)
