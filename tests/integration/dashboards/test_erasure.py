"""An erasure on a request: two people decide, and the person is on no page any more."""

from datetime import date
from unittest import mock

import psycopg
import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from dashboards import tasks
from dashboards.actions import erasure
from dashboards.models import ResearchExtract, RightsErasure, RightsRequest
from governance import trail
from tests import live_system as system
from tests.live_pages import page_of, words
from tests.live_people import ANNA, BERT

EVERYTHING = {
    "do": "propose_erasure",
    "ground": "unlawful",
    "all": "yes",
    "note": "loaded without an agreement",
}


@pytest.fixture
def asked(live):
    """A clinician has opened Anna's request for erasure; afterwards there is none."""
    client = live.client("pcn_clinician", "direct_care")
    reference = page_of(live, ANNA, "pcn_clinician", "direct_care").rsplit("/", 2)[1]
    client.post(reverse("rights-open", args=[reference]), {"kind": "erase"})
    with system.acting_as("worker"):
        made = RightsRequest.objects.get()
    yield made
    with system.connect("migrator") as owner:
        owner.execute(
            "TRUNCATE rights_request, rights_subject, rights_step, rights_pack,"
            " rights_erasure"
        )


def told(client, made: RightsRequest, **form: str) -> str:
    """What the page says after a form was sent."""
    address = reverse("rights-change", args=[made.pk])
    return words(client.post(address, form, follow=True))


def state(made: RightsRequest) -> str:
    with system.acting_as("worker"):
        return RightsRequest.objects.get(pk=made.pk).state


def test_a_proposal_says_on_what_ground_and_why_the_rest_stays(live, asked):
    lead = live.client("ig_lead")
    nothing = told(lead, asked, do="propose_erasure", note="x")
    assert "Choose the ground on which the right exists." in nothing
    page = told(lead, asked, do="propose_erasure", ground="unlawful", note="x")
    assert "Choose what to erase" in page
    some = EVERYTHING | {"all": "", "feeds": "housing_register"}
    assert "Say by which exemption the rest stays." in told(lead, asked, **some)
    wordless = told(lead, asked, **EVERYTHING | {"note": " "})
    assert "Say why." in wordless
    assert "somebody else agrees to it" in told(lead, asked, do="close", note="x")
    assert state(asked) == "received"
    page = told(lead, asked, **some | {"exemption": "public_health"})
    assert "Article 17(3)(c)" in page
    assert "housing_register" in page
    assert state(asked) == "proposed"
    assert "decided on first" in told(lead, asked, do="refuse", note="x")


def test_nobody_agrees_to_what_they_proposed_and_postgres_says_so_too(live, asked):
    lead, guardian = live.client("ig_lead"), live.client("caldicott_guardian")
    told(lead, asked, **EVERYTHING)
    assert "Somebody else must decide" in told(lead, asked, do="agree_erasure")
    name = live.users["ig_lead"].username
    agree = (
        "UPDATE rights_erasure SET state = 'agreed', decided_by = %s,"
        " decided_at = now()"
    )
    for user, decided_by in (("ig_lead", name), ("ig_lead", "somebody else")):
        with as_web(live, user) as web, pytest.raises(psycopg.Error):
            web.execute(agree, [decided_by])
    with as_web(live, "pcn_clinician") as web:
        assert web.execute(agree, ["x"]).rowcount == 0
        assert web.execute("SELECT * FROM rights_erasure").fetchall() == []
    with as_web(live, "caldicott_guardian") as web, pytest.raises(psycopg.Error):
        web.execute("UPDATE rights_erasure SET feeds = '[]'")
    with as_web(live, "caldicott_guardian") as web, pytest.raises(psycopg.Error):
        web.execute("DELETE FROM rights_erasure")
    told(guardian, asked, do="decline_erasure")
    assert state(asked) == "received"
    told(lead, asked, **EVERYTHING)
    told(guardian, asked, do="agree_erasure")
    assert state(asked) == "agreed"
    with system.acting_as("worker"):
        assert erasure.waiting() == [asked.pk]


def test_who_opened_the_request_does_not_agree_whatever_a_page_forgets(live, asked):
    told(live.client("ig_lead"), asked, **EVERYTHING)
    name = live.users["caldicott_guardian"].username
    agree = (
        "UPDATE rights_erasure SET state = 'agreed', decided_by = %s,"
        " decided_at = now()"
    )
    with system.acting_as("worker"):
        RightsRequest.objects.filter(pk=asked.pk).update(opened_by=name)
    with as_web(live, "caldicott_guardian") as web, pytest.raises(psycopg.Error):
        web.execute(agree, [name])
    # Opened by somebody else, the same words are taken.
    with system.acting_as("worker"):
        RightsRequest.objects.filter(pk=asked.pk).update(opened_by=asked.opened_by)
    with as_web(live, "caldicott_guardian") as web:
        assert web.execute(agree, [name]).rowcount == 1
    with system.acting_as("worker"):
        RightsRequest.objects.filter(pk=asked.pk).update(opened_by=name)
    with system.acting_as("loader"), system.acting_as("vault", "vault"):
        assert not erasure.carry_out(request_id=asked.pk)
    assert rows_of(ANNA.person_no)["profile"] == 2


def as_web(live, user: str):
    """The web's role with a viewer in scope, on a connection of its own."""
    web = system.connect("web")
    web.execute(
        "SELECT set_config('app.viewer_id', %s, false)", [str(live.users[user].pk)]
    )
    return web


def test_what_nobody_agreed_to_is_not_carried_out(live, asked):
    told(live.client("ig_lead"), asked, **EVERYTHING)
    with system.acting_as("loader"), system.acting_as("vault", "vault"):
        assert not erasure.carry_out(request_id=asked.pk)
    assert rows_of(ANNA.person_no)["profile"] == 2


def test_agreed_the_person_is_on_no_list_and_no_page(live, asked):
    clinician = live.client("pcn_clinician", "direct_care")
    page = page_of(live, ANNA, "pcn_clinician", "direct_care")
    assert clinician.get(page).status_code == 200
    assert rows_of(ANNA.person_no)["list_entry"] > 0
    bert = rows_of(BERT.person_no)
    told(live.client("ig_lead"), asked, **EVERYTHING)
    told(live.client("caldicott_guardian"), asked, do="agree_erasure")
    with system.acting_as("worker"):
        ResearchExtract.objects.create(
            project="falls-2026",
            release_id=1,
            as_of=date(2026, 1, 1),
            columns=["sex"],
            rows=1,
            made_at=timezone.now(),
            sealed=b"sealed",
        )
    with system.acting_as("loader"), system.acting_as("vault", "vault"):
        assert erasure.carry_out(request_id=asked.pk)
        assert not ResearchExtract.objects.exists()
        assert not erasure.carry_out(request_id=asked.pk)
        made = RightsErasure.objects.get(request=asked.pk)
    assert made.state == "done"
    assert made.removed["list_entry"] > 0
    assert set(rows_of(ANNA.person_no).values()) == {0}
    assert rows_of(BERT.person_no) == bert
    assert clinician.get(page).status_code in {403, 404}
    course = words(
        live.client("ig_lead").get(reverse("rights-request", args=[asked.pk]))
    )
    assert "rows removed" in course
    with system.connect("vault") as vault:
        named = vault.execute(
            "SELECT count(*) FROM person_identity WHERE person_no = %s",
            [ANNA.person_no],
        ).fetchone()
    assert named == (0,)
    events = [row["event"] for row in system.audit_rows()]
    for event in ("erasure_proposed", "erasure_agreed", "person_erased"):
        assert event in events
    with system.acting_as("audit_reader"):
        assert trail.verify(with_anchors=False).faults == ()


def rows_of(person_no: int) -> dict[str, int]:
    """How many rows each table of persons holds of somebody."""
    with system.connect("loader") as loader:
        return {
            table: loader.execute(
                f"SELECT count(*) FROM {table} WHERE person_no = %s", [person_no]
            ).fetchone()[0]
            for table in ("person", *settings.ERASED_WITH_A_PERSON)
        }


def test_what_was_left_is_sent_for_one_by_one(monkeypatch):
    sent = mock.Mock()
    monkeypatch.setattr(erasure, "waiting", lambda: [3, 5])
    monkeypatch.setattr(tasks.erase, "delay", sent)
    tasks.finish_erasures()
    assert sent.call_args_list == [mock.call(3), mock.call(5)]


# Whose rows stay, and why: whose request it was, and what a delta still has to redo.
KEPT = {"rights_subject", "touched_person"}


def test_every_table_of_persons_is_erased_or_named(live):
    """A new table with a person in it stands in settings, or the build fails."""
    with system.connect("migrator") as owner:
        found = owner.execute(
            "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid ="
            " a.attrelid WHERE a.attname = 'person_no' AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
        ).fetchall()
    facts = {"person", "event", "activity", "registration", "residence"}
    named = facts | set(settings.ERASED_WITH_A_PERSON) | KEPT
    assert {name for (name,) in found} == named
