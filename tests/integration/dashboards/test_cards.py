"""The work on cards: assigned, invited, due, handed over, and nothing lost."""

import threading
from datetime import date, timedelta
from unittest import mock

import psycopg
import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from dashboards.actions import change, decide, decide_many, hand_over, undo
from dashboards.actions.cards import ConflictError, RefusedDecisionError
from dashboards.models import Card, CardEvent, Intervention
from dashboards.selectors import worklist as selectors
from dashboards.selectors import worklist_work as work
from dashboards.selectors.worklist_missing import who_is_missing
from governance import access
from governance.audit import AuditUnavailableError
from tests import live_system as system
from tests.live_people import ANNA, BERT, CORA, ODA, PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made")


@pytest.fixture
def mdt(live):
    return live.viewer("pcn_mdt_member")


@pytest.fixture
def colleague(live):
    return live.viewer("colleague")


def do(viewer, kind, seen, someone=ANNA, note="", **detail):
    with access.scoped(viewer):
        return change(
            programme=PROGRAMME,
            person_no=someone.person_no,
            kind=kind,
            detail=detail,
            seen_version=seen,
            note=note,
            by=viewer,
        )


def accept(viewer, someone=ANNA, **given):
    with access.scoped(viewer):
        return decide(
            programme=PROGRAMME,
            person_no=someone.person_no,
            choice="accept",
            reason="suitable",
            by=viewer,
            **given,
        )


def card_of(viewer, someone=ANNA):
    with access.scoped(viewer):
        made = selectors.worklist(viewer, PROGRAMME)
        cards = [*made.today, *made.decided]
        return next(c for c in cards if c.person_no == someone.person_no)


def events(viewer, someone=ANNA):
    with access.scoped(viewer):
        rows = CardEvent.objects.filter(person_no=someone.person_no)
        return list(rows.order_by("version").values_list("version", "kind", "by"))


def test_an_untouched_card_is_at_version_nought(mdt):
    assert card_of(mdt).work == work.Work()


def test_each_change_is_an_event_and_the_card_is_their_sum(mdt, colleague):
    do(mdt, "assigned", 0, user=colleague.user_id)
    do(mdt, "due", 1, on="2026-11-20")
    do(colleague, "preference", 2, preference="carer")
    do(colleague, "invited", 3, how="letter", on="2026-11-03")
    do(colleague, "attempt", 4, how="phone", on="2026-11-10")
    do(colleague, "invited", 5, how="text", on="2026-11-11")
    do(colleague, "reached", 6, how="phone", on="2026-11-12", note="Speak up")
    stands = card_of(mdt).work
    assert (stands.version, stands.assigned, stands.mine) == (7, "Colleague", False)
    assert (stands.due_on, stands.attempts) == (date(2026, 11, 20), 2)
    assert stands.first_invited_on == date(2026, 11, 3)
    assert stands.second_invited_on == date(2026, 11, 11)
    assert (stands.reached_on, stands.preference) == (
        date(2026, 11, 12),
        "Through their carer",
    )
    assert card_of(colleague).work.mine
    with access.scoped(mdt):
        told = work.history(mdt, PROGRAMME, ANNA.person_no)
    assert [t.version for t in told] == [7, 6, 5, 4, 3, 2, 1]
    assert (told[0].by, told[0].note) == ("Colleague", "Speak up")


def test_a_role_can_have_a_card(mdt):
    do(mdt, "assigned", 0, role="Clinical pharmacist")
    assert card_of(mdt).work.words == ["with Clinical pharmacist"]


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        ("assigned", {}, "role or a colleague"),
        ("assigned", {"role": "Astrologer"}, "team's roles"),
        ("assigned", {"user": 999999}, "no such colleague"),
        ("due", {"on": "soon"}, "Give the day"),
        ("due", {"on": "2026-02-31"}, "Give the day"),
        ("invited", {"how": "pigeon", "on": "2026-11-03"}, "how the contact"),
        ("invited", {"how": "letter", "on": "2999-01-01"}, "has not come yet"),
        ("done", {"on": "2999-01-01"}, "has not come yet"),
        ("preference", {"preference": ""}, "wants to be contacted"),
        ("reported", {"measure": "luck", "value": "3"}, "programme's measures"),
        ("reported", {"measure": "wellbeing", "value": "many"}, "as a number"),
        ("reported", {"measure": "wellbeing", "value": "11"}, "between 0 and 10"),
        ("done", {"on": "2026-11-03"}, "Nothing is on offer"),
        ("promoted", {}, "no such change"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(mdt, kind, detail, words):
    with pytest.raises(RefusedDecisionError, match=words):
        do(mdt, kind, 0, **detail)
    assert events(mdt) == []


def test_who_wants_no_contact_leaves_the_list_until_it_is_taken_back(mdt):
    def listed():
        with access.scoped(mdt):
            return selectors.is_listed(mdt, PROGRAMME, ANNA.person_no)

    do(mdt, "preference", 0, preference="none")
    assert not listed()
    with pytest.raises(RefusedDecisionError, match="not on your list today"):
        accept(mdt)
    for kind in ("invited", "attempt"):
        with pytest.raises(RefusedDecisionError, match="wants no contact"):
            do(mdt, kind, 1, how="letter", on="2026-11-03")
    with access.scoped(mdt):
        stands = work.of_people(mdt, PROGRAMME, [ANNA.person_no])[ANNA.person_no]
        missing = who_is_missing(mdt, PROGRAMME)
    assert stands.words == ["wants no contact by this programme"]
    assert [selectors.person_behind(mdt, each) for each in missing.refusing] == [
        ANNA.person_no
    ]
    assert system.audit_rows("list_gaps_viewed")[-1]["persons"] == 1
    do(mdt, "preference", 1, preference="letter")
    assert listed()
    do(mdt, "invited", 2, how="letter", on="2026-11-03")


def test_the_second_is_told_what_the_first_did_and_neither_is_lost(mdt, colleague):
    do(mdt, "due", 0, on="2026-11-20")
    with pytest.raises(ConflictError, match="a due date was set") as told:
        do(colleague, "noted", 0, note="Mine")
    assert [e.kind for e in told.value.since] == ["due"]
    assert events(mdt) == [(1, "due", mdt.user_id)]
    do(colleague, "noted", 1, note="Mine")
    assert [kind for _, kind, _ in events(mdt)] == ["due", "noted"]


def test_a_decision_on_a_card_that_has_moved_on_is_not_taken(mdt, colleague):
    do(mdt, "noted", 0, note="Asked to wait")
    with pytest.raises(ConflictError, match="a note was added"):
        accept(colleague, seen_version=0)
    assert card_of(mdt).decision is None
    accept(colleague, seen_version=1)
    assert [kind for _, kind, _ in events(mdt)] == ["noted", "decided"]


def test_many_at_the_same_moment_make_one_each_and_the_rest_are_told(mdt, colleague):
    """Whoever is not told of a conflict finds their own event on the card."""
    start = threading.Barrier(6, timeout=20)
    kept, told = [], []

    def press(viewer, n):
        try:
            start.wait()
            do(viewer, "noted", 0, note=f"note {n}")
            kept.append(n)
        except ConflictError:
            told.append(n)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=press, args=((mdt, colleague)[n % 2], n))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(kept) == 1
    assert len(told) == 5
    with access.scoped(mdt):
        notes = list(CardEvent.objects.values_list("note", flat=True))
    assert notes == [f"note {kept[0]}"]


def test_the_database_itself_keeps_two_events_of_one_version_out(mdt):
    do(mdt, "noted", 0)
    with access.scoped(mdt), pytest.raises(IntegrityError):
        CardEvent.objects.create(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            practice_code="Z81001",
            version=1,
            kind="noted",
            by=mdt.user_id,
        )


def test_an_event_can_be_neither_changed_nor_taken_away(mdt):
    do(mdt, "noted", 0)
    with system.connect("web") as web:
        for statement in ("UPDATE card_event SET note = 'x'", "DELETE FROM card_event"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                web.execute(statement)


def test_another_team_sees_and_changes_no_card_of_ours(live, mdt):
    theirs = live.viewer("their_mdt")
    do(mdt, "noted", 0, note="Ours")
    with pytest.raises(RefusedDecisionError, match="not on your list"):
        do(theirs, "noted", 0)
    with access.scoped(theirs):
        assert not Card.objects.exists()
        assert not CardEvent.objects.exists()
        assert work.history(theirs, PROGRAMME, ANNA.person_no) == []
    with pytest.raises(RefusedDecisionError, match="not on your list"):
        do(mdt, "noted", 0, someone=ODA)


def test_done_and_refused_close_what_was_offered(mdt):
    accept(mdt)
    do(mdt, "done", 1, on="2026-11-15")
    accept(mdt, someone=BERT)
    do(mdt, "refused", 1, someone=BERT, on="2026-11-15")
    with access.scoped(mdt):
        rows = {
            i.person_no: (i.state, i.done_on, i.done_by)
            for i in Intervention.objects.all()
        }
        assert Intervention.objects.get(person_no=ANNA.person_no).code
    assert rows[ANNA.person_no] == ("done", date(2026, 11, 15), mdt.user_id)
    assert rows[BERT.person_no] == ("refused", None, mdt.user_id)
    with pytest.raises(RefusedDecisionError, match="Nothing is on offer"):
        do(mdt, "done", 2, on="2026-11-16")


def test_what_people_say_of_themselves_is_kept_with_its_day(mdt):
    do(mdt, "reported", 0, measure="wellbeing", value="7")
    with access.scoped(mdt):
        kept = CardEvent.objects.get(kind="reported")
    assert kept.detail == {"measure": "wellbeing", "value": 7.0}


def test_a_leaver_hands_everything_over(mdt, colleague):
    for someone in (ANNA, CORA):
        do(mdt, "assigned", 0, someone=someone, user=colleague.user_id)
    with access.scoped(mdt):
        moved = hand_over(
            from_user=colleague.user_id, to_user=mdt.user_id, to_role="", by=mdt
        )
    assert moved == 2
    assert all(card_of(mdt, s).work.mine for s in (ANNA, CORA))
    with access.scoped(mdt):
        assert work.load(mdt) == [work.Load("Pcn Mdt Member", 2, 0, mdt.user_id)]
    with access.scoped(mdt):
        hand_over(from_user=mdt.user_id, to_user=None, to_role="GP", by=mdt)
        assert work.load(mdt) == [work.Load("GP", 2, 0, 0)]
    with access.scoped(mdt), pytest.raises(RefusedDecisionError, match="Hand over"):
        hand_over(from_user=mdt.user_id, to_user=None, to_role="", by=mdt)


def test_one_refusal_in_a_bulk_decision_stops_none_of_the_others(mdt, colleague):
    do(colleague, "noted", 0, someone=BERT)
    with access.scoped(mdt):
        done, refused = decide_many(
            programme=PROGRAMME,
            seen={ANNA.person_no: 0, BERT.person_no: 0, ODA.person_no: 0},
            choice="later",
            reason="no_capacity",
            by=mdt,
        )
    assert done == [ANNA.person_no]
    assert set(refused) == {BERT.person_no, ODA.person_no}
    assert "a note was added" in refused[BERT.person_no]
    assert card_of(mdt).decision.choice == "Later"


def test_undoing_is_an_event_as_well(mdt):
    decision = accept(mdt)
    with access.scoped(mdt):
        undo(decision_id=decision.pk, by=mdt)
    assert [kind for _, kind, _ in events(mdt)] == ["decided", "undone"]


def test_a_change_that_cannot_be_audited_is_not_made(mdt):
    with system.without_audit(), pytest.raises(AuditUnavailableError):
        do(mdt, "noted", 0)
    assert events(mdt) == []


@pytest.mark.parametrize(
    "column", ["national_opt_out = true", "type1_opt_out_on = '2026-10-01'"]
)
def test_an_opt_out_takes_someone_off_the_list_at_once(live, mdt, column):
    """The next page after the load has written it, not the next night's list."""
    before = column.split(" = ")[0]
    undo_by = f"{before} = " + ("false" if "national" in column else "NULL")
    assert card_of(mdt, BERT)
    with system.connect("loader") as loader:
        loader.execute(
            f"UPDATE person SET {column} WHERE person_no = %s", [BERT.person_no]
        )
    try:
        with access.scoped(mdt):
            made = selectors.worklist(mdt, PROGRAMME)
            counted = {name: n for name, _, n, _ in selectors.programmes(mdt)}
        assert BERT.person_no not in {c.person_no for c in (*made.today, *made.decided)}
        assert counted[PROGRAMME] == made.total
        with pytest.raises(RefusedDecisionError, match="not on your list"):
            accept(mdt, someone=BERT)
    finally:
        with system.connect("loader") as loader:
            loader.execute(
                f"UPDATE person SET {undo_by} WHERE person_no = %s", [BERT.person_no]
            )


def test_a_declined_person_stays_away_until_the_recheck(mdt):
    with access.scoped(mdt):
        decide(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            choice="decline",
            reason="person_declined",
            by=mdt,
        )
    for days, is_back in ((1, False), (179, False), (181, True)):
        later = timezone.now() + timedelta(days=days)
        with (
            mock.patch("django.utils.timezone.now", return_value=later),
            access.scoped(mdt),
        ):
            made = selectors.worklist(mdt, PROGRAMME)
        today = {c.person_no for c in made.today}
        assert (ANNA.person_no in today) == is_back
