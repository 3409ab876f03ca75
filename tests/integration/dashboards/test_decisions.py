"""Decision → intervention → outcome, and everyone who may not take one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from dashboards.actions import decide, undo
from dashboards.actions.decisions import RefusedDecisionError
from dashboards.definitions import LISTS
from dashboards.models import Decision, Intervention, ListEntry
from dashboards.selectors import person as person_page
from dashboards.selectors import worklist as selectors
from governance import access, pseudonym
from governance.audit import AuditUnavailableError
from tests import live_people as people
from tests import live_system as system
from tests.live_people import ANNA, BERT, CORA, EDNA, ODA, PROGRAMME

SPEC = LISTS[PROGRAMME]
pytestmark = pytest.mark.usefixtures("as_made")


@pytest.fixture
def mdt(live):
    return live.viewer("pcn_mdt_member")


@pytest.fixture
def colleague(live):
    return live.viewer("colleague")


def take(viewer, someone=ANNA, choice="accept", reason="suitable", **given):
    """Decide as a request would: inside the viewer's own transaction."""
    with access.scoped(viewer):
        return decide(
            programme=PROGRAMME,
            person_no=someone.person_no,
            choice=choice,
            reason=reason,
            by=viewer,
            **given,
        )


def take_back(viewer, decision):
    with access.scoped(viewer):
        return undo(decision_id=decision.pk, by=viewer)


def the_list(viewer):
    with access.scoped(viewer):
        return selectors.worklist(viewer, PROGRAMME)


def card(viewer, someone):
    made = the_list(viewer)
    cards = [*made.today, *made.decided]
    return next(c for c in cards if c.person_no == someone.person_no)


def rows(viewer, model):
    with access.scoped(viewer):
        return list(model.objects.order_by("pk").values())


@contextmanager
def days_later(days: int) -> Iterator[None]:
    later = timezone.now() + timedelta(days=days)
    with mock.patch("django.utils.timezone.now", return_value=later):
        yield


def test_accepting_offers_the_suggested_step_with_a_baseline(mdt):
    decision = take(mdt, note="Speak to the daughter")
    offered = rows(mdt, Intervention)
    assert [(o["decision_id"], o["kind"], o["state"]) for o in offered] == [
        (decision.pk, "structured_medication_review", "offered")
    ]
    assert offered[0]["due_on"] == timezone.localdate() + timedelta(days=21)
    assert offered[0]["baseline"] == {
        "emergency_admissions_12m": 3.0,
        "emergency_attendances_12m": 1.0,
        "bed_days_12m": 5.0,
    }
    kept = rows(mdt, Decision)[0]
    assert (kept["practice_code"], kept["decided_by"]) == ("Z81001", mdt.user_id)
    shown = card(mdt, ANNA).decision
    assert (shown.choice, shown.note) == ("Accepted", "Speak to the daughter")
    assert shown.offered == SPEC.next_steps[1].title


def test_another_step_than_the_suggested_can_be_offered(mdt):
    take(mdt, reason="suitable_other", step="holistic_review")
    assert rows(mdt, Intervention)[0]["kind"] == "holistic_review"


def test_a_step_of_no_programme_is_refused_and_nothing_is_kept(mdt):
    with pytest.raises(RefusedDecisionError, match="next steps"):
        take(mdt, step="helicopter")
    assert rows(mdt, Decision) == []


@pytest.mark.parametrize(
    ("choice", "reason", "words"),
    [
        ("decline", "too_well", "Not suitable"),
        ("already_known", "on_caseload", "Already known"),
        ("later", "in_hospital", "Later"),
    ],
)
def test_the_other_choices_offer_nothing(mdt, choice, reason, words):
    take(mdt, choice=choice, reason=reason)
    assert rows(mdt, Intervention) == []
    shown = card(mdt, ANNA).decision
    assert shown.choice == words
    assert shown.reason == getattr(SPEC.choices, choice)[reason]


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("accept", ""),
        ("accept", "too_well"),
        ("decline", "suitable"),
        ("undo", "undone"),
        ("", ""),
    ],
)
def test_a_choice_or_reason_that_is_not_offered_is_refused(mdt, choice, reason):
    with pytest.raises(RefusedDecisionError, match="Choose"):
        take(mdt, choice=choice, reason=reason)
    assert rows(mdt, Decision) == []


def test_accepting_takes_one_of_the_weeks_places(mdt):
    before = the_list(mdt)
    take(mdt)
    after = the_list(mdt)
    assert after.free_slots == before.free_slots - 1 == SPEC.capacity_per_week - 1
    with days_later(8):
        assert the_list(mdt).free_slots == SPEC.capacity_per_week


def test_when_the_weeks_places_are_taken_the_rest_wait(mdt):
    one_place = SPEC.model_copy(update={"capacity_per_week": 1})
    with mock.patch.dict(LISTS._read(), {PROGRAMME: one_place}):
        first = the_list(mdt)
        assert [c.person_no for c in first.today] == [ANNA.person_no]
        take(mdt)
        second = the_list(mdt)
    assert second.today == []
    assert second.waiting == first.waiting == first.total - 1


def test_undoing_brings_the_person_back_and_keeps_what_was_decided(mdt, colleague):
    decision = take(mdt)
    taken_back = take_back(colleague, decision)
    assert (taken_back.undoes_id, taken_back.choice) == (decision.pk, "undo")
    assert card(mdt, ANNA).decision is None
    assert rows(mdt, Intervention)[0]["state"] == "cancelled"
    kept = rows(mdt, Decision)
    assert [(k["choice"], k["decided_by"]) for k in kept] == [
        ("accept", mdt.user_id),
        ("undo", colleague.user_id),
    ]
    take(mdt, choice="decline", reason="too_ill")
    assert card(mdt, ANNA).decision.choice == "Not suitable"


def test_a_decision_is_undone_once(mdt):
    decision = take(mdt)
    taken_back = take_back(mdt, decision)
    with pytest.raises(RefusedDecisionError, match="undone already"):
        take_back(mdt, decision)
    with pytest.raises(RefusedDecisionError, match="no such decision"):
        take_back(mdt, taken_back)
    assert len(rows(mdt, Decision)) == 2


def test_later_comes_back_after_its_days_and_a_decline_after_its_own(mdt):
    take(mdt, choice="later", reason="no_capacity")
    take(mdt, someone=BERT, choice="decline", reason="too_well")
    with days_later(SPEC.later_days - 1):
        assert card(mdt, ANNA).decision is not None
    with days_later(SPEC.later_days + 1):
        assert card(mdt, ANNA).decision is None
        assert card(mdt, BERT).decision is not None
        take(mdt)
        assert card(mdt, ANNA).decision.choice == "Accepted"
    with days_later(SPEC.recheck_days + 1):
        assert card(mdt, BERT).decision is None


def test_the_second_colleague_is_told_and_overrules_nobody(mdt, colleague):
    take(mdt)
    with pytest.raises(RefusedDecisionError, match="colleague has decided"):
        take(colleague, choice="decline", reason="too_well")
    assert card(colleague, ANNA).decision.choice == "Accepted"
    assert not card(colleague, ANNA).decision.by_me
    assert card(mdt, ANNA).decision.by_me


def test_two_colleagues_at_the_same_moment_make_one_decision(mdt, colleague):
    start = threading.Barrier(2, timeout=20)
    outcomes: list[str] = []

    def press(viewer, choice, reason):
        try:
            with access.scoped(viewer):
                start.wait()
                decide(
                    programme=PROGRAMME,
                    person_no=ANNA.person_no,
                    choice=choice,
                    reason=reason,
                    by=viewer,
                )
            outcomes.append("decided")
        except RefusedDecisionError:
            outcomes.append("refused")
        finally:
            connections.close_all()

    presses = [(mdt, "accept", "suitable"), (colleague, "decline", "too_well")]
    threads = [threading.Thread(target=press, args=each) for each in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["decided", "refused"]
    assert len(rows(mdt, Decision)) == 1


def test_the_audit_is_written_before_the_decision(mdt):
    count = len(system.audit_rows("decision_recorded"))
    with (
        mock.patch.object(Decision.objects, "create", side_effect=RuntimeError),
        pytest.raises(RuntimeError),
    ):
        take(mdt)
    told = system.audit_rows("decision_recorded")
    assert len(told) == count + 1
    assert (told[-1]["user_id"], told[-1]["persons"]) == (mdt.user_id, 1)
    assert str(ANNA.person_no) not in str(told[-1])


def test_what_is_not_audited_is_not_decided(mdt):
    with system.without_audit(), pytest.raises(AuditUnavailableError):
        take(mdt)
    assert rows(mdt, Decision) == []


def test_someone_who_left_the_list_cannot_be_decided_on(live, mdt):
    """The page was opened before the release that took Edna off."""
    with pytest.raises(RefusedDecisionError, match="not on your list today"):
        take(mdt, someone=EDNA)
    client = live.client("pcn_mdt_member")
    address = reverse(
        "decide", args=[PROGRAMME, selectors.reference(mdt, EDNA.person_no)]
    )
    page = client.post(address, {"decision": "accept:suitable"}, follow=True)
    assert "not on your list today" in page.content.decode()
    assert rows(mdt, Decision) == []


def test_another_teams_person_is_refused_by_the_selector(mdt):
    with pytest.raises(RefusedDecisionError, match="not on your list"):
        take(mdt, someone=ODA)
    assert the_list(mdt).total == len(people.OURS)
    with access.scoped(mdt):
        assert person_page.life(mdt, ODA.person_no) is None


def test_another_teams_person_is_refused_by_the_database(mdt):
    """A viewer whose practices were widened in memory still meets the second wall."""
    widened = replace(
        mdt, practice_codes=frozenset({"Z81001", "Z81002", "Z81005", "Z81006"})
    )
    assert the_list(widened).total == len(people.OURS)
    with pytest.raises(RefusedDecisionError, match="not on your list"):
        take(widened, someone=ODA)
    with access.scoped(widened):
        assert person_page.life(widened, ODA.person_no) is None
        assert not ListEntry.objects.filter(person_no=ODA.person_no).exists()


def test_another_teams_decision_can_neither_be_seen_nor_undone(live, mdt):
    theirs = live.viewer("their_mdt")
    decision = take(theirs, someone=ODA)
    assert rows(mdt, Decision) == []
    with pytest.raises(RefusedDecisionError, match="no such decision"):
        take_back(mdt, decision)
    address = reverse("undo-decision", args=[PROGRAMME, decision.pk])
    live.client("pcn_mdt_member").post(address)
    assert len(rows(theirs, Decision)) == 1
    assert rows(theirs, Intervention)[0]["state"] == "offered"


def test_another_teams_reference_is_403_and_so_is_none_at_all(live, mdt):
    theirs = live.viewer("their_mdt")
    client = live.client("pcn_mdt_member")
    for sealed in (
        selectors.reference(theirs, ODA.person_no),
        selectors.reference(theirs, ANNA.person_no),
        pseudonym.seal(ANNA.person_no, recipient="U1", purpose="direct_care"),
        "nonsense",
    ):
        address = reverse("decide", args=[PROGRAMME, sealed])
        assert client.post(address, {"decision": "accept:suitable"}).status_code == 403
    assert rows(mdt, Decision) == []
    assert rows(theirs, Decision) == []


def test_their_number_sealed_for_us_opens_nothing(live, mdt):
    """Whoever got hold of the key of our references still meets both walls."""
    sealed = selectors.reference(mdt, ODA.person_no)
    client = live.client("pcn_mdt_member")
    assert client.get(reverse("person", args=[sealed])).status_code == 403
    page = client.post(
        reverse("decide", args=[PROGRAMME, sealed]),
        {"decision": "accept:suitable"},
        follow=True,
    )
    assert "not on your list today" in page.content.decode()
    assert rows(live.viewer("their_mdt"), Decision) == []


@pytest.mark.parametrize("role", ["system_analyst", "place_lead", "ig_lead"])
def test_who_has_no_list_cannot_decide(live, mdt, role):
    sealed = selectors.reference(mdt, ANNA.person_no)
    client = live.client(role)
    for name, arguments in (
        ("decide", [PROGRAMME, sealed]),
        ("undo-decision", [PROGRAMME, 1]),
        ("reveal", [PROGRAMME]),
    ):
        assert client.post(reverse(name, args=arguments)).status_code == 403
    assert rows(mdt, Decision) == []


def test_a_decision_by_the_page_shows_on_the_page(live, mdt):
    client = live.client("pcn_social_prescriber")
    sealed = selectors.reference(mdt, CORA.person_no)
    page = client.post(
        reverse("decide", args=[PROGRAMME, sealed]),
        {"decision": "decline:too_well", "note": "=cmd"},
        follow=True,
    ).content.decode()
    assert f"{pseudonym.short(sealed)}: Not suitable." in page
    assert "Too well to benefit" in page
    kept = rows(mdt, Decision)[0]
    assert kept["decided_by"] == live.users["pcn_social_prescriber"].pk
    undone = client.post(
        reverse("undo-decision", args=[PROGRAMME, kept["id"]]), follow=True
    )
    assert "The decision was undone." in undone.content.decode()
    assert "No decision yet" in undone.content.decode()


def test_a_form_without_its_token_is_refused(live, mdt):
    client = live.client("pcn_mdt_member")
    client.handler.enforce_csrf_checks = True
    sealed = selectors.reference(mdt, ANNA.person_no)
    response = client.post(
        reverse("decide", args=[PROGRAMME, sealed]), {"decision": "accept:suitable"}
    )
    assert response.status_code == 403
    assert rows(mdt, Decision) == []
