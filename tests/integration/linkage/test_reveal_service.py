"""The vault's service: what it believes, whom it names, what it writes down first."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from governance import actions
from governance.audit import AuditUnavailableError
from governance.models import Grant, Org, User
from linkage.assertions import RevealRequest
from linkage.reveal import VaultUnavailableError, reveal
from tests import live_system as system
from tests.live_people import ANNA, BERT, CORA, JACK, KATE, ODA, PROGRAMME, RUTH, SAM

STRANGER = 987_654


def numbers(response) -> set[str]:
    return {row["nhs_number"] for row in response.json().get("revealed", [])}


def test_it_names_the_living_and_registered_of_the_viewers_own(live, asked, written):
    response = live.vault.state(asked(ANNA, CORA))
    assert response.status_code == 200
    assert response.json()["refused"] == {}
    assert sorted(response.json()["revealed"], key=lambda r: r["person_no"])[0] == {
        "person_no": ANNA.person_no,
        "nhs_number": ANNA.nhs_number,
        "surname": "ANDERTON",
        "forename": "Anna",
        "born_on": "1944-02-17",
        "address": "1 Harbour Row",
        "postcode": "ZZ1 9ZZ",
    }
    (row,) = written()
    assert row["outcome"] == "revealed"
    assert row["revealed"] == [ANNA.person_no, CORA.person_no]
    assert (row["reason"], row["programme"]) == ("mdt_review", PROGRAMME)


@pytest.mark.parametrize(
    ("person_no", "why"),
    [
        (RUTH.person_no, "has died"),
        (SAM.person_no, "is no longer registered"),
        (ODA.person_no, "is not registered with your practices"),
        (JACK.person_no, "has opted out of this use"),
        (KATE.person_no, "has opted out of this use"),
        (STRANGER, "not known"),
    ],
    ids=["dead", "deregistered", "elsewhere", "type1", "national", "unknown"],
)
def test_it_refuses_person_by_person(live, asked, written, person_no, why):
    people = (person_no, BERT.person_no)
    response = live.vault.state(asked(person_nos=people))
    assert response.status_code == 200
    assert numbers(response) == {BERT.nhs_number}
    assert response.json()["refused"] == {str(person_no): why}
    (row,) = written()
    assert row["revealed"] == [BERT.person_no]
    assert row["refused"] == {str(person_no): why}


def test_an_opt_out_does_not_stand_between_a_person_and_their_own_care(live, asked):
    response = live.vault.state(asked(JACK, KATE, RUTH, purpose="direct_care"))
    assert numbers(response) == {JACK.nhs_number, KATE.nhs_number}
    assert response.json()["refused"] == {str(RUTH.person_no): "has died"}


@pytest.mark.parametrize("people", [(), tuple(range(1, 202))], ids=["none", "201"])
def test_nobody_or_too_many_at_a_time_is_refused(live, asked, written, people):
    response = live.vault.state(asked(person_nos=people))
    assert response.status_code == 403
    assert response.json() == {"refused": "between 1 and 200 people at a time"}
    assert [row["outcome"] for row in written()] == ["refused"]


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ({"reason": "curiosity"}, "a reason from the list is needed"),
        ({"reason": ""}, "a reason from the list is needed"),
        ({"viewer_id": STRANGER}, "no such user"),
        ({"role": "system_analyst"}, "the user does not hold this role here today"),
        ({"role": "no_role"}, "the user does not hold this role here today"),
        ({"org_code": "U3"}, "the user does not hold this role here today"),
        ({"purpose": "planning"}, "this role does not reveal for this purpose"),
        ({"purpose": ""}, "this role does not reveal for this purpose"),
    ],
    ids=lambda given: (
        next(iter(given.items())).__repr__()[:30] if isinstance(given, dict) else ""
    ),
)
def test_a_claim_that_the_vault_does_not_find_true_is_refused(
    live, asked, written, claim, why
):
    response = live.vault.state(asked(**claim))
    assert response.status_code == 403
    assert response.json() == {"refused": why}
    (row,) = written()
    assert row["outcome"] == "refused"
    assert row["revealed"] == []


@pytest.mark.parametrize(
    "role",
    ["system_analyst", "place_lead", "data_manager", "ig_lead", "partner_client"],
)
def test_a_role_that_reveals_nobody_is_refused_though_it_signs_truly(live, asked, role):
    viewer = live.viewer(role)
    response = live.vault.state(
        asked(
            viewer_id=viewer.user_id,
            role=role,
            purpose=viewer.purpose,
            org_code=viewer.org_code,
        )
    )
    assert response.status_code == 403
    assert response.json() == {"refused": "this role does not reveal for this purpose"}


@pytest.fixture
def leaver(live, asked) -> Iterator[tuple[User, RevealRequest]]:
    """A member of the team of whom a test takes something away."""
    user = system.make_user("pcn_mdt_member", "U1", "leaver")
    yield user, asked(viewer_id=user.pk)
    with system.acting_as("worker"):
        user.delete()


def regrant(user: User, org_code: str = "U1", **days: object) -> None:
    with system.acting_as("worker"):
        actions.grant_role(
            user=user,
            role="pcn_mdt_member",
            org=Org.objects.get(pk=org_code),
            start_on=timezone.localdate() - timedelta(days=30),
            by="test",
            **{"end_on": None} | days,
        )


def again(request: RevealRequest, **other) -> RevealRequest:
    return RevealRequest(**request.__dict__ | other)


def test_a_grant_withdrawn_is_withdrawn_here_at_once(live, leaver):
    user, request = leaver
    assert live.vault.state(request).status_code == 200
    regrant(user, end_on=timezone.localdate())
    response = live.vault.state(request)
    assert response.status_code == 403
    assert response.json() == {"refused": "the user does not hold this role here today"}


def test_a_grant_deleted_behind_the_actions_back_names_nobody(live, leaver):
    """The scope row is left over; the grant is not."""
    user, request = leaver
    with system.acting_as("worker"):
        Grant.objects.filter(user=user).delete()
    assert live.vault.state(request).status_code == 403


def test_under_one_grant_the_people_of_another_are_not_named(live, leaver):
    user, request = leaver
    regrant(user, "U3")
    both = (ANNA.person_no, ODA.person_no)
    ours = live.vault.state(again(request, person_nos=both))
    assert numbers(ours) == {ANNA.nhs_number}
    theirs = live.vault.state(again(request, person_nos=both, org_code="U3"))
    assert numbers(theirs) == {ODA.nhs_number}
    # The other grant ends by its date, with nobody working its scope out anew.
    with system.acting_as("worker"):
        Grant.objects.filter(user=user, org_id="U3").update(end_on=timezone.localdate())
    assert numbers(live.vault.state(again(request, person_nos=both))) == {
        ANNA.nhs_number
    }


def test_training_that_has_lapsed_and_a_closed_account_name_nobody(live, leaver):
    user, request = leaver
    yesterday = timezone.localdate() - timedelta(days=1)
    for change, why in (
        ({"trained_until": yesterday}, "training has lapsed or is not on record"),
        ({"trained_until": None}, "training has lapsed or is not on record"),
        ({"is_active": False}, "no such user"),
    ):
        with system.acting_as("worker"):
            User.objects.filter(pk=user.pk).update(**change)
        response = live.vault.state(request)
        assert (response.status_code, response.json()) == (403, {"refused": why})


def test_both_trails_are_written_before_the_answer(live, asked, written):
    """What the vault answers is already committed in both databases."""
    viewer = live.viewer("pcn_mdt_member")
    seen: list[tuple[int, int]] = []
    stores = len(system.audit_rows("reveal_asked"))
    answer = live.vault.answer

    def answer_and_look(request):
        response = answer(request)
        asked_for = len(system.audit_rows("reveal_asked")) - stores
        seen.append((asked_for, len(written())))
        return response

    live.vault.answer = answer_and_look
    try:
        made = reveal(
            viewer,
            programme=PROGRAMME,
            reason="mdt_review",
            person_nos=[ANNA.person_no],
        )
    finally:
        del live.vault.answer
    assert made.names[ANNA.person_no].nhs_number == ANNA.nhs_number
    assert seen == [(1, 1)]
    told = system.audit_rows("reveal_asked")[-1]
    assert (told["user_id"], told["persons"]) == (viewer.user_id, 1)
    assert told["detail"]["reason"] == "mdt_review"
    # Who was asked for is kept apart, as a set whose digest the row holds.
    assert set(told["detail"]) == {"reason", "seen_sha256"}


def test_a_reveal_that_the_vault_cannot_write_down_is_not_answered(live, asked):
    with system.without("INSERT", "reveal_event", "vault", owner="vault_migrator"):
        response = live.vault.state(asked())
        assert response.status_code == 500
        for words in (ANNA.nhs_number, ANNA.surname, "Harbour"):
            assert words not in response.text
        with pytest.raises(VaultUnavailableError):
            reveal(
                live.viewer("pcn_mdt_member"),
                programme=PROGRAMME,
                reason="mdt_review",
                person_nos=[ANNA.person_no],
            )


def test_a_reveal_that_the_store_cannot_write_down_is_not_asked(live):
    asked_before = len(live.vault.asked)
    with system.without_audit(), pytest.raises(AuditUnavailableError):
        reveal(
            live.viewer("pcn_mdt_member"),
            programme=PROGRAMME,
            reason="mdt_review",
            person_nos=[ANNA.person_no],
        )
    assert len(live.vault.asked) == asked_before


def test_what_was_written_down_cannot_be_changed_by_the_vault(live, asked):
    live.vault.state(asked())
    with system.connect("vault") as connection:
        for statement in (
            "DELETE FROM reveal_event",
            "UPDATE reveal_event SET outcome = 'refused'",
            "TRUNCATE reveal_event",
        ):
            with pytest.raises(Exception, match="permission denied"):
                connection.execute(statement)


def test_nothing_that_identifies_is_logged(live, asked, caplog):
    with caplog.at_level(logging.DEBUG):
        live.vault.state(asked(ANNA, RUTH, ODA))
        live.vault.send(b"forged")
        with system.without("INSERT", "reveal_event", "vault", owner="vault_migrator"):
            live.vault.state(asked())
    for someone in (ANNA, RUTH, ODA):
        for words in (someone.nhs_number, someone.surname):
            assert words not in caplog.text


def test_a_name_prints_as_nothing(live):
    made = reveal(
        live.viewer("pcn_mdt_member"),
        programme=PROGRAMME,
        reason="mdt_review",
        person_nos=[ANNA.person_no],
    )
    shown = f"{made!r} {made.names[ANNA.person_no]!r} {made}"
    assert ANNA.surname not in shown
    assert ANNA.nhs_number not in shown
