"""What leaves of a list is what lanes and legal bases allow, by every way out."""

from unittest import mock

import pytest
from django.urls import reverse
from django.utils import timezone

from dashboards.models import Decision
from governance.access import ACCESS
from governance.models import RegisterEntry
from linkage.release import selectors as release
from tests import live_people as people
from tests import live_system as system
from tests.integration.governance.test_registers import change
from tests.live_pages import EXPORT, LIST, NAMES, keep_risk, page_of, sealed, words
from tests.live_people import ANNA, PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made")
ADMITTED = people.reason(
    "emergency_admissions_12m", is_=3, emergency_admissions_prior_12m=1
)
FRAIL = "Severe frailty, recorded 3 March 2026"
MEETING = reverse("list-meeting", args=[PROGRAMME])
PRINT = reverse("list-print", args=[PROGRAMME])
FHIR = reverse("list-fhir", args=[PROGRAMME])
OUTPUTS = {"list": "worklist", "print": "worklist", "meeting": "decide"}
OUTPUTS |= {"csv": "export_list", "fhir": "export_list"}
OPENS = [
    (name, output)
    for name, role in sorted(ACCESS.roles.items())
    for output, page in OUTPUTS.items()
    if page in role.pages
]


def said(client, output: str) -> str:
    """What one way out of the list says."""
    if output == "csv":
        return words(client.post(EXPORT, {"practice": "Z81001", "reason": ""}))
    if output == "meeting":
        client.post(MEETING, {"do": "start"})
    address = {"list": LIST, "print": PRINT, "meeting": MEETING, "fhir": FHIR}
    return words(client.get(address[output]))


@pytest.mark.parametrize(("role", "output"), OPENS)
def test_a_reason_leaves_only_to_roles_that_see_its_lane(live, role, output):
    spec = ACCESS.roles[role]
    page = said(live.client(role), output)
    if output == "fhir":
        assert ADMITTED not in page
        assert FRAIL not in page
        return
    assert (ADMITTED in page) == ("admitted" in spec.timeline)
    assert (FRAIL in page) == ("gp" in spec.timeline)
    if not {"gp", "admitted"} <= {*spec.timeline}:
        assert "outside what your role may see" in page


FEEDS = frozenset({"registered_list", "gp_observation", "sus_apc", "ecds"})
CLOSED = "This list is closed"


@pytest.fixture
def ended(live):
    """`ended()` ends the flow of GP observations for population health, today."""
    newest = RegisterEntry.objects.order_by("-pk").values_list("pk", flat=True)
    last = newest.first()

    def end() -> None:
        flow = "gp_observation:population_health"
        change(live, "flow", flow, timezone.localdate())

    with mock.patch.object(release, "delivered", return_value=FEEDS):
        yield end
    with system.acting_as("worker"):
        RegisterEntry.objects.filter(pk__gt=last).delete()


def test_a_list_made_of_a_flow_that_ends_is_closed_at_once_by_every_way(
    live, mdt, ended
):
    card = reverse("list-card", args=[PROGRAMME, sealed(live, ANNA)])
    names = ("list-print", "list-fhir", "list-meeting", "list-room", "list-missing")
    pages = [LIST, EXPORT, card, *(reverse(n, args=[PROGRAMME]) for n in names)]
    assert [mdt.get(page).status_code for page in pages] == [200] * len(pages)
    ended()
    for page in pages:
        answer = mdt.get(page)
        assert (page, answer.status_code) == (page, 403)
        assert CLOSED in words(answer)
    for address, form in (
        (NAMES, {"reason": "mdt_review"}),
        (EXPORT, {"practice": "Z81001", "reason": ""}),
    ):
        assert (address, mdt.post(address, form).status_code) == (address, 403)
    decide = reverse("decide", args=[PROGRAMME, sealed(live, ANNA)])
    back = mdt.post(decide, {"decision": "accept:suitable"}, follow=True)
    assert back.status_code == 403
    with system.acting_as("worker"):
        assert not Decision.objects.exists()


@pytest.fixture
def explained(live):
    """What Anna's chance rests on, kept with the release."""
    everything = {"feature": "", "words": "All that is known", "adds": 0.5}
    keep_risk(release.current().id, ANNA, 0.62, [everything])
    yield
    with system.connect("worker") as worker:
        worker.execute("DELETE FROM person_risk")


def test_no_figure_of_a_model_made_of_a_flow_that_ends_is_on_a_persons_page(
    live, mdt, ended, explained
):
    chance = "About 6 in 10 people like this"
    page = page_of(live, ANNA)
    assert chance in words(mdt.get(page))
    ended()
    told = mdt.get(page)
    assert told.status_code == 200
    assert chance not in words(told)


def test_what_stays_open_when_a_flow_ends(live, mdt, ended):
    """The lists' own page, and the list for a purpose whose flow has not ended."""
    ended()
    assert mdt.get(reverse("worklists")).status_code == 200
    care = live.client("pcn_mdt_member", "direct_care").get(LIST)
    assert care.status_code == 200
    assert CLOSED not in words(care)
