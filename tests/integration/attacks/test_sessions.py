"""Attempts on passwords and sessions: guessing, fixing, keeping, outliving."""

from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from governance import actions
from governance.models import Org, User
from governance.password_words import LETTERS, WORDS, OwnWords
from tests import live_system as system
from tests.live_pages import LIST, words
from tests.page_builders import PASSWORD

pytestmark = pytest.mark.usefixtures("live")
SIGN_IN = reverse("sign-in")
HASH = "django.contrib.auth.hashers.PBKDF2PasswordHasher"


@pytest.fixture
def newcomer(live):
    """Somebody of our network whom a test may close."""
    user = system.make_user("pcn_mdt_member", system.OUR_NETWORK, "newcomer")
    yield user
    with system.acting_as("worker"):
        User.objects.filter(pk=user.pk).update(is_active=False, username=f"x{user.pk}")


def signed_in(user):
    client = Client()
    client.force_login(user)
    assert client.get(LIST).status_code == 200
    return client


def account(password, username="somebody", full_name="Some Body"):
    with system.acting_as("worker"):
        return actions.create_user(
            username=username,
            full_name=full_name,
            password=password,
            trained_until=None,
            by="test",
        )


@pytest.mark.parametrize(
    "password",
    ["short", "password1234", "1234567890123", "qwertyuiop12", "somebody1234"],
)
def test_a_weak_password_is_refused(password):
    """Short ones, the commonest, and those made of the user's own name."""
    with pytest.raises(ValidationError):
        account(password)
    assert not User.objects.filter(username="somebody").exists()


@pytest.mark.parametrize(
    "password", ["Catchment-2026-09!", "population-health-1", "Care.Worklist.2026"]
)
def test_a_password_of_the_services_own_words_is_refused(password):
    """Its name and its trade; a passphrase may hold one."""
    with pytest.raises(ValidationError, match="rests on a name or word"):
        account(password)
    validate_password(password + " upon seven hills")


def test_a_password_of_the_name_of_a_place_is_refused():
    name = Org.objects.get(code=system.OUR_NETWORK).name
    place = max(LETTERS.findall(name), key=len)
    assert place.casefold() not in WORDS.words
    with pytest.raises(ValidationError, match="rests on a name or word"):
        account(f"{place.upper()}-2026-11-24")


def test_no_part_of_a_password_goes_into_a_query(django_assert_num_queries):
    with django_assert_num_queries(1) as asked:
        OwnWords().validate("Catchment upon seven hills")
    assert "hills" not in str(asked.captured_queries).casefold()


@pytest.mark.parametrize(
    "password", ["four plain words here", "é" * 64, " led and trailed ", "x y" * 40]
)
def test_a_long_plain_passphrase_is_accepted_as_typed(password):
    user = account(password, f"typed{len(password)}")
    assert user.check_password(password)
    assert not user.check_password(password.strip() + "!")
    assert password.strip() == password or not user.check_password(password.strip())
    assert not user.check_password(password[:20]) or len(password) <= 20
    assert not user.check_password(password.upper())


def test_a_password_has_no_end():
    """It holds until its owner changes it; only one that somebody gave counts days."""
    fields = {field.name for field in User._meta.get_fields()}
    named = {name for name in fields if "password" in name}
    assert named == {"password", "given_password_until"}


def test_passwords_are_hashed_slowly():
    with override_settings(PASSWORD_HASHERS=[HASH]):
        encoded = get_hasher().encode("a passphrase", get_hasher().salt())
        hasher = identify_hasher(encoded)
        assert hasher.decode(encoded)["iterations"] >= 600_000


def test_the_password_field_hides_and_can_be_filled():
    page = words(Client().get(SIGN_IN))
    assert 'type="password"' in page
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page
    assert "maxlength" not in page.split('type="password"')[1][:200]
    for hint in ("hint", "question", "mother"):
        assert hint not in page.lower().replace("nhsuk-hint", "")


def test_no_account_comes_with_the_product(live):
    """Whoever can sign in was made by a command with a password of their own."""
    known = {user.username for user in live.users.values()}
    for name in ("admin", "root", "administrator", "sa", "test", "demo", "guest"):
        assert name not in known
        assert not User.objects.filter(username=name).exists()
    assert not User.objects.filter(password="").exists()


def test_who_there_is_cannot_be_found_out(live):
    """The same answer for a wrong password as for a name that nobody has."""
    told = []
    for name in (live.users["pcn_mdt_member"].username, "nobody-of-that-name"):
        answer = Client().post(SIGN_IN, {"username": name, "password": "wrong"})
        told.append(
            (answer.status_code, system.in_clear(words(answer)).replace(name, ""))
        )
    assert told[0] == told[1]


def test_each_try_to_sign_in_is_on_record(live):
    """With what became of it, and never with what was typed."""
    before = len(system.audit_rows())
    name = live.users["pcn_mdt_member"].username
    Client().post(SIGN_IN, {"username": "NOSUCHNAME", "password": "SECRETWORD"})
    Client().post(SIGN_IN, {"username": name, "password": PASSWORD})
    added = system.audit_rows()[before:]
    assert [(row["event"], row["outcome"]) for row in added][:2] == [
        ("sign_in_failed", "refused"),
        ("signed_in", "allowed"),
    ]
    assert "SECRETWORD" not in str(added)
    assert "NOSUCHNAME" not in str(added)


def test_a_session_of_the_attackers_is_not_taken_over(live):
    """Fixation: signing in begins another session, whatever cookie came along."""
    name = live.users["pcn_mdt_member"].username
    victim = Client()
    victim.get(SIGN_IN)
    session = victim.session
    session["planted"] = "yes"
    session.save()
    victim.cookies["sessionid"] = planted = session.session_key
    victim.post(SIGN_IN, {"username": name, "password": PASSWORD})
    assert victim.cookies["sessionid"].value != planted
    attacker = Client()
    attacker.cookies["sessionid"] = planted
    assert attacker.get(LIST).status_code == 302


def test_an_ended_session_opens_nothing(newcomer):
    client = signed_in(newcomer)
    kept = client.cookies["sessionid"].value
    client.post(reverse("sign-out"))
    replayed = Client()
    replayed.cookies["sessionid"] = kept
    assert replayed.get(LIST).status_code == 302


def test_signing_out_clears_the_browser(newcomer):
    answer = signed_in(newcomer).post(reverse("sign-out"))
    assert '"cache"' in answer["Clear-Site-Data"]
    assert '"storage"' in answer["Clear-Site-Data"]


def test_a_closed_accounts_session_opens_nothing(newcomer):
    client = signed_in(newcomer)
    with system.acting_as("worker"):
        User.objects.filter(pk=newcomer.pk).update(is_active=False)
    assert client.get(LIST).status_code == 302


def test_a_changed_password_ends_every_session(newcomer):
    client = signed_in(newcomer)
    with system.acting_as("worker"):
        newcomer.set_password("another long passphrase")
        newcomer.save()
    assert client.get(LIST).status_code == 302


def test_a_session_ends_when_idle(newcomer):
    client = signed_in(newcomer)
    later = timezone.now() + timedelta(minutes=16)
    with mock.patch("django.utils.timezone.now", return_value=later):
        assert client.get(LIST).status_code == 302


def test_every_page_shows_the_way_out(live):
    for role, path in (("pcn_mdt_member", LIST), ("ig_lead", "/access/audit/")):
        assert reverse("sign-out") in words(live.client(role).get(path))


def test_a_purpose_of_no_role_of_ones_own_is_not_taken(live):
    """A purpose slipped into the session is passed over, not believed."""
    client = live.client("pcn_mdt_member", "assurance")
    assert client.get("/access/audit/").status_code == 403
    session = client.session
    session["grant_id"] = 1
    session["purpose"] = "operations"
    session["role"] = "ig_lead"
    session.save()
    assert client.get("/access/audit/").status_code == 403
    assert client.get("/registers/").status_code == 403
