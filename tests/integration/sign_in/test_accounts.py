"""Accounts from their making to their closing, by the one command that keeps them."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import access, actions
from governance.models import ApiToken, Grant, Scope, User
from tests import live_system as system
from tests.live_pages import LIST

NAME = "joiner"
TEAM = ("pcn_mdt_member", system.OUR_NETWORK)
Told = Callable[..., str]


@pytest.fixture
def account(live) -> Iterator[Told]:
    """Runs the command as the worker, says what it printed, and forgets the account."""

    def run(*words: str, name: str = NAME) -> str:
        told = StringIO()
        with system.acting_as("worker"):
            call_command("account", name, *words, stdout=told)
        return told.getvalue()

    yield run
    with system.acting_as("worker"):
        User.objects.filter(username=NAME).delete()


def make(account: Told, *more: str) -> str:
    until = (timezone.localdate() + timedelta(days=90)).isoformat()
    told = account(
        "--create", "--full-name", "Jo Joiner", "--trained-until", until, *more
    )
    found = re.search(r"Password: (\S+)", told)
    return found.group(1) if found else ""


def joiner() -> User:
    return User.objects.get(username=NAME)


def settled() -> User:
    """The account once its owner has chosen a password (test_own_password.py)."""
    with system.acting_as("worker"):
        User.objects.filter(username=NAME).update(given_password_until=None)
    return joiner()


def test_an_account_is_made_granted_and_opens_the_list(account):
    password = make(account)
    made = joiner()
    assert made.check_password(password)
    assert not made.is_demo
    with pytest.raises(access.NoViewerError, match="no role in force"):
        access.admit(made)
    account("--grant", *TEAM)
    given = {"username": NAME, "password": password}
    assert Client().post(reverse("sign-in"), given).status_code == 302
    assert access.admit(made).role == TEAM[0]
    assert Scope.objects.filter(user=made).exists()
    assert password not in str(system.audit_rows())
    assert system.audit_rows("user_saved")[-1]["subject"] == NAME
    assert system.audit_rows("role_granted")[-1]["subject"] == NAME


def test_no_two_first_passwords_are_alike_and_none_is_made_for_single_sign_on(account):
    first = make(account)
    again = re.search(r"Password: (\S+)", account("--new-password"))
    assert again
    assert first != again.group(1)
    assert len(first) >= 20
    with system.acting_as("worker"):
        User.objects.filter(username=NAME).delete()
    assert make(account, "--no-password") == ""
    assert not joiner().has_usable_password()


def test_a_role_is_given_to_its_last_day_and_ended(account):
    make(account)
    today = timezone.localdate()
    account("--grant", *TEAM, "--until", today.isoformat())
    assert access.live_grants(joiner(), today)
    assert not access.live_grants(joiner(), today + timedelta(days=1))
    account("--end-grant", *TEAM)
    assert not access.live_grants(joiner(), today)
    assert not Scope.objects.filter(user=joiner()).exists()
    assert system.audit_rows("grants_ended")[-1]["detail"]["ended"] == 1
    with pytest.raises(CommandError, match="does not hold"):
        account("--end-grant", *TEAM)


def test_a_new_password_ends_every_session(account):
    make(account)
    account("--grant", *TEAM)
    client = Client()
    client.force_login(settled())
    assert client.get(LIST).status_code == 200
    account("--new-password")
    assert client.get(LIST).status_code == 302
    assert system.audit_rows("password_set")[-1]["subject"] == NAME


def test_a_closed_account_keeps_nothing_open(account):
    password = make(account)
    account("--grant", *TEAM)
    account("--link", "https://provider.example", "joiner-1")
    client = Client()
    client.force_login(settled())
    assert client.get(LIST).status_code == 200
    today = timezone.localdate()
    with system.acting_as("worker"):
        actions.issue_token(
            user=joiner(), purpose="planning", today=today, days=3, by="test"
        )
    account("--close")
    closed = joiner()
    assert client.get(LIST).status_code == 302
    given = {"username": NAME, "password": password}
    assert Client().post(reverse("sign-in"), given).status_code == 422
    assert not ApiToken.objects.filter(user=closed).exists()
    assert not access.live_grants(closed, today)
    assert not Scope.objects.filter(user=closed).exists()
    assert (closed.is_active, closed.single_sign_on) == (False, None)
    assert system.audit_rows("account_closed")[-1]["subject"] == NAME
    # Were it opened again behind the command's back, its sessions stay ended.
    with system.acting_as("worker"):
        User.objects.filter(pk=closed.pk).update(is_active=True)
    assert client.get(LIST).status_code == 302


def test_what_cannot_be_done_is_said(account):
    with pytest.raises(CommandError, match="no account 'joiner'"):
        account("--grant", *TEAM)
    with pytest.raises(CommandError, match="needs --full-name"):
        account("--create")
    ended = (timezone.localdate() - timedelta(days=1)).isoformat()
    with pytest.raises(CommandError, match="ended already"):
        account("--create", "--full-name", "Jo", "--trained-until", ended)
    with pytest.raises(CommandError, match="no date"):
        account("--create", "--full-name", "Jo", "--trained-until", "soon")
    make(account)
    for words, why in (
        (("--create",), "already"),
        (("--grant", "no_role", "U1"), "no role 'no_role'"),
        (("--grant", "pcn_mdt_member", "NOWHERE"), "no organisation 'NOWHERE'"),
        (("--grant", "icb_board_member", "U1"), "granted at a icb"),
        (("--grant", *TEAM, "--until", ended), "ended already"),
        (("--grant", *TEAM, "--agreement", "DSA-X"), "no agreement 'DSA-X'"),
        (("--grant", "partner_client", "QZZ"), "needs --agreement"),
    ):
        with pytest.raises(CommandError, match=why):
            account(*words)
    assert not Grant.objects.filter(user=joiner()).exists()
    account("--close")
    with pytest.raises(CommandError, match="is closed"):
        account("--new-password")
    with pytest.raises(CommandError, match="closed"):
        make(account)
