"""A card goes with its person to the practice they have moved to."""

from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import psycopg
import pytest
from django.db import OperationalError, connection

from dashboards.actions import (
    card_moves,
    change,
    decide,
    make_lists,
    publish_release,
    undo,
)
from dashboards.actions.card_locks import CARDS_LOCK
from dashboards.actions.card_moves import follow_people
from dashboards.actions.cards import RefusedDecisionError
from dashboards.models import Card, CardEvent, Decision, Intervention
from dashboards.selectors import worklist as selectors
from dashboards.selectors import worklist_work as work
from dashboards.selectors.worklist_standing import standing_decisions
from governance import access
from linkage.release import selectors as release
from risk.models import Treatment
from tests import live_system as system
from tests.live_people import ANNA, BERT, PROGRAMME, SEPTEMBER, frame

pytestmark = pytest.mark.usefixtures("as_made", "untreated")


@pytest.fixture
def mdt(live):
    return live.viewer("pcn_mdt_member")


@pytest.fixture
def theirs(live):
    return live.viewer("their_mdt")


@pytest.fixture
def untreated() -> Iterator[None]:
    """Take back that programmes took people on."""
    yield
    with system.connect("worker") as worker:
        worker.execute("DELETE FROM treatment")


@pytest.fixture
def shown_before() -> Iterator[None]:
    """Let readers see the release again that they saw before the test."""
    with system.connect("migrator") as owner:
        (was,) = owner.execute("SELECT release_id FROM release_pointer").fetchone()
        yield
        owner.execute("UPDATE release_pointer SET release_id = %s", [was])
        owner.execute("UPDATE release SET state = 'failed' WHERE id > %s", [was])
        owner.execute("UPDATE release SET state = 'published' WHERE id = %s", [was])


def coming(practice: str | None) -> int:
    """A release, not yet published, in which Anna is with another practice."""
    people = frame([replace(ANNA, practice=practice), BERT], None)
    with system.acting_as("worker"):
        return system.build_release(people, SEPTEMBER)


def moved_to(practice: str | None) -> int:
    """Follow people into a release in which Anna is with another practice."""
    made = coming(practice)
    with system.acting_as("worker"):
        return follow_people(release.view(made))


def accept_and_assign(viewer) -> Decision:
    with access.scoped(viewer):
        made = decide(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            choice="accept",
            reason="suitable",
            by=viewer,
        )
        change(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            kind="assigned",
            detail={"role": "", "user": viewer.user_id},
            seen_version=1,
            note="Knows her well",
            by=viewer,
        )
    return made


def test_what_is_open_and_what_was_done_goes_to_the_new_team(mdt, theirs):
    decision = accept_and_assign(mdt)
    assert moved_to("Z81005") == 1
    with access.scoped(mdt):
        for model in (Card, CardEvent, Decision, Intervention, Treatment):
            assert not model.objects.exists(), model
    with access.scoped(theirs):
        card = Card.objects.get()
        assert (card.practice_code, card.version) == ("Z81005", 3)
        # Who may not see her any more has her card no more.
        assert card.assigned_to is None
        told = work.history(theirs, PROGRAMME, ANNA.person_no)
        assert [(h.version, h.note) for h in told] == [
            (3, ""),
            (2, "Knows her well"),
            (1, ""),
        ]
        assert told[0].by == "the nightly run"
        stands = standing_decisions(theirs, PROGRAMME)[ANNA.person_no]
        assert (stands.id, stands.state) == (decision.pk, "offered")
        undo(decision_id=decision.pk, by=theirs)
        assert Intervention.objects.get().state == "cancelled"
        assert not Treatment.objects.exists()
    followed = system.audit_rows("card_followed")
    assert (followed[-1]["subject"], followed[-1]["persons"]) == (PROGRAMME, 1)


def listed(viewer) -> bool:
    with access.scoped(viewer):
        return selectors.is_listed(viewer, PROGRAMME, ANNA.person_no)


def cards(viewer) -> int:
    with access.scoped(viewer):
        return Card.objects.count()


@pytest.mark.usefixtures("shown_before")
def test_a_card_moves_with_the_release_that_moves_its_person(mdt, theirs):
    accept_and_assign(mdt)
    made = coming("Z81005")
    with system.acting_as("worker"):
        make_lists(made)
    assert (listed(mdt), cards(mdt)) == (True, 1)
    assert (listed(theirs), cards(theirs)) == (False, 0)
    with system.acting_as("worker"):
        publish_release(made)
    assert (listed(mdt), cards(mdt)) == (False, 0)
    assert (listed(theirs), cards(theirs)) == (True, 1)


@pytest.mark.usefixtures("shown_before")
def test_where_cards_cannot_move_the_release_is_not_published(mdt, theirs):
    accept_and_assign(mdt)
    made = coming("Z81005")
    with system.acting_as("worker"):
        make_lists(made)
    with (
        system.acting_as("worker"),
        mock.patch.object(card_moves.risk, "follow", side_effect=OSError("no disk")),
        pytest.raises(OSError, match="no disk"),
    ):
        publish_release(made)
    assert (listed(mdt), cards(mdt)) == (True, 1)
    assert (listed(theirs), cards(theirs)) == (False, 0)


def test_nobody_writes_on_a_card_while_cards_move(mdt):
    accept_and_assign(mdt)
    with system.connect("worker") as worker, worker.transaction():
        worker.execute("SELECT pg_advisory_xact_lock(%s)", [CARDS_LOCK])
        with access.scoped(mdt), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                decide(
                    programme=PROGRAMME,
                    person_no=BERT.person_no,
                    choice="accept",
                    reason="suitable",
                    by=mdt,
                )
    assert cards(mdt) == 1


def test_nothing_moves_twice(mdt, theirs):
    accept_and_assign(mdt)
    assert moved_to("Z81005") == 1
    assert moved_to("Z81005") == 0
    with access.scoped(theirs):
        assert Card.objects.get().version == 3


def test_a_colleague_who_sees_both_practices_keeps_the_card(mdt):
    accept_and_assign(mdt)
    assert moved_to("Z81002") == 1
    with access.scoped(mdt):
        card = Card.objects.get()
        assert (card.practice_code, card.assigned_to) == ("Z81002", mdt.user_id)


def test_of_whom_no_practice_here_has_the_card_stays(mdt):
    accept_and_assign(mdt)
    assert moved_to(None) == 0
    with access.scoped(mdt):
        assert Card.objects.get().practice_code == ANNA.practice


def test_who_wants_no_contact_has_none_after_the_move(mdt, theirs):
    with access.scoped(mdt):
        change(
            programme=PROGRAMME,
            person_no=ANNA.person_no,
            kind="preference",
            detail={"preference": "none"},
            seen_version=0,
            by=mdt,
        )
    assert moved_to("Z81005") == 1
    with access.scoped(theirs):
        assert Card.objects.get().preference == Card.Preference.NONE
        with pytest.raises(RefusedDecisionError, match="wants no contact"):
            change(
                programme=PROGRAMME,
                person_no=ANNA.person_no,
                kind="invited",
                detail={"how": "phone", "on": "2026-11-15"},
                seen_version=2,
                by=theirs,
            )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE list_card SET preference = ''",
        "UPDATE card_event SET note = ''",
        "UPDATE decision SET choice = 'accept'",
        "DELETE FROM card_event",
    ],
)
def test_the_run_changes_nothing_else_of_a_card(statement):
    with (
        system.connect("worker") as worker,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        worker.execute(statement)
