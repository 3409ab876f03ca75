"""Cover with its days, handing over and taking it back, one's own cards, homes."""

import re
from datetime import timedelta
from unittest import mock

import polars as pl
import psycopg
import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from dashboards import store
from dashboards.actions import change, decide, hand_over
from dashboards.actions.cards import RefusedDecisionError
from dashboards.actions.lists import _find_homes
from dashboards.actions.teams import arrange_cover, end_cover, take_back
from dashboards.models import Card
from dashboards.selectors import worklist as lists
from dashboards.selectors import worklist_cover, worklist_mine
from dashboards.selectors import worklist_work as work
from dashboards.team_models import Cover
from governance import access
from governance.audit import AuditUnavailableError
from tests import live_system as system
from tests.live_pages import LIST, sealed, words
from tests.live_people import ANNA, BERT, CORA, DREW, ODA, OURS, PROGRAMME, SEPTEMBER

pytestmark = pytest.mark.usefixtures("as_made")
TEAM = reverse("list-team")
MINE = reverse("list-mine")


@pytest.fixture
def member(live):
    return live.viewer("pcn_mdt_member")


@pytest.fixture
def colleague(live):
    return live.viewer("colleague")


def give(by, someone, to=None, seen=0, **detail):
    with access.scoped(by):
        return change(
            programme=PROGRAMME,
            person_no=someone.person_no,
            kind="assigned" if to else "due",
            detail={"user": to.user_id} if to else detail,
            seen_version=seen,
            by=by,
        )


def cover(by, away, stands_in, *, begins=0, lasts=7):
    today = timezone.localdate()
    with access.scoped(by):
        return arrange_cover(
            away_user=away.user_id,
            cover_user=stands_in.user_id,
            from_on=today + timedelta(days=begins),
            to_on=today + timedelta(days=begins + lasts),
            by=by,
        )


def mine(viewer):
    with access.scoped(viewer):
        return worklist_mine.mine(viewer)


def card_of(viewer, someone):
    with access.scoped(viewer):
        made = lists.worklist(viewer, PROGRAMME)
        return next(c for c in made.today if c.person_no == someone.person_no)


def on_day(days):
    later = timezone.now() + timedelta(days=days)
    return mock.patch("django.utils.timezone.now", return_value=later)


def test_whoever_stands_in_has_the_cards_on_both_days_and_no_longer(member, colleague):
    give(member, ANNA, to=colleague)
    give(member, BERT, to=member)
    assert [m.for_whom for m in mine(member)] == [""]
    cover(member, colleague, member, begins=1, lasts=2)
    for day, expected in ((0, 1), (1, 2), (3, 2), (4, 1)):
        with on_day(day):
            assert len(mine(member)) == expected, day
    with on_day(1):
        shown = card_of(member, ANNA).work
        assert shown.mine
        assert "stands in until" in shown.words[0]
        assert {m.for_whom for m in mine(member)} == {"", "Colleague"}
        # Whoever is away keeps their cards.
        assert [m.short for m in mine(colleague)]


def test_ended_early_a_cover_is_over_and_stays_on_record(member, colleague):
    give(member, ANNA, to=colleague)
    made = cover(member, colleague, member)
    with access.scoped(member):
        assert [c.id for c in worklist_cover.standing(member)] == [made.pk]
        end_cover(cover_id=made.pk, by=member)
        assert worklist_cover.standing(member) == []
        kept = Cover.objects.get(pk=made.pk)
        assert (kept.ended_by, kept.made_by) == (member.user_id, member.user_id)
        with pytest.raises(RefusedDecisionError, match="no such cover"):
            end_cover(cover_id=made.pk, by=member)
    assert mine(member) == []


@pytest.mark.parametrize(
    ("days", "what"),
    [((0, 93), "days at most"), ((0, -1), "first and the last"), ((-9, 3), "last")],
)
def test_days_that_make_no_cover_are_refused(member, colleague, days, what):
    begins, lasts = days
    with pytest.raises(RefusedDecisionError, match=what):
        cover(member, colleague, member, begins=begins, lasts=lasts)


def test_nobody_covers_themselves_a_stranger_or_somebody_covered(
    live, member, colleague
):
    with pytest.raises(RefusedDecisionError, match="somebody else"):
        cover(member, member, member)
    with pytest.raises(RefusedDecisionError, match="of your team"):
        cover(member, live.viewer("their_mdt"), member)
    cover(member, colleague, member)
    with pytest.raises(RefusedDecisionError, match="already"):
        cover(member, colleague, member, begins=7)
    cover(member, colleague, member, begins=8)


def test_another_team_sees_and_ends_no_cover_of_ours(live, member, colleague):
    made = cover(member, colleague, member)
    theirs = live.viewer("their_mdt")
    with access.scoped(theirs):
        assert not Cover.objects.exists()
        with pytest.raises(RefusedDecisionError, match="no such cover"):
            end_cover(cover_id=made.pk, by=theirs)
    with system.connect("web") as web, pytest.raises(psycopg.Error):
        web.execute("DELETE FROM list_cover")


def test_a_cover_that_cannot_be_audited_is_not_arranged(member, colleague):
    with system.without_audit(), pytest.raises(AuditUnavailableError):
        cover(member, colleague, member)
    with access.scoped(member):
        assert not Cover.objects.exists()


def test_a_handover_is_taken_back_but_for_what_was_worked_on_since(member, colleague):
    for someone in (ANNA, BERT, CORA):
        give(member, someone, to=colleague)
    with access.scoped(member):
        hand_over(
            from_user=colleague.user_id, to_user=member.user_id, to_role="", by=member
        )
        (found,) = worklist_mine.handed_over(member)
    assert (found.from_name, found.cards) == ("Colleague", 3)
    give(member, CORA, seen=2, on="2026-12-01")
    with access.scoped(member):
        assert take_back(batch=found.batch, by=member) == (2, 1)
        held = dict(Card.objects.values_list("person_no", "assigned_to"))
        assert worklist_mine.handed_over(member) == []
    assert held == {
        ANNA.person_no: colleague.user_id,
        BERT.person_no: colleague.user_id,
        CORA.person_no: member.user_id,
    }
    with access.scoped(member), pytest.raises(RefusedDecisionError, match="no such"):
        take_back(batch="", by=member)


def test_another_team_takes_no_handover_of_ours_back(live, member, colleague):
    give(member, ANNA, to=colleague)
    with access.scoped(member):
        hand_over(from_user=colleague.user_id, to_user=None, to_role="GP", by=member)
        (found,) = worklist_mine.handed_over(member)
    theirs = live.viewer("their_mdt")
    with access.scoped(theirs), pytest.raises(RefusedDecisionError, match="no such"):
        take_back(batch=found.batch, by=theirs)


def test_what_is_done_or_decided_against_is_in_nobodys_hands(member):
    for someone in (ANNA, BERT, CORA):
        give(member, someone, to=member)
    with access.scoped(member):
        for someone, choice, reason in (
            (ANNA, "accept", "suitable"),
            (BERT, "decline", "too_well"),
        ):
            decide(
                programme=PROGRAMME,
                person_no=someone.person_no,
                choice=choice,
                reason=reason,
                by=member,
            )
        assert {c.person_no for c in work.in_hand(member)} == {
            ANNA.person_no,
            CORA.person_no,
        }
        change(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            kind="done",
            detail={"on": "2026-11-15"},
            seen_version=2,
            by=member,
        )
        assert [c.person_no for c in work.in_hand(member)] == [CORA.person_no]


def test_only_the_cards_of_those_asked_for_are_read(member, colleague):
    for someone, whose in ((ANNA, member), (BERT, member), (CORA, colleague)):
        give(member, someone, to=whose)
    with access.scoped(member):
        decide(
            programme=PROGRAMME,
            person_no=BERT.person_no,
            choice="decline",
            reason="too_well",
            by=member,
        )
        for whose, theirs in ((member, ANNA), (colleague, CORA)):
            found = work.in_hand(member, of={whose.user_id})
            assert [card.person_no for card in found] == [theirs.person_no]
        assert work.in_hand(member, of=set()) == []


def test_a_colleague_without_a_grant_has_left_and_the_page_says_so(
    live, mdt, member, colleague
):
    give(member, ANNA, to=colleague)
    everybody = work.colleagues

    def without_them(viewer):
        return [u for u in everybody(viewer) if u.pk != colleague.user_id]

    with mock.patch.object(work, "colleagues", without_them):
        assert "No longer in this team" in words(mdt.get(TEAM))
    assert "No longer in this team" not in words(mdt.get(TEAM))


def test_whoever_opts_out_is_in_nobodys_hands(member):
    give(member, ANNA, to=member)
    give(member, BERT, to=member)
    with system.connect("loader") as loader:
        loader.execute(
            "UPDATE person SET national_opt_out = true WHERE person_no = %s",
            [ANNA.person_no],
        )
    try:
        assert len(mine(member)) == 1
    finally:
        with system.connect("loader") as loader:
            loader.execute(
                "UPDATE person SET national_opt_out = false WHERE person_no = %s",
                [ANNA.person_no],
            )


def test_counts_of_ones_own_lists_are_audited_where_they_are_shown(live, mdt, member):
    for address, subject in (("home", "home"), ("worklists", "lists")):
        before = len(system.audit_rows("own_lists_counted"))
        assert mdt.get(reverse(address)).status_code == 200
        rows = system.audit_rows("own_lists_counted")
        assert len(rows) == before + 1
        assert (rows[-1]["user_id"], rows[-1]["subject"]) == (member.user_id, subject)
    before = len(system.audit_rows("own_lists_counted"))
    assert live.client("ig_lead").get(reverse("home")).status_code == 200
    assert len(system.audit_rows("own_lists_counted")) == before


def test_ones_own_cards_are_audited_before_they_are_shown(live, mdt, member):
    give(member, ANNA, to=member)
    page = words(mdt.get(MINE))
    assert "1 card is in your hands" in page
    assert reverse("list-card", args=[PROGRAMME, sealed(live, ANNA)]) in page
    row = system.audit_rows("own_cards_viewed")[-1]
    assert row["persons"] == 1
    assert row["detail"]["seen_sha256"]
    with system.without_audit():
        assert mdt.get(MINE).status_code == 503


def test_cover_is_arranged_and_ended_on_the_page(live, mdt, colleague, member):
    today = timezone.localdate().isoformat()
    given = {
        "do": "cover",
        "away_user": colleague.user_id,
        "cover_user": member.user_id,
        "from_on": today,
        "to_on": today,
    }
    page = words(mdt.post(TEAM, given, follow=True))
    assert "Pcn Mdt Member for Colleague" in page
    again = mdt.post(TEAM, given)
    assert again.status_code == 400
    for wrong in ({"from_on": ""}, {"to_on": "2026-02-31"}, {"away_user": "9" * 30}):
        assert mdt.post(TEAM, given | wrong).status_code == 400
    with access.scoped(member):
        (standing,) = worklist_cover.standing(member)
    ended = {"do": "end_cover", "cover": standing.id}
    assert "Nobody stands in" in words(mdt.post(TEAM, ended, follow=True))


def test_a_handover_is_taken_back_on_the_page(live, mdt, member, colleague):
    give(member, ANNA, to=colleague)
    given = {"from_user": colleague.user_id, "to_role": "GP", "do": "hand_over"}
    assert "from Colleague to GP" in words(mdt.post(TEAM, given, follow=True))
    with access.scoped(member):
        (found,) = worklist_mine.handed_over(member)
    back = {"do": "take_back", "batch": found.batch}
    assert "Cards given back: 1." in words(mdt.post(TEAM, back, follow=True))


@pytest.fixture
def neighbours(live):
    """Anna and Drew share a home; so do Bert and somebody of the other network."""
    homes = [(ANNA, -5), (DREW, -5), (BERT, 77), (ODA, 77), (CORA, None)]
    with system.acting_as("loader"), connections["default"].cursor() as cursor:
        for key, (someone, home) in enumerate(homes):
            cursor.execute(
                "INSERT INTO residence (person_no, record_key, subject_key,"
                " lsoa_code, home_key, start_on, run_id)"
                " VALUES (%s, %s, 1, 'E01', %s, '2020-01-01', 1)",
                [someone.person_no, key, home],
            )
    with system.acting_as("worker"):
        people = pl.DataFrame(
            {
                "person_no": [s.person_no for s, _ in homes],
                "practice_code": [s.practice for s, _ in homes],
            },
            schema={"person_no": pl.Int32, "practice_code": pl.String},
        )
        _find_homes(people, SEPTEMBER)
    yield
    with system.acting_as("worker"):
        store.replace_homes(people.clear().with_columns(home_no=pl.lit(1)))
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE residence")


def test_those_of_one_home_are_shown_on_each_others_cards(
    live, mdt, member, neighbours
):
    drew = sealed(live, DREW)
    assert card_of(member, ANNA).at_home == [drew]
    assert card_of(member, DREW).at_home == [sealed(live, ANNA)]
    assert card_of(member, CORA).at_home == []
    # The other network's person is not ours to know of.
    assert card_of(member, BERT).at_home == []
    page = words(mdt.get(LIST))
    assert page.count("Same household, on this list") == 2


def test_who_has_left_the_list_is_on_no_card_of_their_home(member, neighbours):
    with system.connect("loader") as loader:
        loader.execute(
            "UPDATE person SET national_opt_out = true WHERE person_no = %s",
            [DREW.person_no],
        )
    try:
        assert card_of(member, ANNA).at_home == []
    finally:
        with system.connect("loader") as loader:
            loader.execute(
                "UPDATE person SET national_opt_out = false WHERE person_no = %s",
                [DREW.person_no],
            )


def test_who_is_passed_over_and_misses_appointments_is_said_by_group(mdt):
    page = words(mdt.get(reverse("list-missing", args=[PROGRAMME])))
    rows = {
        " ".join(title.split()): re.findall(r">([^<>]*)</td>", cells)
        for title, cells in re.findall(
            r'<th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', page, re.S
        )
    }
    of_women = rows["Sex: Women and girls"]
    listed, passed_over = (int(of_women[n]) for n in (0, 1))
    assert passed_over == 4
    assert listed == len(OURS) + passed_over
    assert sum(int(rows[f"Practice: Practice {n}"][1]) for n in (1, 2)) == passed_over
