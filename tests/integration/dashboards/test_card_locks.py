"""Who wait for one another over cards: none for ever, and none writes what was so."""

import threading
from collections.abc import Callable
from unittest import mock

import pytest
from django.db import connections

from dashboards.actions import card_locks, cards, change, decisions, hand_over, undo
from dashboards.actions.cards import RefusedDecisionError
from dashboards.models import Card, CardEvent, Decision
from governance import access
from tests import live_system as system
from tests.live_people import ANNA, BERT, CORA, PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made")


@pytest.fixture
def mdt(live):
    return live.viewer("pcn_mdt_member")


@pytest.fixture
def colleague(live):
    return live.viewer("colleague")


def give(by, someone, to, seen=0):
    with access.scoped(by):
        return change(
            programme=PROGRAMME,
            person_no=someone.person_no,
            kind="assigned",
            detail={"user": to.user_id},
            seen_version=seen,
            by=by,
        )


def meeting(monkeypatch, module) -> None:
    """Let two requests each hold a first card before either asks for its second.

    Where one cannot have its first, the other goes on after a second.
    """
    both = threading.Barrier(2)
    met = threading.local()

    def lock(programme: str, person_no: int) -> None:
        card_locks.one_at_a_time(programme, person_no)
        if not getattr(met, "once", False):
            met.once = True
            try:
                both.wait(1)
            except threading.BrokenBarrierError:
                met.alone = True

    monkeypatch.setattr(module, "one_at_a_time", lock)


def at_once(*each: Callable[[], None]) -> list[Exception]:
    """Do all of these, each in a thread with a connection of its own."""
    failed: list[Exception] = []

    def go(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[work]) for work in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return failed


def ticked(by, people) -> Callable[[], None]:
    """One request that decides about several people, in the order of its page."""

    def send() -> None:
        with access.scoped(by):
            decisions.decide_many(
                programme=PROGRAMME,
                seen={p.person_no: 0 for p in people},
                choice="later",
                reason="no_capacity",
                by=by,
            )

    return send


def given(by, people, to) -> Callable[[], None]:
    def send() -> None:
        with access.scoped(by):
            cards.give_many(
                programme=PROGRAMME,
                seen={p.person_no: 0 for p in people},
                role="",
                user=to.user_id,
                by=by,
            )

    return send


def test_two_who_decide_on_many_in_other_orders_do_not_stop_each_other(
    mdt, colleague, monkeypatch
):
    meeting(monkeypatch, decisions)
    people = [ANNA, BERT, CORA]
    assert at_once(ticked(mdt, people), ticked(colleague, people[::-1])) == []
    with access.scoped(mdt):
        assert Decision.objects.count() == 3


def test_two_who_give_many_in_other_orders_do_not_stop_each_other(
    mdt, colleague, monkeypatch
):
    meeting(monkeypatch, cards)
    people = [ANNA, BERT, CORA]
    one, other = given(mdt, people, mdt), given(colleague, people[::-1], colleague)
    assert at_once(one, other) == []
    with access.scoped(mdt):
        assert CardEvent.objects.count() == 3
        assert len(set(Card.objects.values_list("assigned_to", flat=True))) == 1


def test_what_was_given_on_while_a_leavers_cards_change_hands_stays_given(
    mdt, colleague
):
    give(mdt, ANNA, colleague)
    give(mdt, BERT, colleague)
    hands_over = threading.current_thread()

    def take_anna() -> None:
        give(mdt, ANNA, mdt, seen=1)

    def after_another(programme: str, person_no: int) -> None:
        is_leaver = threading.current_thread() is hands_over
        if is_leaver and person_no == ANNA.person_no:
            assert at_once(take_anna) == []
        card_locks.one_at_a_time(programme, person_no)

    with (
        mock.patch.object(cards, "one_at_a_time", after_another),
        access.scoped(mdt),
    ):
        moved = hand_over(
            from_user=colleague.user_id, to_user=None, to_role="GP", by=mdt
        )
    assert moved == 1
    with access.scoped(mdt):
        holders = dict(Card.objects.values_list("person_no", "assigned_to"))
    assert holders == {ANNA.person_no: mdt.user_id, BERT.person_no: None}


def test_a_decision_that_goes_to_another_practice_meanwhile_is_not_undone_here(mdt):
    with access.scoped(mdt):
        made = decisions.decide(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            choice="later",
            reason="no_capacity",
            by=mdt,
        )

    def after_a_release(programme: str, person_no: int) -> None:
        with system.connect("worker") as worker:
            for table in ("decision", "list_card", "card_event"):
                worker.execute(f"UPDATE {table} SET practice_code = 'Z81005'")
        card_locks.one_at_a_time(programme, person_no)

    with (
        mock.patch.object(decisions, "one_at_a_time", after_a_release),
        access.scoped(mdt),
        pytest.raises(RefusedDecisionError, match="no such decision"),
    ):
        undo(decision_id=made.pk, by=mdt)
