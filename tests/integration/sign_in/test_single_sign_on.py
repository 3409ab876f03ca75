"""Single sign-on against a real OpenID provider on this machine."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import oidc_provider_mock
import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.management import CommandError, call_command
from django.test import Client

from governance import single_sign_on
from governance.single_sign_on import SingleSignOn, provider, was_strong
from tests import live_system as system
from tests.integration.sign_in.conftest import is_in

SUBJECT = "555036632103"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def sso(issuer: str, gp: Any, settings: Any) -> Iterator[Callable[..., Any]]:
    """`sso(client)` goes to the provider and comes back, as a browser would."""
    settings.OIDC_ISSUER = issuer
    settings.OIDC_RP_CLIENT_ID = "catchment"
    settings.OIDC_RP_CLIENT_SECRET = "a secret of the two"
    # This provider has one key and does not name it in its tokens.
    settings.OIDC_VERIFY_KID = False
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        "governance.single_sign_on.SingleSignOn",
    ]
    provider.cache_clear()
    with system.acting_as("worker"):
        call_command("account", "gp", link=[issuer, SUBJECT])

    def go(
        client: Client,
        *,
        subject: str = SUBJECT,
        amr: list[str] | None = None,
        query: str = "",
    ) -> Any:
        claims = {"amr": amr} if amr else {}
        httpx.put(
            f"{issuer}/users/{subject}", json=claims | {"sub": subject}
        ).raise_for_status()
        away = client.get(f"/sign-in/with/{query}")
        assert away["Location"].startswith(f"{issuer}/")
        asked = parse_qs(urlsplit(away["Location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        answer = httpx.post(away["Location"], data={"sub": subject})
        back = urlsplit(answer.headers["Location"])
        go.last = f"{back.path}?{back.query}"  # type: ignore[attr-defined]
        return client.get(go.last)  # type: ignore[attr-defined]

    yield go
    provider.cache_clear()


def test_the_organisations_account_signs_in(sso, gp, live):
    client = Client()
    assert "organisation" in client.get("/sign-in/").content.decode()
    done = sso(client, query="?next=/lists/")
    assert done["Location"] == "/role/?next=%2Flists%2F"
    assert is_in(client)
    told = system.audit_rows("signed_in")[-1]
    assert (told["user_id"], told["detail"]) == (gp.pk, {"by": "single sign-on"})


def test_somebody_without_an_account_is_not_let_in(sso, live):
    client = Client()
    refused = sso(client, subject="somebody-else")
    assert refused.status_code == 403
    assert not is_in(client)
    assert system.audit_rows("single_sign_on_failed")


def test_an_answer_is_good_once_and_for_the_browser_that_asked(sso, live):
    first = Client()
    sso(first)
    assert Client().get(sso.last).status_code == 403
    again = Client()
    again.get("/sign-in/with/")
    assert again.get(sso.last).status_code == 403
    assert not is_in(again)


def test_where_everybody_needs_two_steps_the_provider_must_have_asked_for_them(
    sso, live, settings, app
):
    settings.SECOND_FACTOR = "required"
    client = Client()
    done = sso(client)
    # This account has an app: it is asked for, as after a password.
    assert done["Location"].startswith("/sign-in/code/")
    client.post("/sign-in/code/", {"code": app.code})
    assert is_in(client)


@pytest.mark.parametrize(
    ("claims", "strong"),
    [
        ({"amr": ["pwd", "mfa"], "iat": 5}, True),
        ({"amr": ["pwd"], "iat": 5}, False),
        ({"iat": 5}, False),
        ({"authentication_assurance_level": "3", "iat": 5, "auth_time": 2}, True),
        ({"authentication_assurance_level": "1", "iat": 5}, False),
        ({"acr": "mfa", "iat": 5}, True),
    ],
)
def test_only_a_word_on_two_factors_counts_as_two(claims, strong):
    found = was_strong(claims)
    assert (found is not None) is strong
    if found:
        assert found.timestamp() == claims.get("auth_time", 5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://elsewhere.example"}, "another issuer's"),
        ({"aud": "another client"}, "somebody else"),
        ({"aud": ["catchment", "another"]}, "somebody else"),
        ({"exp": None}, "lacks"),
        ({"iat": None}, "lacks"),
        ({"sub": ""}, "lacks"),
        ({"nonce": "another"}, "Nonce"),
    ],
    ids=str,
)
def test_a_token_for_anybody_else_is_refused(sso, issuer, monkeypatch, change, why):
    """Signed rightly, and still not ours: what the library leaves open is checked."""
    good = {
        "iss": issuer,
        "aud": "catchment",
        "sub": SUBJECT,
        "exp": 2_000_000_000,
        "iat": 1_700_000_000,
        "nonce": "n",
    }
    claims = {k: v for k, v in (good | change).items() if v is not None}
    monkeypatch.setattr(
        single_sign_on,
        "provider",
        lambda _: (
            {"issuer": issuer, "jwks_uri": "x"}
            | dict.fromkeys(single_sign_on.ENDPOINTS.values(), "x")
        ),
    )
    monkeypatch.setattr(SingleSignOn, "retrieve_matching_jwk", lambda *_: "k" * 32)
    monkeypatch.setattr(SingleSignOn, "get_payload_data", lambda *_: claims)
    backend = SingleSignOn()
    with pytest.raises(SuspiciousOperation, match=why):
        backend.verify_token("a.b.c", nonce="n")
    monkeypatch.setattr(SingleSignOn, "get_payload_data", lambda *_: good)
    assert backend.verify_token("a.b.c", nonce="n") == good


def test_a_token_that_the_provider_did_not_sign_is_refused(sso, issuer):
    forged = jwt.encode(
        {"iss": issuer, "aud": "catchment", "sub": SUBJECT, "nonce": "n"},
        "k" * 32,
        algorithm="HS256",
    )
    with pytest.raises((SuspiciousOperation, KeyError, jwt.PyJWTError)):
        SingleSignOn().verify_token(forged, nonce="n")


def test_a_password_form_cannot_be_turned_into_a_callback(sso, gp, live):
    client = Client()
    response = client.post(
        "/sign-in/?code=x&state=y", {"username": "gp", "password": "wrong"}
    )
    assert response.status_code == 422


def test_a_provider_that_is_somebody_else_is_refused(issuer, settings, live):
    settings.OIDC_ISSUER = f"{issuer}/another"
    provider.cache_clear()
    assert Client().get("/sign-in/with/").status_code == 503
    document = {"issuer": "https://elsewhere.example"}
    answer = mock.Mock(json=lambda: document)
    with (
        mock.patch.object(single_sign_on.requests, "get", return_value=answer),
        pytest.raises(single_sign_on.SingleSignOnError, match="elsewhere"),
    ):
        provider(issuer)
    provider.cache_clear()


def test_without_a_provider_there_is_no_single_sign_on(live):
    assert Client().get("/sign-in/with/")["Location"] == "/sign-in/"
    assert Client().get("/sign-in/back/?code=1&state=2")["Location"] == "/sign-in/"


def test_one_person_of_the_provider_has_one_account(sso, issuer, live):
    with system.acting_as("worker"), pytest.raises(CommandError, match="Another"):
        call_command("account", live.users["ig_lead"].username, link=[issuer, SUBJECT])
    with system.acting_as("worker"), pytest.raises(CommandError, match="no account"):
        call_command("account", "nobody", link=[issuer, "1"])
