"""Passkeys (WebAuthn): a key in the telephone or computer that signs a challenge.

The person's presence and their PIN, face or finger are required, so a passkey is two
factors by itself. The challenge waits in the session; the browser's answer comes back
in a form field (`dashboards/assets/passkey.js`).
"""

import json
from collections.abc import Iterable, MutableMapping
from typing import Any

from django.http import HttpRequest
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from governance.models import User

WAITING = "passkey_challenge"
REQUIRED = UserVerificationRequirement.REQUIRED

Session = MutableMapping[str, Any]


class RefusedPasskeyError(ValueError):
    """The browser's answer does not fit what was asked."""


def ask_for_new(
    request: HttpRequest, user: User, known: Iterable[AttestedCredentialData]
) -> dict[str, Any]:
    """Return what the browser is asked to make a passkey, as WebAuthn's JSON."""
    options, state = _server(request).register_begin(
        PublicKeyCredentialUserEntity(
            id=str(user.pk).encode(), name=user.username, display_name=user.full_name
        ),
        list(known),
        user_verification=REQUIRED,
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
    )
    request.session[WAITING] = state
    return dict(options)


def take_new(request: HttpRequest, answer: str) -> AttestedCredentialData:
    """Return the passkey that the browser made. RefusedPasskeyError."""
    state = request.session.pop(WAITING, None)
    try:
        made = _server(request).register_complete(state, json.loads(answer))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedPasskeyError("The passkey could not be added.") from error
    if made.credential_data is None:
        raise RefusedPasskeyError("The passkey could not be added.")
    return made.credential_data


def ask_for_known(
    request: HttpRequest, known: Iterable[AttestedCredentialData]
) -> dict[str, Any]:
    """Return what the browser is asked to sign with one of these passkeys."""
    options, state = _server(request).authenticate_begin(
        list(known), user_verification=REQUIRED
    )
    request.session[WAITING] = state
    return dict(options)


def take_known(
    request: HttpRequest, answer: str, known: Iterable[AttestedCredentialData]
) -> tuple[bytes, int]:
    """Return the id of the passkey that signed, and its counter. RefusedPasskeyError.

    The challenge is used up, whatever the answer.
    """
    state = request.session.pop(WAITING, None)
    try:
        given = AuthenticationResponse.from_dict(json.loads(answer))
        found = _server(request).authenticate_complete(state, list(known), given)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedPasskeyError("The passkey was not accepted.") from error
    return found.credential_id, given.response.authenticator_data.counter


def _server(request: HttpRequest) -> Fido2Server:
    """The name that people typed is the one a passkey is bound to."""
    host = request.get_host().partition(":")[0]
    origin = f"{request.scheme}://{request.get_host()}"
    return Fido2Server(
        PublicKeyCredentialRpEntity(name="Catchment", id=host),
        attestation="none",
        verify_origin=lambda given: given == origin,
    )
