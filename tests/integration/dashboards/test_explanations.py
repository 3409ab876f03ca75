"""What a model rests on, told on cards and person pages to whoever may see it."""

import pytest
from django.urls import reverse

from governance import access
from governance.access import ACCESS
from linkage.release import selectors as release
from risk import selectors as risk
from risk import tasks
from risk.models import Treatment
from tests import live_system as system
from tests.live_pages import LIST, keep_risk, page_of, sealed, words
from tests.live_people import ANNA, BERT, ODA

pytestmark = pytest.mark.usefixtures("as_made")
ADMITTED = "Three emergency admissions in the year to 30 September 2026"
SEEN = "39 appointments with general practice in the year"
REASONS = [
    {"feature": "emergency_admissions_12m", "words": ADMITTED, "adds": 0.9},
    {"feature": "gp_appointments_12m", "words": SEEN, "adds": 0.5},
    {"feature": "mental_health_contacts_12m", "words": "Two contacts", "adds": 0.4},
    {"feature": "", "words": "Everything else known", "adds": -2.1},
]


@pytest.fixture(scope="module")
def told(live):
    """Anna's and Oda's figures in both releases."""
    now = release.current().id
    for someone in (ANNA, ODA):
        for release_id, value in ((now - 1, 0.2), (now, 0.31)):
            keep_risk(release_id, someone, value, REASONS)
    return live


def test_a_card_says_what_the_chance_rests_on(told) -> None:
    page = words(told.client("pcn_mdt_member").get(LIST))
    assert "What the chance rests on" in page
    assert page.count(ADMITTED) == 1
    # The team's role does not see the mental health lane.
    assert "Two contacts" not in page


@pytest.mark.parametrize("role", ["pcn_mdt_member", "practice_manager"])
def test_a_card_gives_a_role_no_reason_of_a_lane_it_does_not_see(told, role) -> None:
    """A practice manager's role has no timeline, and so not that of the practice."""
    page = words(told.client(role).get(LIST))
    sees = "gp" in ACCESS.roles[role].timeline
    assert (SEEN in page, ADMITTED in page) == (sees, sees)


def test_a_person_page_shows_weights_that_add_up_and_earlier_figures(told) -> None:
    page = words(told.client("pcn_mdt_member").get(page_of(told, ANNA)))
    assert "About 3 in 10 people like this have an emergency admission" in page
    assert ADMITTED in page
    for weight in ("+0.90", "+0.40", "-2.10"):
        assert weight in page
    assert "Something your role does not see" in page
    assert "Two contacts" not in page
    # The course over past releases: by day, with the band, and what was not kept.
    before = page[page.index("Earlier figures, oldest first") :]
    before = before[: before.index("</table>")]
    for said in (
        "31 August 2026",
        "High (next 4.5%)",
        "about 2 in 10 people like this",
    ):
        assert said in before
    assert "about 3 in 10" not in before
    assert "Days on which it was below 10 in 100 are kept only of people on" in page


@pytest.fixture
def pounds(told):
    """What Anna is foretold to cost, and why: 2,000 pounds times 1.5 times 1.2."""
    reasons = [
        {"feature": "age_years", "words": "Aged 81", "adds": 0.405465},
        {
            "feature": "mental_health_contacts_12m",
            "words": "Two contacts",
            "adds": 0.182322,
        },
        {"feature": "", "words": "Everything else", "adds": 8.1},
    ]
    keep_risk(release.current().id, ANNA, 3600, reasons, "cost_next_year")
    yield told
    with system.connect("worker") as worker:
        worker.execute("DELETE FROM person_risk WHERE name = 'cost_next_year'")


def test_reasons_of_pounds_multiply_and_are_said_to(pounds) -> None:
    page = words(pounds.client("pcn_mdt_member").get(page_of(pounds, ANNA)))
    mine = page[page.index("Cost of care in the next 12 months") :]
    mine = mine[: mine.index("</table>")]
    assert "About £3,600" in mine
    assert "the chance of any cost times how much it then is" in mine
    assert "log-odds" not in mine
    for said in ("× 1.50", "× 1.20", "£2,000", "Does to the pounds"):
        assert said in mine
    assert "Two contacts" not in mine


@pytest.fixture
def halted(told):
    """Two models in use: one stopped, one that one person has approved."""
    with system.connect("migrator") as owner:
        for name, because, at in (
            ("emergency_admission", "The figures have shifted", "2026-09-12 06:00+00"),
            ("rising_risk", "", None),
        ):
            owner.execute(
                "INSERT INTO trained_model (name, version, trained_at, index_on,"
                " horizon_days, people, outcomes, seed, spec_hash, features,"
                " definitions, calibration, performance, payload, in_use,"
                " stopped_because, stopped_at, approved_as, waits_because)"
                " VALUES (%s, 1, '2026-08-02', '2025-08-31', 365, 100, 10, 1, 'a',"
                " '[]', '{}', '{}', '{\"calibration_curve\": []}', '', true, %s, %s,"
                " 1, '')",
                [name, because, at],
            )
    yield told
    with system.connect("migrator") as owner:
        owner.execute("DELETE FROM trained_model")


def test_a_person_page_says_of_a_stopped_model_that_it_is(halted) -> None:
    """Above the figure: since when, why, and who may let it order lists again."""
    page = words(halted.client("pcn_mdt_member").get(page_of(halted, ANNA)))
    mine = page[page.index("Emergency admission in the next 12 months</h2>") :]
    above = mine[: mine.index("About 3 in 10")]
    assert ">Stopped<" in above
    assert "stopped since 12 September 2026: The figures have shifted." in above
    assert "Whoever runs the platform" in above
    # Nothing is foretold of her by the other model, and nothing is said of it.
    assert "Not approved" not in page


def test_a_list_by_a_stopped_model_gives_its_reasons_to_nobody(halted) -> None:
    page = words(halted.client("pcn_mdt_member").get(LIST))
    assert "Not in the model's order" in page
    assert "What the chance rests on" not in page


def test_a_role_without_the_hospital_lane_is_not_told_of_admissions(told) -> None:
    page = words(
        told.client("pcn_social_prescriber").get(
            page_of(told, ANNA, "pcn_social_prescriber")
        )
    )
    assert ADMITTED not in page
    assert "+0.90" in page


def test_row_security_keeps_figures_to_the_own_network(told) -> None:
    now = release.current().id
    everyone = [ANNA.person_no, ODA.person_no]
    with access.scoped(told.viewer("pcn_mdt_member")):
        assert list(risk.explained(now, everyone)) == [ANNA.person_no]
    assert risk.explained(now, everyone) == {}


def test_why_is_worked_out_of_whoever_nothing_is_kept(told, monkeypatch) -> None:
    """A figure without reasons says so, and somebody of the own team may ask."""
    sent = []
    monkeypatch.setattr(tasks.explain, "delay", lambda *ids: sent.append(ids))
    client = told.client("pcn_mdt_member")
    asks = "Work out the reasons"
    assert asks not in words(client.get(page_of(told, ANNA)))
    page = words(client.get(page_of(told, BERT)))
    assert "What models foretell besides" in page
    assert "About 5 in 10 people like this have an emergency admission" in page
    assert asks in page
    address = reverse("explain-person", args=[sealed(told, BERT)])
    assert client.get(address).status_code == 405
    told_so = words(client.post(address, follow=True))
    assert "open this page again in a moment" in told_so
    assert sent == [(release.current().id, tasks.named(BERT.person_no))]
    assert str(BERT.person_no) not in str(sent)
    asked = system.audit_rows("reasons_asked")[-1]
    assert (asked["subject"], asked["persons"]) == ("person", 1)
    assert str(BERT.person_no) not in str(asked)
    # Of another network's nobody is told, and nothing is worked out.
    for someone in (ODA, BERT):
        theirs = reverse("explain-person", args=[sealed(told, someone)])
        other = told.client("their_mdt" if someone is BERT else "pcn_mdt_member")
        assert other.post(theirs).status_code == 403
    assert len(sent) == 1
    analyst = told.client("system_analyst")
    assert analyst.post(address).status_code == 403


def test_whom_the_team_takes_on_is_marked_for_training(told) -> None:
    client = told.client("pcn_mdt_member")
    address = page_of(told, ANNA).replace("/people/", "/lists/proactive_care/")
    client.post(f"{address}decide/", {"decision": "accept:suitable"})
    with access.scoped(told.viewer("pcn_mdt_member")):
        marked = list(Treatment.objects.values_list("person_no", "programme"))
    assert marked == [(ANNA.person_no, "proactive_care")]
