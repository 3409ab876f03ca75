"""Attempts of somebody with an account to reach people who are not theirs."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboards.models import CardEvent, Decision
from dashboards.selectors import worklist
from governance import access, pseudonym
from tests import live_system as system
from tests.live_pages import EXPORT, LIST, sealed, words
from tests.live_people import ANNA, JACK, KATE, ODA, PIP, PROGRAMME, THEIRS

pytestmark = pytest.mark.usefixtures("as_made")
NOBODY_AT_ALL = 7_999_999


def routes(reference: str) -> list[str]:
    """Every address that names one person."""
    return [
        reverse("person", args=[reference]),
        reverse("reveal-person", args=[reference]),
        reverse("explain-person", args=[reference]),
        reverse("list-card", args=[PROGRAMME, reference]),
        reverse("decide", args=[PROGRAMME, reference]),
        reverse("special-access-ask", args=[reference]),
    ]


def both(client, address):
    """GET, and POST a form that would be right for one's own patient."""
    form = {"reason": "mdt_review", "decision": "accept:suitable", "version": "0"}
    form |= {"kind": "noted", "note": "mine now", "programme": PROGRAMME}
    return client.get(address), client.post(address, form, follow=True)


def is_refusal(answer) -> bool:
    return answer.status_code in {403, 404, 405}


def test_a_reference_sealed_for_another_opens_nothing(live, mdt):
    """IDOR: the other team's own reference, copied from their screen."""
    for someone in THEIRS:
        stolen = sealed(live, someone, "their_mdt")
        for address in routes(stolen):
            assert all(is_refusal(a) for a in both(mdt, address)), address


def test_another_networks_number_sealed_for_us_opens_nothing(live, mdt):
    """IDOR behind the seal: only the scope is left, and it holds."""
    viewer = live.viewer("pcn_mdt_member")
    forged = worklist.reference(viewer, ODA.person_no)
    for address in routes(forged)[:5]:
        for answer in both(mdt, address):
            # A decision is refused in words, on one's own list.
            assert is_refusal(answer) or answer.redirect_chain, address
            assert ODA.surname not in words(answer)
    with access.scoped(live.viewer("their_mdt")):
        assert not Decision.objects.exists()
        assert not CardEvent.objects.exists()


@pytest.mark.parametrize("number", [ODA.person_no, NOBODY_AT_ALL, 0, -1])
def test_a_plain_number_is_no_reference(live, mdt, number):
    for address in routes(str(number)):
        assert all(is_refusal(a) for a in both(mdt, address))


def test_a_reference_of_one_purpose_or_role_opens_nothing_in_another(live):
    for_care = sealed(live, ANNA, purpose="direct_care")
    client = live.client("pcn_mdt_member", "population_health")
    assert is_refusal(client.get(reverse("person", args=[for_care])))


def test_each_changed_letter_of_a_reference_is_refused(live, mdt):
    good = sealed(live, ANNA)
    assert mdt.get(reverse("person", args=[good])).status_code == 200
    for place in range(0, len(good), 3):
        other = "b" if good[place] == "a" else "a"
        bad = good[:place] + other + good[place + 1 :]
        assert is_refusal(mdt.get(reverse("person", args=[bad])))


def test_nobody_and_somebody_elses_are_refused_alike(live, mdt):
    """Existence oracle: same status, same words, same number of queries."""
    viewer = live.viewer("pcn_mdt_member")
    told = []
    # What is asked once a minute, or kept, is asked by the first page of all.
    mdt.get(reverse("person", args=[worklist.reference(viewer, NOBODY_AT_ALL)]))
    for number in (ODA.person_no, NOBODY_AT_ALL):
        reference = worklist.reference(viewer, number)
        with CaptureQueriesContext(connection) as asked:
            answer = mdt.get(reverse("person", args=[reference]))
        said = system.in_clear(words(answer)).replace(reference, "")
        said = said.replace(pseudonym.short(reference), "")
        told.append((answer.status_code, said, len(asked)))
    assert told[0] == told[1]


def test_another_practices_file_is_not_to_be_had(mdt):
    """Filter leakage by the file's own field, once and twice."""
    for practice in ("Z81005", "z81005", "%", "Z8100_", "", ["Z81001", "Z81005"]):
        answer = mdt.post(EXPORT, {"practice": practice, "reason": ""})
        body = words(answer)
        assert all(someone.surname not in body for someone in THEIRS)
        if answer.status_code == 200 and "csv" in answer["Content-Type"]:
            assert "Z81005" not in body
            assert practice == ["Z81001", "Z81005"]


@pytest.mark.parametrize(
    "query",
    [
        {"practice": "Z81005"},
        {"place": "U3"},
        {"pcn_code": "U3"},
        {"viewer_id": "1"},
        {"app.viewer_id": "1"},
        {"all": "1", "scope": "*", "debug": "1"},
        {"person_no": str(ODA.person_no)},
        {"order_by": "person__nhs_number", "filter": "practice_code"},
    ],
    ids=str,
)
def test_no_parameter_widens_a_list(live, mdt, query):
    """Filter leakage: what is asked in the address adds nobody."""
    plain = re.findall(r'<li class="app-card"', words(mdt.get(LIST)))
    answer = mdt.get(LIST, query)
    said = words(answer)
    if answer.status_code == 200:
        assert len(re.findall(r'<li class="app-card"', said)) <= len(plain)
    theirs = [sealed(live, s, "their_mdt") for s in THEIRS]
    theirs += [s.surname for s in THEIRS]
    assert [word for word in theirs if word in said] == []


def test_a_parameter_twice_widens_nothing(live):
    """Parameter pollution: the last, the first or a mixture never leave one's place."""
    client = live.client("place_lead")
    for query in (
        "place=P1&place=P2",
        "place=P2&place=P1",
        "place[]=P2",
        "place=P1,P2",
    ):
        answer = client.get(f"/overview/?{query}")
        if answer.status_code == 200:
            assert "Southmoor East" not in words(answer)
        else:
            assert answer.status_code in {400, 403, 404}


def test_a_field_that_was_not_asked_for_is_passed_over(live, mdt):
    """Mass assignment: what a form adds about who, where and when is not taken."""
    reference = sealed(live, ANNA)
    mdt.post(
        reverse("decide", args=[PROGRAMME, reference]),
        {
            "decision": "accept:suitable",
            "version": "0",
            "person_no": str(ODA.person_no),
            "practice_code": "Z81005",
            "decided_by": "1",
            "decided_at": "2001-01-01",
            "release_id": "1",
            "is_superuser": "on",
        },
    )
    viewer = live.viewer("pcn_mdt_member")
    with access.scoped(viewer):
        (kept,) = Decision.objects.all()
    assert (kept.person_no, kept.practice_code) == (ANNA.person_no, "Z81001")
    assert kept.decided_by == viewer.user_id
    assert kept.decided_at.year > 2025


def test_cards_of_another_team_cannot_be_handed_over(live, mdt):
    """The other team's member as the giver: nothing moves, nobody is named."""
    theirs = live.viewer("their_mdt")
    reference = sealed(live, PIP, "their_mdt")
    live.client("their_mdt").post(
        reverse("list-card", args=[PROGRAMME, reference]),
        {"kind": "assigned", "version": "0", "user": str(theirs.user_id)},
    )
    ours = live.viewer("pcn_mdt_member")
    given = {"from_user": str(theirs.user_id), "to_user": str(ours.user_id)}
    assert "1 cards handed over" not in words(
        mdt.post(reverse("list-team"), given, follow=True)
    )
    with access.scoped(theirs):
        last = CardEvent.objects.order_by("-pk").first()
    assert last is not None
    assert last.kind == "assigned"


def test_who_opted_out_is_not_reached_for_another_use(live):
    """Under population health an objector is nobody, also by reference."""
    client = live.client("pcn_mdt_member", "population_health")
    for someone in (JACK, KATE):
        reference = sealed(live, someone, purpose="population_health")
        answer = client.get(reverse("person", args=[reference]))
        assert is_refusal(answer)
        assert someone.surname not in words(answer)


def test_a_cohort_of_another_place_counts_nobody_of_it(live):
    """A cohort asked of another place is refused or narrowed to one's own list."""
    client = live.client("pcn_mdt_member")
    for query in ("place=U3", "place=P2", "c1=practice_code&c1v=Z81005"):
        answer = client.get(f"/cohorts/build/?{query}")
        if answer.status_code == 200:
            assert "Southmoor" not in words(answer)
        else:
            assert answer.status_code in {302, 400, 403}


def test_another_ones_request_for_access_cannot_be_decided(live, mdt):
    for number in range(1, 6):
        answer = mdt.post(
            reverse("special-access-decide", args=[number]), {"answer": "approve"}
        )
        assert answer.status_code == 403
    own = live.client("ig_lead").post(
        reverse("special-access-decide", args=[1]), {"answer": "approve"}
    )
    assert own.status_code in {302, 400, 403, 404, 409}


def test_what_was_tried_is_on_record(live, mdt):
    """Refusals of people and pages stand in the audit with who tried."""
    viewer = live.viewer("pcn_mdt_member")
    before = len(system.audit_rows())
    mdt.get("/registers/")
    mdt.get(reverse("person", args=[worklist.reference(viewer, ODA.person_no)]))
    added = system.audit_rows()[before:]
    refused = [row for row in added if row["outcome"] == "refused"]
    assert {row["user_id"] for row in refused} == {viewer.user_id}
    assert len(refused) >= 2
