"""Single sign-on by OpenID Connect: NHS CIS2, Entra, or any other provider.

mozilla-django-oidc does the protocol (code flow, PKCE, state, nonce, signature). Here
stands what it leaves open: who issued the token and for whom are checked, addresses
come from the provider's own document, and an account is found by the provider's name
of the person and never made, nor found by an e-mail address.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import requests
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from governance.models import User
from governance.sign_in_models import account_name

TIMEOUT_SECONDS = 10
ENDPOINTS = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}
KEPT = ("acr", "amr", "auth_time", "iat", "authentication_assurance_level")
CLAIMS = "single_sign_on_claims"


class SingleSignOnError(RuntimeError):
    """The provider does not answer as it should; says how."""


@lru_cache(maxsize=4)
def provider(issuer: str) -> dict[str, Any]:
    """Return the provider's own document (OpenID Connect Discovery 1.0)."""
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = requests.get(address, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise SingleSignOnError(f"{issuer} does not describe itself.") from error
    if found.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        raise SingleSignOnError(f"{issuer} says that it is {found.get('issuer')}.")
    return found


def setting(name: str, *default: Any) -> Any:
    """Return a setting of mozilla-django-oidc: addresses as the provider names them."""
    if name in ENDPOINTS:
        return provider(settings.OIDC_ISSUER)[ENDPOINTS[name]]
    if default:
        return getattr(settings, name, default[0])
    return getattr(settings, name)


def was_strong(claims: dict[str, Any]) -> datetime | None:
    """Return when the provider saw two factors, or None if it does not say so.

    `amr` (RFC 8176), `acr`, or CIS2's authentication_assurance_level hold one of the
    values of settings.OIDC_STRONG.
    """
    told = {str(claims.get("acr", ""))} | {str(m) for m in claims.get("amr") or ()}
    told.add(f"level-{claims.get('authentication_assurance_level', '')}")
    if not told & set(settings.OIDC_STRONG):
        return None
    at = claims.get("auth_time") or claims["iat"]
    return datetime.fromtimestamp(int(at), tz=UTC)


class SingleSignOn(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Find the account of somebody whom the provider has signed in."""

    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        return setting(attr, *args)

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> User | None:
        # Only the callback knows the nonce: a password form has no part in this.
        if request is None or not kwargs.get("nonce"):
            return None
        try:
            found: User | None = super().authenticate(request, **kwargs)
        except (requests.RequestException, KeyError, ValueError) as error:
            raise SuspiciousOperation("the provider's answer is no token") from error
        return found

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Check issuer, audience and times too (OpenID Connect Core 3.1.3.7)."""
        payload: dict[str, Any] = super().verify_token(token, **kwargs)
        audience = payload.get("aud")
        meant = audience if isinstance(audience, list) else [audience]
        wanted = provider(settings.OIDC_ISSUER)["issuer"]
        if payload.get("iss") != wanted:
            raise SuspiciousOperation("the token is another issuer's")
        if settings.OIDC_RP_CLIENT_ID not in meant or (
            len(meant) > 1 and payload.get("azp") != settings.OIDC_RP_CLIENT_ID
        ):
            raise SuspiciousOperation("the token is for somebody else")
        if "exp" not in payload or "iat" not in payload or not payload.get("sub"):
            raise SuspiciousOperation("the token lacks a claim")
        return payload

    def get_or_create_user(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> User | None:
        """Return the open account that names this person, and keep what was claimed."""
        name = account_name(settings.OIDC_ISSUER, payload["sub"])
        kept = {key: payload[key] for key in KEPT if key in payload}
        self.request.session[CLAIMS] = kept
        return User.objects.filter(single_sign_on=name, is_active=True).first()
