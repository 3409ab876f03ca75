"""Cards, bulk decisions, meetings, paper and places, as a team's pages."""

import re
from unittest import mock

import pytest
from django.urls import reverse

from dashboards.definitions import LISTS
from dashboards.models import CardEvent, Decision
from dashboards.selectors import worklist_room
from governance import access
from governance.access import ACCESS
from linkage.release import selectors as release
from tests import live_system as system
from tests.live_pages import LIST, NAMES, sealed, words
from tests.live_people import ANNA, BERT, CORA, DREW, ODA, OURS, PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made")
MEETING = reverse("list-meeting", args=[PROGRAMME])
ROOM = reverse("list-room", args=[PROGRAMME])
PAPER = reverse("list-print", args=[PROGRAMME])
BULK = reverse("list-bulk", args=[PROGRAMME])
TEAM = reverse("list-team")
MINE = reverse("list-mine")
DIGEST = reverse("list-digest")
PAGES = {"worklist": (ROOM, PAPER, DIGEST), "decide": (MEETING, TEAM, MINE)}


def card_page(live, someone=ANNA, role="pcn_mdt_member"):
    return reverse("list-card", args=[PROGRAMME, sealed(live, someone, role)])


def kept(live, model):
    viewer = live.viewer("pcn_mdt_member")
    with access.scoped(viewer):
        return list(model.objects.order_by("pk").values())


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_each_page_opens_for_the_roles_that_name_it(live, role):
    client = live.client(role)
    for page, addresses in PAGES.items():
        expected = 200 if page in ACCESS.roles[role].pages else 403
        for address in addresses:
            assert client.get(address).status_code == expected
    opens = "decide" in ACCESS.roles[role].pages
    # The reference is sealed for a team's purpose; the role's usual one may be another.
    same = live.client(role, "population_health") if opens else client
    assert same.get(card_page(live)).status_code == (200 if opens else 403)
    assert client.post(BULK).status_code == (302 if opens else 403)


def test_another_teams_card_is_403(live, mdt):
    assert mdt.get(card_page(live, ODA)).status_code == 403
    assert mdt.get(card_page(live, ANNA, "their_mdt")).status_code == 403


def test_a_change_on_the_card_page_shows_there_and_on_the_list(live, mdt):
    given = {"kind": "assigned", "version": "0", "role": "Clinical pharmacist"}
    page = words(mdt.post(card_page(live), given, follow=True))
    assert "with Clinical pharmacist" in page
    assert "given to someone, by Pcn Mdt Member" in page
    assert "with Clinical pharmacist" in words(mdt.get(LIST))
    assert "Clinical pharmacist" in words(mdt.get(TEAM))


def test_who_comes_second_sees_what_happened_and_keeps_what_was_typed(live, mdt):
    other = live.client("colleague")
    other.post(
        card_page(live, role="colleague"),
        {"kind": "due", "version": "0", "on": "2026-12-01"},
    )
    response = mdt.post(
        card_page(live), {"kind": "noted", "version": "0", "note": "Ring the son"}
    )
    page = words(response)
    assert response.status_code == 409
    assert "a due date was set" in page
    assert "Ring the son</textarea>" in page
    assert [e["kind"] for e in kept(live, CardEvent)] == ["due"]
    version = re.search(r'name="version" value="(\d+)"', page).group(1)
    mdt.post(
        card_page(live), {"kind": "noted", "version": version, "note": "Ring the son"}
    )
    assert [e["kind"] for e in kept(live, CardEvent)] == ["due", "noted"]


def test_a_decision_from_a_page_that_is_behind_is_not_taken(live, mdt):
    live.client("colleague").post(
        card_page(live, role="colleague"), {"kind": "noted", "version": "0"}
    )
    address = reverse("decide", args=[PROGRAMME, sealed(live, ANNA)])
    page = mdt.post(
        address, {"decision": "accept:suitable", "version": "0"}, follow=True
    )
    assert "a note was added" in words(page)
    assert kept(live, Decision) == []


def test_a_note_is_on_no_page_but_the_teams_own_and_in_no_file(live, mdt):
    mdt.post(card_page(live), {"kind": "noted", "version": "0", "note": "SECRETNOTE"})
    for address in (LIST, PAPER, ROOM, TEAM, MEETING):
        assert "SECRETNOTE" not in words(mdt.get(address))
    export = reverse("list-export", args=[PROGRAMME])
    assert "SECRETNOTE" not in words(
        mdt.post(export, {"practice": "Z81001", "reason": ""})
    )
    assert "SECRETNOTE" not in str(system.audit_rows())


def test_one_decision_for_several_people(live, mdt):
    both = [f"{sealed(live, s)}:0" for s in (ANNA, BERT)]
    page = mdt.post(
        BULK, {"person": both, "decision": "later:no_capacity"}, follow=True
    )
    assert "Later (each can be undone): " in words(page)
    assert [d["choice"] for d in kept(live, Decision)] == ["later", "later"]
    again = mdt.post(BULK, {"person": both, "decision": "later:no_capacity"})
    assert again.status_code == 302
    assert len(kept(live, Decision)) == 2
    empty = mdt.post(BULK, {"decision": "later:no_capacity"}, follow=True)
    assert "Tick the people" in words(empty)


def test_several_cards_are_given_at_once_and_refusals_are_said(live, mdt):
    user = live.users["colleague"].pk
    both = [f"{sealed(live, s)}:0" for s in (ANNA, BERT)]
    for holder, expected in (
        (f"user:{user}", "Given: "),
        ("role:GP", "A colleague has changed this card"),
        ("role:Astrologer", "team's roles"),
        ("user:x", "role or a colleague"),
    ):
        page = mdt.post(
            BULK, {"person": both, "do": "give", "holder": holder}, follow=True
        )
        assert expected in words(page), holder
    assert [e["kind"] for e in kept(live, CardEvent)] == ["assigned", "assigned"]
    assert "Colleague" in words(mdt.get(TEAM))


def test_work_is_handed_over_on_the_page(live, mdt):
    user = live.users["colleague"].pk
    mdt.post(card_page(live), {"kind": "assigned", "version": "0", "user": user})
    page = mdt.post(TEAM, {"from_user": user, "to_role": "GP"}, follow=True)
    assert "Cards handed over: 1." in words(page)
    nobody = mdt.post(TEAM, {"from_user": user})
    assert nobody.status_code == 400


def test_a_meeting_goes_through_the_agenda_one_person_and_one_key_at_a_time(live, mdt):
    assert "6 people are on the agenda" in words(mdt.get(MEETING))
    page = words(mdt.post(MEETING, {"do": "start"}, follow=True))
    keys = re.findall(r'value="([^"]+)" data-key="(.)"', page)
    assert len({key for _, key in keys}) == len(keys)
    by_value = dict(keys)
    offered = {
        f"{choice}:{code}"
        for choice in ("decline", "already_known", "later")
        for code in getattr(LISTS[PROGRAMME].choices, choice)
    } | {"accept:suitable", "pass"}
    assert set(by_value) == offered
    for n in range(1, len(OURS) + 1):
        assert f"Person {n} of {len(OURS)}" in page
        reference = re.search(r'name="reference" value="(\w+)"', page).group(1)
        page = words(
            mdt.post(
                MEETING,
                {"reference": reference, "version": "0", "decision": "accept:suitable"},
                follow=True,
            )
        )
    assert "The agenda is done" in page
    assert len(kept(live, Decision)) == len(OURS)
    meetings = {e["detail"].get("meeting") for e in kept(live, CardEvent)}
    assert len(meetings) == 1
    assert None not in meetings
    assert system.audit_rows("meeting_started")[-1]["persons"] == len(OURS)
    mdt.post(MEETING, {"do": "end"})
    assert "Nobody is waiting" in words(mdt.get(MEETING))


def test_a_person_without_a_decision_comes_again_at_the_end(live, mdt):
    page = words(mdt.post(MEETING, {"do": "start"}, follow=True))
    first = re.search(r'name="reference" value="(\w+)"', page).group(1)
    page = words(mdt.post(MEETING, {"do": "pass", "reference": first}, follow=True))
    second = re.search(r'name="reference" value="(\w+)"', page).group(1)
    assert second != first
    assert kept(live, Decision) == []


def test_a_meeting_names_the_one_person_on_the_table_for_a_reason(live, mdt):
    page = words(mdt.post(MEETING, {"do": "start"}, follow=True))
    assert ANNA.surname not in page
    mdt.post(NAMES, {"reason": "mdt_review"})
    page = words(mdt.get(MEETING))
    assert ANNA.surname in page
    assert CORA.surname not in page


def test_paper_holds_no_name_even_while_names_are_shown(live, mdt):
    mdt.post(NAMES, {"reason": "mdt_review"})
    page = words(mdt.get(PAPER))
    assert page.count('<article class="app-card"') == len(OURS)
    for someone in OURS:
        assert someone.surname not in page
        assert someone.nhs_number not in page


def test_the_slider_says_what_so_many_places_mean(live, mdt):
    page = words(mdt.get(ROOM, {"slots": "2"}))
    assert "With 2 places a week" in page
    # Anna .62 and Bert .45; a pharmacist's review and a visit at home.
    assert "1.1 of 2" in page
    assert "4.0 hours, £215" in page
    assert "4 fall off" in page
    assert "most deprived" in page
    assert mdt.get(LIST).content.count(b'<li class="app-card"') == len(OURS)


def test_the_number_of_places_kept_sizes_the_list(live, mdt):
    page = words(mdt.post(ROOM, {"slots": "2", "order": "own"}, follow=True))
    assert "2 of 2 places free" in page
    assert page.count('<li class="app-card"') == 2
    assert "4 more are waiting" in page
    other = live.client("colleague")
    assert words(other.get(LIST)).count('<li class="app-card"') == len(OURS)


def test_the_same_people_in_the_order_of_what_could_be_done(live, mdt):
    """Bert's 77.6 comes before Anna's 31.4; nobody else has been rated."""
    page = words(mdt.get(ROOM, {"slots": "1"}))
    assert "Ordered by what could be done (impactability) instead" in page
    assert "1 of the 1 places would go to other people" in page
    assert "0.5 instead of 0.6 are expected" in page
    assert "Places by what could be done (impactability)" in page
    chosen = {"slots": "1", "order": "impactability"}
    page = words(mdt.post(ROOM, chosen, follow=True))
    assert "The order is by what could be done (impactability), as you chose" in page
    assert f'id="p-{sealed(live, BERT)}"' in page
    assert f'id="p-{sealed(live, ANNA)}"' not in page
    assert "In this place for: what could be done, 78 of 100 where 50 is usual" in page
    page = words(mdt.post(ROOM, chosen | {"slots": "6"}, follow=True))
    places = [page.index(f'id="p-{sealed(live, s)}"') for s in (BERT, ANNA, CORA, DREW)]
    assert places == sorted(places)
    # Who has not been rated keeps the chance in its words.
    assert "Emergency admission in the next 12 months: about 4 in 10" in page
    back = words(mdt.post(ROOM, {"slots": "1", "order": "no_such"}, follow=True))
    assert f'id="p-{sealed(live, ANNA)}"' in back
    assert "as you chose" not in back


def test_who_would_fall_off_is_said_group_by_group(live):
    """Two orders of the same people: places of each group in one table."""
    viewer = live.viewer("pcn_mdt_member")
    with access.scoped(viewer):
        found = worklist_room.room(viewer, PROGRAMME, 2)
        (other,) = found.others
    assert [(s.trait, s.group) for s in found.shares] == [
        (s.trait, s.group) for s in other.shares
    ]
    assert other.changes == 0
    assert sum(s.of_places for s in other.shares if s.trait == "sex") == 2


@pytest.mark.parametrize("given", ["", "x", "-1", "0", "99999"])
def test_a_number_of_places_that_is_none_does_no_harm(mdt, given):
    assert mdt.get(ROOM, {"slots": given}).status_code == 200


def test_before_the_first_release_the_pages_say_so(mdt):
    with mock.patch.object(release, "current", return_value=None):
        for address in (ROOM, PAPER, MEETING, TEAM):
            assert mdt.get(address).status_code == 200
