"""One's own password: changed by oneself alone; a given one does not last."""

from datetime import timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import passwords
from governance.models import User
from tests import live_system as system
from tests.integration.sign_in.conftest import give_password, is_in
from tests.page_builders import PASSWORD

CHANGE = reverse("change-password")
SECURITY = reverse("security")
NEW = "lantern marsh eleven"


def changes(client: Client, old: str = PASSWORD, new: str = NEW, again: str = NEW):
    return client.post(CHANGE, {"old": old, "new": new, "again": again})


@pytest.fixture
def here(gp, clock) -> Client:
    client = Client()
    give_password(client)
    assert client.get(CHANGE).status_code == 200
    return client


@pytest.fixture
def given(gp) -> User:
    """The GP with a password that an operator gave."""
    with system.acting_as("worker"):
        until = passwords.given_until(timezone.now())
        User.objects.filter(pk=gp.pk).update(given_password_until=until)
    gp.refresh_from_db()
    return gp


def test_a_new_password_counts_and_ends_every_other_session(gp, here):
    elsewhere = Client()
    give_password(elsewhere)
    assert is_in(elsewhere)
    before = here.session.session_key
    assert changes(here)["Location"] == SECURITY
    assert "signed out everywhere else" in here.get(SECURITY).content.decode()
    assert here.session.session_key != before
    assert not is_in(elsewhere)
    assert give_password(Client()).status_code == 422
    assert give_password(Client(), NEW).status_code == 302
    told = system.audit_rows("password_changed")[-1]
    assert (told["user_id"], told["subject"]) == (gp.pk, "security")
    assert NEW not in str(system.audit_rows())


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"old": "not it"}, "That is not your password."),
        ({"again": "lantern marsh twelve"}, "The two differ."),
        ({"new": "short", "again": "short"}, "too short"),
        ({"new": "password1234", "again": "password1234"}, "too common"),
        ({"new": PASSWORD, "again": PASSWORD}, "the password you have"),
        ({"new": "", "again": ""}, "This field is required"),
    ],
)
def test_what_is_refused_changes_nothing(here, given, why):
    page = changes(here, **given)
    assert page.status_code == 422
    assert why in page.content.decode()
    assert give_password(Client()).status_code == 302
    assert is_in(here)


def test_wrong_old_passwords_are_counted_like_wrong_ones_at_the_door(here, clock):
    for _ in range(5):
        assert changes(here, old="not it").status_code == 422
    assert changes(here).status_code == 429
    assert system.audit_rows("password_refused")[-1]["outcome"] == "refused"
    assert give_password(Client()).status_code == 302
    clock.moves(minutes=15, seconds=1)
    give_password(here)
    assert changes(here).status_code == 302


def test_a_password_that_was_given_opens_one_page_until_it_is_changed(given):
    client = Client()
    give_password(client)
    for name in ("home", "worklists", "security", "my-access", "add-app"):
        assert client.get(reverse(name))["Location"] == CHANGE
    assert "of your own to go on" in client.get(CHANGE).content.decode()
    changes(client)
    given.refresh_from_db()
    assert given.given_password_until is None
    assert client.get(SECURITY).status_code == 200
    assert "of your own" not in client.get(CHANGE).content.decode()


def test_a_given_password_that_nobody_changed_opens_nothing(given, clock, settings):
    clock.moves(days=settings.GIVEN_PASSWORD_DAYS, seconds=1)
    client = Client()
    page = give_password(client)
    assert page.status_code == 422
    assert "not changed in time" in page.content.decode()
    assert not is_in(client)
    assert give_password(Client(), "wrong").status_code == 422


def test_the_commands_passwords_are_given_ones(gp, settings):
    settings.GIVEN_PASSWORD_DAYS = 3
    with system.acting_as("worker"):
        call_command("account", "gp", "--new-password")
    gp.refresh_from_db()
    left = gp.given_password_until - timezone.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)


def test_single_sign_on_asks_for_no_password(given):
    client = system.signed_in(given)
    assert client.get(SECURITY)["Location"] == CHANGE
    session = client.session
    session["single_sign_on"] = True
    session.save()
    assert client.get(SECURITY).status_code == 200


def test_an_account_without_a_password_has_none_to_change(gp):
    with system.acting_as("worker"):
        User.objects.filter(pk=gp.pk).update(password="!none")
    gp.refresh_from_db()
    client = system.signed_in(gp)
    assert client.get(CHANGE).status_code == 403
    assert CHANGE not in client.get(SECURITY).content.decode()


def test_accounts_of_a_demonstration_keep_their_passwords(gp, settings):
    settings.DEMO = True
    with system.acting_as("worker"):
        User.objects.filter(pk=gp.pk).update(is_demo=True)
    client = Client()
    give_password(client)
    assert changes(client).status_code == 403
    assert give_password(Client()).status_code == 302


@pytest.mark.parametrize("viewer", ["nobody", "somebody else"])
@pytest.mark.parametrize("column", ["password", "given_password_until"])
def test_the_web_writes_nobody_elses_password(live, gp, viewer, column):
    """In the database: code of the web that names another account is refused."""
    other = live.users["pcn_clinician"].pk
    with system.connect("web") as web, web.transaction():
        if viewer == "somebody else":
            web.execute("SELECT set_config('app.viewer_id', %s, true)", [str(other)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(
                f"UPDATE governance_user SET {column} = NULL WHERE id = %s", [gp.pk]
            )


def test_the_web_makes_no_given_password_last_longer(given):
    with system.connect("web") as web, web.transaction():
        web.execute("SELECT set_config('app.viewer_id', %s, true)", [str(given.pk)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(
                "UPDATE governance_user SET given_password_until = now() WHERE id = %s",
                [given.pk],
            )
