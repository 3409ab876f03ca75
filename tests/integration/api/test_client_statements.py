"""Partners' machines: a signed statement buys a token of ten minutes, once."""

import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from governance import access, clients
from governance.models import ApiToken, ClientKey, Grant, UsedStatement, User
from tests import live_system as system
from tests.live_api import call, refused

AUDIENCE = "http://testserver/api/v1/token/"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
STRANGER = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def partner(live: Any) -> Iterator[User]:
    """A partner of their own with one registered key."""
    user = system.make_user("partner_client", "P1", "machine")
    viewer = system.viewer_of(user)
    with access.scoped(viewer):
        clients.register_key(
            text=ECAlgorithm.to_jwk(PRIVATE.public_key()),
            name="First key",
            now=timezone.now(),
            by=viewer,
        )
    yield user
    with system.acting_as("worker"):
        ApiToken.objects.filter(user=user).delete()
        ClientKey.objects.filter(user=user).delete()
        UsedStatement.objects.all().delete()
        user.delete()


def statement(
    *, key: Any = PRIVATE, algorithm: str = "ES256", kid: str = "", **change: Any
) -> str:
    """A statement that is right but for what a test changes; None takes a claim out."""
    now = int(timezone.now().timestamp())
    good = {
        "iss": "machine",
        "sub": "machine",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 240,
        "jti": secrets.token_hex(16),
    }
    claims = {k: v for k, v in (good | change).items() if v is not None}
    public = json.loads(ECAlgorithm.to_jwk(PRIVATE.public_key()))
    header = {"kid": kid or clients.thumbprint(clients.public_part(json.dumps(public)))}
    return jwt.encode(claims, key, algorithm=algorithm, headers=header)


def buy(signed: str, scope: str = "", **change: str) -> Any:
    given = {
        "grant_type": "client_credentials",
        "client_assertion_type": TYPE,
        "client_assertion": signed,
        "scope": scope,
    }
    return Client().post("/api/v1/token/", given | change)


def test_a_statement_buys_ten_minutes(partner):
    answer = buy(statement(), "indicators:read purpose:planning place:P1")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    assert told["scope"] == "indicators:read purpose:planning place:P1"
    assert answer["Cache-Control"] == "no-store"
    assert call(told["access_token"], reverse("api-indicators")).status_code == 200
    refused(call(told["access_token"], reverse("api-organisations")), 403)
    kept = ApiToken.objects.get(user=partner)
    assert told["access_token"] not in kept.digest
    assert kept.expires_at - timezone.now() <= timedelta(minutes=10)
    with system.acting_as("worker"):
        ApiToken.objects.filter(user=partner).update(expires_at=timezone.now())
    refused(call(told["access_token"], reverse("api-indicators")), 401)


def test_without_a_wish_a_token_holds_what_the_role_holds(partner):
    told = buy(statement()).json()
    viewer = system.viewer_of(partner)
    held = {s for s in viewer.spec.api if viewer.may_call(s)}
    assert set(told["scope"].split()) == held | {"purpose:planning", "place:P1"}


def test_a_token_for_a_place_inside_shows_that_place(partner):
    told = buy(statement(), "organisations:read place:U1").json()
    root = call(told["access_token"], reverse("api-root")).json()
    assert root["place"] == "U1"


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("place:P2", "reaches"),
        ("place:QZZ", "reaches"),
        ("place:Z99999", "reaches"),
        ("purpose:direct_care", "purpose"),
        ("everything:read", "hold"),
        ("purpose:planning purpose:direct_care", "one purpose"),
    ],
)
def test_more_than_the_role_reaches_is_not_for_sale(partner, scope, why):
    answer = buy(statement(), scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert why in answer.json()["error_description"]


def test_a_statement_is_good_once(partner):
    signed = statement()
    assert buy(signed).status_code == 200
    second = buy(signed)
    assert second.status_code == 401
    assert "used before" in second.json()["detail"]


WRONG: dict[str, Callable[[], str]] = {
    "another's key": lambda: statement(key=STRANGER),
    "an unknown key": lambda: statement(kid="0" * 64),
    "another issuer": lambda: statement(iss="another"),
    "another subject": lambda: statement(sub="another"),
    "another audience": lambda: statement(aud="http://elsewhere/token/"),
    "two audiences": lambda: statement(aud=[AUDIENCE, "http://elsewhere/"]),
    "no audience": lambda: statement(aud=None),
    "no jti": lambda: statement(jti=None),
    "a short jti": lambda: statement(jti="1"),
    "a long jti": lambda: statement(jti="x" * 201),
    "no end": lambda: statement(exp=None),
    "no beginning": lambda: statement(iat=None),
    "expired": lambda: statement(exp=int(timezone.now().timestamp()) - 1),
    "too long": lambda: statement(exp=int(timezone.now().timestamp()) + 302),
    "from the future": lambda: statement(
        iat=int(timezone.now().timestamp()) + 60,
        exp=int(timezone.now().timestamp()) + 120,
    ),
    "long since begun": lambda: statement(iat=int(timezone.now().timestamp()) - 300),
    "times that are none": lambda: statement(exp="soon"),
    "no statement": lambda: "a.b.c",
    "half a statement": lambda: statement()[:-10],
    "no signature": lambda: ".".join([*statement().split(".")[:2], ""]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_statement_that_is_not_right_buys_nothing(partner, name):
    answer = buy(WRONG[name]())
    assert answer.status_code == 401, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["error"] == "invalid_client"
    assert body["title"]
    assert body["advice"]
    assert not ApiToken.objects.filter(user=partner).exists()
    told = system.audit_rows("token_refused")[-1]
    assert (told["outcome"], told["detail"]) == ("refused", {"why": "invalid_client"})


def test_no_other_algorithm_is_taken(partner):
    """The public key as an HMAC secret, no signature at all, another kind of key."""
    key = ClientKey.objects.get(user=partner)
    unsigned = statement().split(".")
    header = json.dumps({"alg": "none", "kid": key.kid}).encode()
    none = f"{jwt.utils.base64url_encode(header).decode()}.{unsigned[1]}."
    assert buy(none).status_code == 401
    # The library refuses to sign so; an attacker's own code does not.
    header = json.dumps({"alg": "HS256", "kid": key.kid}).encode()
    signed = f"{jwt.utils.base64url_encode(header).decode()}.{unsigned[1]}"
    for secret in (json.dumps(key.jwk), ECAlgorithm.to_jwk(PRIVATE.public_key())):
        mac = hmac.digest(secret.encode(), signed.encode(), "sha256")
        forged = f"{signed}.{jwt.utils.base64url_encode(mac).decode()}"
        assert buy(forged).status_code == 401
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert buy(statement(key=other, algorithm="RS256")).status_code == 401


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_client"),
        ({"client_assertion": ""}, "invalid_client"),
        ({"client_assertion": "x" * 9_000}, "invalid_request"),
    ],
)
def test_another_way_of_asking_is_refused(partner, change, error):
    assert buy(statement(), **change).json()["error"] == error


def test_a_key_that_was_ended_buys_nothing_from_that_moment(partner):
    viewer = system.viewer_of(partner)
    key = ClientKey.objects.get(user=partner)
    with access.scoped(viewer):
        clients.end_key(key_id=key.pk, now=timezone.now(), by=viewer)
    assert buy(statement()).status_code == 401


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (User, {"is_active": False}),
        (User, {"trained_until": timezone.localdate() - timedelta(days=1)}),
        (Grant, {"end_on": timezone.localdate()}),
        (Grant, {"agreement": "no agreement of that name"}),
    ],
    ids=["inactive", "untrained", "ended", "no agreement"],
)
def test_a_bought_token_opens_nothing_once_its_ground_is_gone(partner, model, change):
    token = buy(statement()).json()["access_token"]
    assert call(token, reverse("api-root")).status_code == 200
    with system.acting_as("worker"):
        owner = {"pk": partner.pk} if model is User else {"user": partner}
        model.objects.filter(**owner).update(**change)
    refused(call(token, reverse("api-root")), 401)
    assert buy(statement()).status_code in {400, 401}


def test_the_demonstrations_token_is_good_in_one_only(tokens, settings):
    assert call(tokens["partner_client"], reverse("api-root")).status_code == 200
    settings.DEMO = False
    refused(call(tokens["partner_client"], reverse("api-root")), 401)


def test_a_partner_registers_and_ends_keys_by_page(live, partner):
    client = system.signed_in(partner)
    public = RSAAlgorithm.to_jwk(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    )
    page = client.get("/api-keys/").content.decode()
    assert "First key" in page
    assert AUDIENCE in page
    assert client.post("/api-keys/", {"name": "Second", "key": "x"}).status_code == 422
    made = client.post("/api-keys/", {"name": "Second", "key": public})
    assert made["Location"] == "/api-keys/"
    third = client.post("/api-keys/", {"name": "Third", "key": public})
    assert third.status_code == 422
    assert "2 keys in force" in third.content.decode()
    key = ClientKey.objects.get(name="Second")
    assert client.post(f"/api-keys/{key.pk}/end/").status_code == 302
    key.refresh_from_db()
    assert key.ended_at is not None


def test_nobody_ends_anothers_key(live, partner):
    key = ClientKey.objects.get(user=partner)
    other = live.client("partner_client")
    assert other.post(f"/api-keys/{key.pk}/end/").status_code == 302
    key.refresh_from_db()
    assert key.ended_at is None
    assert "First key" not in other.get("/api-keys/").content.decode()
