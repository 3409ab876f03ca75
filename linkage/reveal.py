"""The web's way to a name: ask the vault, show the answer, keep nothing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.conf import settings

from governance import audit
from governance.access import Viewer
from linkage.assertions import Asked, RevealRequest, sign

TIMEOUT_SECONDS = 5.0
# Linking a list of some thousand people, or moving a merged person's facts.
WORK_SECONDS = 60.0


class VaultUnavailableError(RuntimeError):
    """The vault did not answer; names cannot be shown, the list still can."""


class RevealRefusedError(PermissionError):
    """The vault refused the whole request; the message says why."""


@dataclass(frozen=True)
class Named:
    """A person's identifiers, for one page and one viewer. Never stored or logged."""

    nhs_number: str | None = field(repr=False)
    surname: str = field(repr=False)
    forename: str = field(repr=False)
    born_on: str | None = field(repr=False)
    address: str = field(repr=False)
    postcode: str = field(repr=False)


@dataclass(frozen=True)
class Revealed:
    """Names by person_no, and for the others why not."""

    names: dict[int, Named] = field(repr=False)
    refused: dict[int, str]


def reveal(
    viewer: Viewer, *, programme: str, reason: str, person_nos: Sequence[int]
) -> Revealed:
    """Ask the vault to name people for a stated reason. Audited here and there."""
    audit.record(
        "reveal_asked",
        viewer,
        subject=programme,
        persons=len(person_nos),
        seen=person_nos,
        reason=reason,
    )
    statement = sign(
        RevealRequest(
            viewer_id=viewer.user_id,
            role=viewer.role,
            purpose=viewer.purpose,
            org_code=viewer.org_code,
            programme=programme,
            reason=reason,
            person_nos=tuple(person_nos),
        ),
        settings.VAULT_ASSERTION_KEY or "",
    )
    try:
        with _client() as client:
            response = client.post("/reveal", content=statement)
    except httpx.HTTPError as error:
        raise VaultUnavailableError(
            "Names cannot be shown at the moment. The list itself is complete; try"
            " again in a minute, and tell your data manager if it lasts."
        ) from error
    if response.status_code in {401, 403, 413}:
        raise RevealRefusedError(response.json().get("refused", "refused"))
    if response.status_code != httpx.codes.OK:
        raise VaultUnavailableError("Names cannot be shown: the vault reports a fault.")
    body = response.json()
    return Revealed(
        names={row.pop("person_no"): Named(**row) for row in body["revealed"]},
        refused={int(n): why for n, why in body["refused"].items()},
    )


def ask(
    viewer: Viewer, what: str, *, content: bytes = b"", **arguments: Any
) -> dict[str, Any]:
    """Ask the vault to do something for a viewer; returns its answer.

    content: a file for the vault alone. It goes behind the signed statement, which
    holds its digest, and is kept nowhere on the way. Audited here and there.
    """
    audit.record("vault_asked", viewer, subject=what, bytes=len(content))
    return tell(viewer, what, content=content, **arguments)


def tell(
    viewer: Viewer, what: str, *, content: bytes = b"", **arguments: Any
) -> dict[str, Any]:
    """As `ask`, without an audit row here: for the pieces of a delivery, whose
    beginning and end are audited."""
    if content:
        arguments["sha256"] = hashlib.sha256(content).hexdigest()
    statement = sign(
        Asked(
            viewer_id=viewer.user_id,
            role=viewer.role,
            purpose=viewer.purpose,
            org_code=viewer.org_code,
            what=what,
            arguments=arguments,
        ),
        settings.VAULT_ASSERTION_KEY or "",
    )
    try:
        with _client() as client:
            response = client.post(
                "/act", content=statement + b"\n" + content, timeout=WORK_SECONDS
            )
    except httpx.HTTPError as error:
        raise VaultUnavailableError(
            "The vault does not answer. Nothing was done; try again in a minute, and"
            " tell your data manager if it lasts."
        ) from error
    if response.status_code in {400, 401, 403, 409, 413}:
        raise RevealRefusedError(response.json().get("refused", "refused"))
    if response.status_code != httpx.codes.OK:
        raise VaultUnavailableError("The vault reports a fault. Nothing was shown.")
    answer: dict[str, Any] = response.json()
    return answer


def _client() -> httpx.Client:
    """Connect to the vault's socket, or to its address in a deployment."""
    address = settings.VAULT_SERVICE_URL or ""
    if address.startswith("http+unix://"):
        transport = httpx.HTTPTransport(uds=address.removeprefix("http+unix://"))
        return httpx.Client(
            transport=transport, base_url="http://vault", timeout=TIMEOUT_SECONDS
        )
    return httpx.Client(
        base_url=address, timeout=TIMEOUT_SECONDS, headers={"Host": "vault"}
    )
