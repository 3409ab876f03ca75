"""Partners' machines: a signed statement of who they are buys a token of ten minutes.

OAuth 2.0 client credentials (RFC 6749, 4.4) with `private_key_jwt` (RFC 7523): the
partner signs with a key that never leaves it, and registers the public part here. A
token holds one purpose, one place and the scopes that were asked for; whether the
account, its role, training and agreement still stand is asked again at every call.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from governance import audit
from governance.access import (
    ACCESS,
    Viewer,
    extent,
    live_grants,
    practices_under,
    viewer_for,
)
from governance.actions import token_digest
from governance.models import ApiToken, ClientKey, Grant, Org, UsedStatement, User

ALGORITHMS = ("RS256", "RS384", "PS256", "PS384", "ES256", "ES384")
CURVES = {"P-256": "ES256", "P-384": "ES384"}
LEAST_RSA_BITS = 2048
STATEMENT_LIVES = timedelta(minutes=5)
TOKEN_LIVES = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(seconds=30)
KEY_LIVES = timedelta(days=365)
MOST_KEYS = 2
MOST_JTI = 200


class RefusedClientError(PermissionError):
    """A statement or a wish that buys no token. `code` is OAuth's word for it."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class RefusedKeyError(ValueError):
    """A key that cannot be registered; says why."""


@dataclass(frozen=True)
class Bought:
    """A token as it is told once, and what it holds."""

    secret: str = field(repr=False)
    scopes: tuple[str, ...]
    seconds: int


def identify(statement: str, *, audience: str, now: datetime) -> User:
    """Return the account whose machine signed a statement. It is good once.

    audience: the address of the token endpoint, which the statement must name.
    """
    try:
        header = jwt.get_unverified_header(statement)
        kid, algorithm = str(header.get("kid", "")), str(header.get("alg", ""))
    except jwt.PyJWTError as error:
        raise _unknown("The statement cannot be read.") from error
    key = (
        ClientKey.objects.filter(
            kid=kid, ended_at=None, ends_on__gt=now.date(), user__is_active=True
        )
        .select_related("user")
        .first()
    )
    # The key says with which algorithms it signs; the statement may not choose others.
    if key is None or algorithm not in algorithms_of(key.jwk):
        raise _unknown("The statement names no key in force, or another algorithm.")
    claims = _claims(statement, key, algorithm, audience)
    client = key.user.username
    if claims["iss"] != client or claims["sub"] != client:
        raise _unknown("The statement is not about the key's own client.")
    _check_times(claims, now)
    _use_once(f"{client}|{claims['jti']}", claims["exp"])
    return key.user


def buy_token(user: User, *, scope: str, now: datetime) -> Bought:
    """Sell a token of ten minutes for what `scope` asks: all of it, or nothing.

    scope: words apart by spaces: scopes of the API, `purpose:…` and `place:…`. Without
    a purpose or place it is the role's first purpose and the grant's own place;
    without scopes, all that the role holds.
    """
    wanted = scope.split()
    purpose = _one(wanted, "purpose")
    place = _one(wanted, "place")
    scopes = tuple(w for w in wanted if not w.startswith(("purpose:", "place:")))
    grant = _grant_over(user, place, now.date())
    viewer = viewer_for(user, grant_id=grant.pk, purpose=purpose)
    if viewer is None:
        raise RefusedClientError(
            "unauthorized_client", "No role of this client, or its agreement, stands."
        )
    if purpose and viewer.purpose != purpose:
        raise RefusedClientError("invalid_scope", "The role has no such purpose today.")
    scopes = scopes or tuple(s for s in sorted(viewer.spec.api) if viewer.may_call(s))
    if lost := [each for each in scopes if not viewer.may_call(each)]:
        raise RefusedClientError(
            "invalid_scope", f"The role does not hold: {', '.join(lost)[:200]}"
        )
    secret = secrets.token_urlsafe(32)
    ApiToken.objects.create(
        user=user,
        digest=token_digest(secret),
        purpose=viewer.purpose,
        expires_on=(now + TOKEN_LIVES).date(),
        expires_at=now + TOKEN_LIVES,
        org_code=place or grant.org_id,
        scopes=list(scopes),
    )
    audit.record("token_issued", viewer, subject=user.username, scopes=len(scopes))
    held = (*scopes, f"purpose:{viewer.purpose}", f"place:{place or grant.org_id}")
    return Bought(secret, held, int(TOKEN_LIVES.total_seconds()))


def token_behind(secret: str, now: datetime) -> ApiToken | None:
    """Return the token in force behind what a caller sent, or None.

    A token without a minute of its end is a demonstration's, and good in one only.
    """
    in_force = Q(expires_at__gt=now)
    if settings.DEMO:
        in_force |= Q(expires_at=None, expires_on__gte=now.date())
    return (
        ApiToken.objects.filter(
            in_force, digest=token_digest(secret), user__is_active=True
        )
        .select_related("user")
        .first()
    )


def viewer_of(token: ApiToken, on: date) -> Viewer | None:
    """Return who calls with a token: its account today, at the token's own place."""
    if not token.org_code:
        return viewer_for(token.user, purpose=token.purpose)
    try:
        grant = _grant_over(token.user, token.org_code, on)
    except RefusedClientError:
        return None
    found = viewer_for(token.user, grant_id=grant.pk, purpose=token.purpose)
    if found is None or found.purpose != token.purpose:
        return None
    if found.org_code == token.org_code:
        return found
    place = Org.objects.get(pk=token.org_code)
    return replace(
        found,
        **extent(place, on),
    )


def scopes_of(token: ApiToken) -> frozenset[str]:
    """Return the scopes that a token holds; a demonstration's, all that there are."""
    if token.expires_at is None:
        return frozenset().union(*(role.api for role in ACCESS.roles.values()))
    return frozenset(token.scopes)


def register_key(*, text: str, name: str, now: datetime, by: Viewer) -> ClientKey:
    """Register a client's public key, as a JWK. RefusedKeyError."""
    jwk = public_part(text)
    held = ClientKey.objects.filter(
        user_id=by.user_id, ended_at=None, ends_on__gt=now.date()
    )
    if held.count() >= MOST_KEYS:
        raise RefusedKeyError(
            f"There are {MOST_KEYS} keys in force: enough to change from one to the"
            " next. End one first."
        )
    try:
        with transaction.atomic():
            made = ClientKey.objects.create(
                user_id=by.user_id,
                kid=thumbprint(jwk),
                jwk=jwk,
                name=name.strip()[:60],
                made_at=now,
                ends_on=now.date() + KEY_LIVES,
            )
    except IntegrityError as error:
        raise RefusedKeyError("This key was registered before.") from error
    audit.record("client_key_registered", by, subject=made.kid, name=made.name)
    return made


def end_key(*, key_id: int, now: datetime, by: Viewer) -> None:
    """End a key of one's own; statements signed with it buy nothing from now on."""
    ended = ClientKey.objects.filter(
        pk=key_id, user_id=by.user_id, ended_at=None
    ).update(ended_at=now)
    if not ended:
        raise RefusedKeyError("There is no such key of yours in force.")
    audit.record("client_key_ended", by, subject=f"key {key_id}")


def keys_of(viewer: Viewer, today: date) -> list[ClientKey]:
    """Return a client's own keys, those in force first."""
    found = ClientKey.objects.filter(user_id=viewer.user_id).order_by("-made_at")
    return sorted(found, key=lambda k: k.ended_at is not None or k.ends_on <= today)


def public_part(text: str) -> dict[str, str]:
    """Return the public part of a JWK that is strong enough. RefusedKeyError."""
    try:
        given: Any = json.loads(text)
        kind = given["kty"]
        wanted = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}[kind]
        jwk = {name: str(given[name]) for name in wanted}
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedKeyError(
            "That is no public key as a JSON Web Key of kind RSA or EC."
        ) from error
    if "d" in given:
        raise RefusedKeyError(
            "That is the private key. Nobody but you may have it: make a new pair, and"
            " register the public part."
        )
    _check_strength(jwk)
    return jwk


def algorithms_of(jwk: Mapping[str, str]) -> tuple[str, ...]:
    """Return the algorithms that a key may sign with."""
    if jwk["kty"] == "EC":
        return (CURVES[jwk["crv"]],)
    return tuple(a for a in ALGORITHMS if not a.startswith("ES"))


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return a key's name: the SHA-256 of its required members (RFC 7638), in hex."""
    text = json.dumps(dict(sorted(jwk.items())), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check_strength(jwk: Mapping[str, str]) -> None:
    try:
        if jwk["kty"] == "EC":
            if jwk["crv"] not in CURVES:
                raise RefusedKeyError("The curve must be P-256 or P-384.")
            ECAlgorithm.from_jwk(dict(jwk))
            return
        bits = RSAAlgorithm.from_jwk(dict(jwk)).key_size
    except (jwt.InvalidKeyError, ValueError) as error:
        if isinstance(error, RefusedKeyError):
            raise
        raise RefusedKeyError("The key's numbers are not right.") from error
    if bits < LEAST_RSA_BITS:
        raise RefusedKeyError(f"An RSA key needs {LEAST_RSA_BITS} bits or more.")


def _claims(
    statement: str, key: ClientKey, algorithm: str, audience: str
) -> dict[str, Any]:
    try:
        found: dict[str, Any] = jwt.decode(
            statement,
            jwt.PyJWK(key.jwk, algorithm=algorithm),
            algorithms=[algorithm],
            audience=audience,
            # Times are compared with the moment that is passed, below.
            options={
                "require": ["iss", "sub", "aud", "exp", "iat", "jti"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "strict_aud": True,
            },
        )
    except jwt.PyJWTError as error:
        raise _unknown("The statement is not signed as it should be.") from error
    return found


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    try:
        issued = datetime.fromtimestamp(int(claims["iat"]), tz=UTC)
        expires = datetime.fromtimestamp(int(claims["exp"]), tz=UTC)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise _unknown("The statement's times cannot be read.") from error
    if not isinstance(claims["jti"], str) or not 8 <= len(claims["jti"]) <= MOST_JTI:
        raise _unknown("The statement needs a jti of 8 to 200 characters.")
    if issued > now + CLOCKS_DIFFER or expires <= now:
        raise _unknown("The statement is from the future, or has expired.")
    if expires - issued > STATEMENT_LIVES or expires > now + STATEMENT_LIVES:
        raise _unknown("The statement lives longer than five minutes.")


def _use_once(number: str, expires: int) -> None:
    digest = hashlib.sha256(number.encode()).hexdigest()
    try:
        with transaction.atomic():
            UsedStatement.objects.create(
                digest=digest, expires_at=datetime.fromtimestamp(int(expires), tz=UTC)
            )
    except IntegrityError as error:
        raise _unknown("The statement was used before.") from error


def _grant_over(user: User, place: str, on: date) -> Grant:
    """The grant that reaches a place, or the first one where none is named."""
    for grant in live_grants(user, on):
        role = ACCESS.roles.get(grant.role)
        if role is None or not role.api:
            continue
        if not place or place == grant.org_id:
            return grant
        inside = practices_under(place, on)
        if inside and inside <= practices_under(grant.org_id, on):
            return grant
    words = f"No role of this client reaches {place[:20]}." if place else "No role."
    raise RefusedClientError("invalid_scope", f"{words} Its agreement may have ended.")


def _one(wanted: list[str], name: str) -> str:
    found = [w.partition(":")[2] for w in wanted if w.startswith(f"{name}:")]
    if len(found) > 1:
        raise RefusedClientError("invalid_scope", f"A token is for one {name}.")
    return found[0] if found else ""


def _unknown(words: str) -> RefusedClientError:
    return RefusedClientError("invalid_client", words)
