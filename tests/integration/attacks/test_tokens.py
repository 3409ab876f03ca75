"""Attempts with a partner's signed statement: replay, other algorithms, other keys."""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from governance import access, clients
from governance.models import ApiToken, ClientKey
from tests import live_system as system

TOKEN = reverse("oauth-token")
AUDIENCE = f"http://testserver{TOKEN}"
GRANT = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
}


@pytest.fixture(scope="module")
def partner(live):
    """A partner's machine with an RSA key of its own, registered."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    viewer = live.viewer("partner_client")
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    with access.scoped(viewer):
        kept = clients.register_key(
            text=json.dumps(jwk), name="ours", now=timezone.now(), by=viewer
        )
    yield viewer, key, kept.kid
    with system.acting_as("worker"):
        ClientKey.objects.filter(pk=kept.pk).delete()


def claims(viewer, **other):
    now = timezone.now()
    made = {
        "iss": viewer.username,
        "sub": viewer.username,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + timedelta(minutes=4),
        "jti": secrets.token_hex(16),
    } | other
    return {name: value for name, value in made.items() if value is not None}


def buy(statement, scope="", **other):
    form = GRANT | {"client_assertion": statement, "scope": scope} | other
    return Client().post(TOKEN, form)


def signed(partner, algorithm="RS256", **other):
    viewer, key, kid = partner
    return jwt.encode(
        claims(viewer, **other), key, algorithm=algorithm, headers={"kid": kid}
    )


def part(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=")


def refused(answer):
    assert answer.status_code in {400, 401}, answer.content
    assert "access_token" not in answer.json()
    return True


def test_a_true_statement_buys_a_token_of_ten_minutes(partner):
    answer = buy(signed(partner))
    assert answer.status_code == 200
    assert answer.json()["expires_in"] <= 600
    assert "no-store" in answer["Cache-Control"]


def test_a_statement_buys_once(partner):
    """Replay: the second time it is nobody's, whoever brings it."""
    statement = signed(partner)
    assert buy(statement).status_code == 200
    assert refused(buy(statement))


def test_a_statement_without_a_signature_is_nobodys(partner):
    """alg none, in any spelling, with and without the old signature."""
    viewer, _, kid = partner
    body = claims(viewer)
    plain = {k: (int(v.timestamp()) if k in "iat exp" else v) for k, v in body.items()}
    old = signed(partner).split(".")[2].encode()
    for name in ("none", "None", "NONE", "", "nOnE"):
        head = part({"alg": name, "typ": "JWT", "kid": kid})
        for end in (b"", old):
            assert refused(buy((head + b"." + part(plain) + b"." + end).decode()))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_secret(partner, algorithm):
    """Algorithm confusion: signed with the public key, as if it were a password."""
    viewer, key, kid = partner
    body = claims(viewer)
    plain = {k: (int(v.timestamp()) if k in "iat exp" else v) for k, v in body.items()}
    held = key.public_key()
    for text in (
        held.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        held.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(RSAAlgorithm.to_jwk(held, as_dict=True)).encode(),
        kid.encode(),
    ):
        head = part({"alg": algorithm, "typ": "JWT", "kid": kid})
        signing = head + b"." + part(plain)
        digest = getattr(hashlib, f"sha{algorithm[2:]}")
        mac = base64.urlsafe_b64encode(hmac.new(text, signing, digest).digest())
        assert refused(buy((signing + b"." + mac.rstrip(b"=")).decode()))


def test_a_key_in_the_statement_itself_is_not_believed(partner):
    """jwk, jku, x5u and a kid that climbs: keys come from the register alone."""
    viewer, _, kid = partner
    mine = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = RSAAlgorithm.to_jwk(mine.public_key(), as_dict=True)
    for head in (
        {"kid": kid},
        {"kid": kid, "jwk": jwk},
        {"kid": kid, "jku": "http://127.0.0.1/keys.json"},
        {"kid": kid, "x5u": "http://127.0.0.1/cert.pem"},
        {"kid": "../../dev/null"},
        {"kid": "' UNION SELECT 'x"},
        {"jwk": jwk},
    ):
        statement = jwt.encode(claims(viewer), mine, algorithm="RS256", headers=head)
        assert refused(buy(statement))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"aud": "http://testserver/"},
        {"aud": "https://elsewhere.example/token"},
        {"aud": [AUDIENCE, "https://elsewhere.example/token"]},
        {"aud": None},
        {"iss": "somebody-else"},
        {"sub": "ig_lead-qzz"},
        {"sub": None},
        {"jti": None},
        {"jti": "x"},
        {"exp": None},
        {"iat": None},
    ],
    ids=str,
)
def test_a_statement_about_something_else_buys_nothing(partner, spoiled):
    assert refused(buy(signed(partner, **spoiled)))


@pytest.mark.parametrize(
    ("issued", "ends"), [(-600, -1), (0, 301), (0, 86_400), (120, 300), (-86_400, 200)]
)
def test_a_statement_of_another_moment_buys_nothing(partner, issued, ends):
    now = timezone.now()
    given = {
        "iat": now + timedelta(seconds=issued),
        "exp": now + timedelta(seconds=ends),
    }
    assert refused(buy(signed(partner, **given)))


def test_a_token_is_for_what_the_role_holds(live, partner):
    """Wider scopes, other purposes and other places are refused whole."""
    for scope in (
        "people:read",
        "organisations:read people:read",
        "purpose:direct_care",
        "purpose:operations",
        "place:P2",
        "place:QZZ",
        "place:U3",
        "purpose:planning purpose:research",
        "*",
    ):
        assert refused(buy(signed(partner), scope)), scope


def test_a_token_works_in_a_header_only(live, partner):
    secret = buy(signed(partner)).json()["access_token"]
    address = reverse("api-root")
    assert (
        Client(headers={"Authorization": f"Bearer {secret}"}).get(address).status_code
        == 200
    )
    for client, query in (
        (Client(), {"access_token": secret}),
        (Client(), {"token": secret}),
        (Client(headers={"X-Api-Key": secret}), {}),
        (Client(headers={"Authorization": f"Basic {secret}"}), {}),
        (Client(headers={"Cookie": f"sessionid={secret}"}), {}),
    ):
        assert client.get(address, query).status_code == 401


def test_another_kind_of_grant_is_not_sold(partner):
    for kind in ("password", "authorization_code", "refresh_token", "implicit", ""):
        assert refused(buy(signed(partner), grant_type=kind))


def test_weak_and_private_keys_are_not_registered(live):
    viewer = live.viewer("partner_client")
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256K1())
    whole = ec.generate_private_key(ec.SECP256R1())
    for jwk in (
        RSAAlgorithm.to_jwk(small.public_key(), as_dict=True),
        ECAlgorithm.to_jwk(curve.public_key(), as_dict=True),
        ECAlgorithm.to_jwk(whole, as_dict=True),
        {"kty": "oct", "k": "c2VjcmV0"},
    ):
        with access.scoped(viewer), pytest.raises(clients.RefusedKeyError):
            clients.register_key(
                text=json.dumps(jwk), name="x", now=timezone.now(), by=viewer
            )


def test_a_page_of_the_api_has_an_end(live, partner):
    """Tampered cursors and sizes: never more than a page, never an error of ours."""
    secret = buy(signed(partner)).json()["access_token"]
    client = Client(
        headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False
    )
    address = reverse("api-organisations")
    for query in (
        {"limit": "501"},
        {"limit": "-1"},
        {"limit": "1e9"},
        {"cursor": "' OR 1=1 --"},
        {"cursor": "z" * 4000},
        {"cursor": "\u0000"},
        {"limit": "500", "cursor": ""},
    ):
        answer = client.get(address, query)
        assert answer.status_code in {200, 400}, query
        if answer.status_code == 200:
            assert len(answer.json()["results"]) <= 500


def test_a_token_is_kept_as_a_digest_alone(partner):
    secret = buy(signed(partner)).json()["access_token"]
    with system.acting_as("worker"):
        assert secret not in str(list(ApiToken.objects.values()))
