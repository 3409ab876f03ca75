"""A subject access request, from the person's page to the paper handed over."""

import json
from datetime import timedelta

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from django.urls import reverse
from django.utils import timezone

from dashboards import subject_record
from dashboards.actions import rights
from dashboards.models import RightsPack, RightsRequest, RightsStep
from dashboards.steps.subject_record import known_entries, without
from tests import live_system as system
from tests.live_pages import page_of, words
from tests.live_people import ANNA, ODA

CODE = "38341003"
pytestmark = pytest.mark.usefixtures("as_made", "forgotten")


@pytest.fixture(scope="module")
def lives(live):
    """Anna with a code and a stay in hospital to tell her of."""
    today = timezone.localdate()
    system.load_event(ANNA.person_no, "observation", CODE, today - timedelta(days=90))
    system.load_activity(
        ANNA.person_no, "admitted", "spell", today - timedelta(days=60)
    )
    return live


@pytest.fixture
def forgotten(lives):
    yield
    with system.connect("migrator") as owner:
        owner.execute(
            "TRUNCATE rights_request, rights_subject, rights_step, rights_pack,"
            " rights_erasure"
        )


def reference_of(live, someone=ANNA, role="pcn_clinician") -> str:
    return page_of(live, someone, role, "direct_care").rsplit("/", 2)[1]


def opened(live, kind: str = "access", source: str = "") -> RightsRequest:
    """A request that a clinician opened from Anna's page; the queue has run."""
    client = live.client("pcn_clinician", "direct_care")
    address = reverse("rights-open", args=[reference_of(live)])
    assert client.post(address, {"kind": kind, "source": source}).status_code == 302
    with system.acting_as("worker"):
        made = RightsRequest.objects.get()
        rights.compile_record(request_id=made.pk)
    return made


def state(made: RightsRequest) -> str:
    with system.acting_as("worker"):
        return RightsRequest.objects.get(pk=made.pk).state


def test_a_record_is_compiled_reviewed_twice_released_and_handed_over(lives):
    made = opened(lives)
    clinician = lives.client("pcn_clinician", "direct_care")
    assert clinician.get(page_of(lives, ANNA, "pcn_clinician", "direct_care"))
    address = reverse("rights-own-request", args=[made.pk])
    review = reverse("rights-own-review", args=[made.pk])
    page = words(clinician.get(address))
    assert CODE in page
    assert "Hospital" in page or "admitted" in page
    assert state(made) == "compiled"
    # Nothing leaves before both reviews and the release.
    paper = reverse("rights-record-pdf", args=[made.pk])
    assert clinician.get(paper).status_code == 403
    withheld = {"of": "harm", "withheld": "events 0"}
    no_reason = clinician.post(review, withheld, follow=True)
    assert "Say why entries are withheld." in words(no_reason)
    clinician.post(review, withheld | {"note": "could do serious harm"})
    again = clinician.post(review, {"of": "others"}, follow=True)
    assert "Somebody else must do the second review." in words(again)
    member = lives.client("pcn_mdt_member", "direct_care")
    member.post(review, {"of": "others"})
    assert state(made) == "reviewed"
    lead = lives.client("ig_lead")
    course = words(lead.get(reverse("rights-request", args=[made.pk])))
    assert "Reviewed for serious harm" in course
    assert CODE not in course
    assert clinician.get(paper).status_code == 403
    change = reverse("rights-change", args=[made.pk])
    lead.post(change, {"do": "release"})
    assert state(made) == "released"
    printed = clinician.get(paper)
    assert printed.content.startswith(b"%PDF")
    told = json.loads(
        clinician.get(reverse("rights-record-json", args=[made.pk])).content
    )["record"]
    assert "1 entry withheld" in told["events"]["title"]
    assert CODE not in json.dumps(told["events"])
    assert ["admitted" in row for row in told["activity"]["rows"]] == [True]
    seen = told["seen_by"]["rows"]
    assert told["person"]["rows"]
    assert isinstance(seen, list)
    events = [row["event"] for row in system.audit_rows()]
    for event in ("opened", "compiled", "reviewed", "released", "fetched"):
        assert f"rights_{event}" in events


def test_who_saw_the_record_is_in_it(lives):
    member = lives.client("pcn_mdt_member")
    member.get(page_of(lives, ANNA))
    with system.acting_as("worker"):
        record = subject_record.gather(ANNA.person_no)
        other = subject_record.gather(ODA.person_no)
    rows = record["seen_by"]["rows"]
    assert any(
        "PCN multidisciplinary team member" in row and "person viewed" in row
        for row in rows
    )
    assert not any("person viewed" in row for row in other["seen_by"]["rows"])


def test_another_practice_and_who_governs_never_see_the_record(lives):
    made = opened(lives)
    theirs = lives.client("their_mdt", "direct_care")
    assert theirs.get(reverse("rights-own-request", args=[made.pk])).status_code == 404
    lead = lives.client("ig_lead")
    own = reverse("rights-own-request", args=[made.pk])
    assert lead.get(own).status_code == 403
    address = reverse("rights-open", args=[reference_of(lives)])
    assert theirs.post(address, {"kind": "access"}).status_code == 403
    for user, table, rows in (
        ("their_mdt", "rights_request", 0),
        ("ig_lead", "rights_request", 1),
        ("ig_lead", "rights_subject", 0),
        ("ig_lead", "rights_pack", 0),
        ("pcn_clinician", "rights_pack", 1),
        ("pcn_clinician", "seen_people", None),
    ):
        viewer_id = str(lives.users[user].pk)
        with system.connect("web") as web, web.transaction():
            web.execute(
                "SELECT set_config('app.viewer_id', %s, true),"
                " set_config('app.purpose', 'direct_care', true)",
                [viewer_id],
            )
            if rows is None:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    web.execute(f"SELECT count(*) FROM {table}")
            else:
                found = web.execute(f"SELECT count(*) FROM {table}").fetchone()
                assert found == (rows,), (user, table)


def test_postgres_lets_who_governs_alone_release_and_close(lives):
    made = opened(lives)
    for user, wanted, done in (
        ("pcn_clinician", "released", None),
        ("pcn_clinician", "closed", None),
        ("pcn_clinician", "reviewed", 1),
        ("their_mdt", "reviewed", 0),
        ("ig_lead", "released", 1),
    ):
        with system.connect("web") as web, web.transaction(force_rollback=True):
            web.execute(
                "SELECT set_config('app.viewer_id', %s, true),"
                " set_config('app.purpose', 'direct_care', true)",
                [str(lives.users[user].pk)],
            )
            change = "UPDATE rights_request SET state = %s WHERE id = %s"
            if done is None:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    web.execute(change, [wanted, made.pk])
            else:
                found = web.execute(change, [wanted, made.pk]).rowcount
                assert found == done, (user, wanted)


def test_a_pack_lies_sealed_and_opens_for_its_own_request_alone(lives):
    made = opened(lives)
    with system.acting_as("worker"):
        sealed = bytes(RightsPack.objects.get(request=made).sealed)
    assert CODE.encode() not in sealed
    assert subject_record.unseal(sealed, made.pk)["events"]["rows"]
    with pytest.raises(InvalidTag):
        subject_record.unseal(sealed, made.pk + 1)


def test_a_mistake_goes_to_whoever_wrote_it(lives):
    client = lives.client("pcn_clinician", "direct_care")
    address = reverse("rights-open", args=[reference_of(lives)])
    nothing = client.post(address, {"kind": "rectify"}, follow=True)
    assert "Say which records hold the mistake." in words(nothing)
    client.post(address, {"kind": "rectify", "source": "gp_observation"})
    with system.acting_as("worker"):
        made = RightsRequest.objects.get()
    lead = lives.client("ig_lead")
    change = reverse("rights-change", args=[made.pk])
    lead.post(change, {"do": "route"})
    assert state(made) == "routed"
    page = words(lead.get(reverse("rights-request", args=[made.pk])))
    assert "gp_observation" in page


def test_the_clock_stops_and_the_answer_is_due_so_much_later(lives):
    made = opened(lives)
    assert made.due_on == timezone.localdate() + timedelta(days=30)
    viewer = lives.viewer("ig_lead")
    today = timezone.localdate()
    with system.access.scoped(viewer):
        rights.stop_clock(request_id=made.pk, today=today, by=viewer)
        rights.stop_clock(
            request_id=made.pk, today=today + timedelta(days=9), by=viewer
        )
    with system.acting_as("worker"):
        later = RightsRequest.objects.get(pk=made.pk)
    assert later.due_on == made.due_on + timedelta(days=9)
    assert later.stopped_on is None


def test_a_refusal_says_what_was_answered_and_closes(lives):
    made = opened(lives, "erase")
    lead = lives.client("ig_lead")
    change = reverse("rights-change", args=[made.pk])
    page = words(lead.get(reverse("rights-request", args=[made.pk])))
    assert "Article 17(3)(c)" in page
    wordless = lead.post(change, {"do": "refuse"}, follow=True)
    assert "Say what was answered." in words(wordless)
    assert "Choose what to do." in words(lead.post(change, {}, follow=True))
    lead.post(change, {"do": "refuse", "note": "kept by law"})
    assert state(made) == "refused"
    assert "closed already" in words(
        lead.post(change, {"do": "close", "note": "x"}, follow=True)
    )
    with system.acting_as("worker"):
        steps = list(RightsStep.objects.order_by("pk").values_list("what", flat=True))
    assert steps == ["opened", "refused"]


def test_requests_are_listed_by_when_they_are_due(lives):
    opened(lives)
    page = words(lives.client("ig_lead").get(reverse("rights")))
    assert "1 request is open" in page
    assert "30 days left" in page
    manager = words(
        lives.client("practice_manager", "direct_care").get(reverse("rights-own"))
    )
    assert "1 request is open" in manager


def test_what_is_withheld_is_only_what_is_there():
    record = {"events": {"title": "Codes", "columns": ["a"], "rows": [["x"], ["y"]]}}
    assert known_entries(record, ["events 1", "events 7", "nothing 0"]) == ["events 1"]
    kept = without(record, {"events 1"})["events"]
    assert kept["rows"] == [["x"]]
    assert kept["title"] == "Codes (1 entry withheld)"
