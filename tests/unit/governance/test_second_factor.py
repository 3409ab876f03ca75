"""Codes of an app and on paper: RFC 6238's own examples, once only, sealed."""

import json

import pytest
from django.test import RequestFactory

from governance import passkeys, second_factor
from governance.second_factor import (
    UnreadableSecretError,
    code_at,
    in_base32,
    new_recovery_codes,
    new_secret,
    picture,
    recovery_digest,
    seal,
    step_of,
    unseal,
)

# RFC 6238, appendix B: the secret of the SHA-1 examples, and the last six of 8 digits.
SECRET = b"12345678901234567890"
EXAMPLES = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize(("seconds", "code"), EXAMPLES.items())
def test_codes_are_those_of_the_standard(seconds, code):
    assert code_at(SECRET, seconds // 30) == code[-6:]
    assert step_of(SECRET, code[-6:], now=seconds, after=0) == seconds // 30


@pytest.mark.parametrize(
    ("away", "taken"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)]
)
def test_a_code_is_good_for_its_step_and_the_ones_beside_it(away, taken):
    now = 1_234_567_890.0
    code = code_at(SECRET, int(now + away) // 30)
    assert (step_of(SECRET, code, now=now, after=0) is not None) is taken


def test_a_code_is_good_once():
    now = 1_234_567_890.0
    code = code_at(SECRET, int(now) // 30)
    used = step_of(SECRET, code, now=now, after=0)
    assert used is not None
    assert step_of(SECRET, code, now=now, after=used) is None
    assert step_of(SECRET, code_at(SECRET, used - 1), now=now, after=used) is None


@pytest.mark.parametrize("code", ["", "12345", "0059240", "five", "८९००५९", "\0"])
def test_what_is_no_code_is_not_taken(code):
    assert step_of(SECRET, code, now=1_234_567_890.0, after=0) is None


def test_a_secret_opens_for_its_owner_alone(settings):
    secret = new_secret()
    sealed = seal(secret, 7)
    assert secret not in sealed
    assert unseal(sealed, 7) == secret
    with pytest.raises(UnreadableSecretError):
        unseal(sealed, 8)
    settings.SECRET_KEY = "another key of another process"
    with pytest.raises(UnreadableSecretError):
        unseal(sealed, 7)


def test_paper_codes_are_read_however_they_are_typed():
    codes = new_recovery_codes()
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    kept = recovery_digest(codes[0], 7)
    assert recovery_digest(codes[0].lower().replace("-", " "), 7) == kept
    assert recovery_digest(codes[1], 7) != kept
    assert recovery_digest(codes[0], 8) != kept


def test_the_picture_is_an_svg_of_the_page_itself():
    drawn = picture(SECRET, "gp & co")
    assert drawn.startswith("data:image/svg+xml")
    assert in_base32(SECRET) not in drawn


class Session(dict):
    """A session as far as a passkey needs one."""


def test_what_the_browser_is_asked_for_a_passkey_is_json():
    class User:
        pk, username, full_name = 7, "gp", "A GP"

    request = RequestFactory().get("/", headers={"Host": "localhost"})
    request.session = Session()
    asked = json.loads(json.dumps(passkeys.ask_for_new(request, User(), [])))
    key = asked["publicKey"]
    assert key["rp"]["id"] == "localhost"
    assert key["authenticatorSelection"]["userVerification"] == "required"
    json.dumps(request.session[passkeys.WAITING])
    asked = json.loads(json.dumps(passkeys.ask_for_known(request, [])))
    assert asked["publicKey"]["userVerification"] == "required"


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"id": "x"}', "null"])
def test_an_answer_that_is_none_is_refused_and_uses_the_challenge_up(answer):
    request = RequestFactory().get("/", headers={"Host": "localhost"})
    request.session = Session()
    passkeys.ask_for_known(request, [])
    with pytest.raises(passkeys.RefusedPasskeyError):
        passkeys.take_known(request, answer, [])
    assert passkeys.WAITING not in request.session
    with pytest.raises(passkeys.RefusedPasskeyError):
        passkeys.take_new(request, answer)
