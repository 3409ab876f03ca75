"""Short signed statements from the web to the vault: who asks, for whom, and why.

Both processes hold one key that no other process has. A statement lives a minute and
is good once; the vault remembers the numbers it has seen for as long as they live.
"""

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

LIFETIME_SECONDS = 60

REASONS = {
    "mdt_review": "To review people in a team meeting",
    "contact_person": "To contact the person about an offer of care",
    "check_record": "To check the person's own record",
    "export_to_gp_system": "To bring the list into the GP system",
}


class RefusedAssertionError(ValueError):
    """A statement that is forged, too old, used before or not of this shape."""


@dataclass(frozen=True)
class RevealRequest:
    """What the web states when a viewer asks for names.

    `person_nos` are the store's numbers, meaningless outside it; `reason` is one of
    the codes in `REASONS`.
    """

    viewer_id: int
    role: str
    purpose: str
    org_code: str
    programme: str
    reason: str
    person_nos: tuple[int, ...]


@dataclass(frozen=True)
class Asked:
    """What the web states when a viewer asks the vault for anything but names.

    `what` is one of the vault's own actions; `arguments` are plain values, never an
    identifier in clear: a file with identifiers travels behind the statement, which
    holds its SHA-256.
    """

    viewer_id: int
    role: str
    purpose: str
    org_code: str
    what: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Request = RevealRequest | Asked


def sign(request: Request, key: str, *, now: float | None = None) -> bytes:
    """Return the statement as signed JSON. It says what kind of request it is."""
    body = asdict(request) | {
        "kind": type(request).__name__,
        "issued_at": int(now if now is not None else time.time()),
        "number": secrets.token_hex(16),
    }
    text = json.dumps(body, sort_keys=True).encode()
    return _mac(text, key).encode() + b"." + text


class Verifier:
    """Check statements, each once."""

    def __init__(self, key: str) -> None:
        if len(key) < 32:
            raise RefusedAssertionError("the assertion key is missing or too short")
        self.key = key
        self.seen: dict[str, float] = {}
        self.lock = threading.Lock()

    def verify(self, statement: bytes, *, now: float | None = None) -> RevealRequest:
        """Return the reveal inside a valid statement, or refuse it."""
        body = self._body(statement, "RevealRequest", now)
        try:
            people = tuple(int(n) for n in body.pop("person_nos"))
            return RevealRequest(**body, person_nos=people)
        except (ValueError, TypeError, KeyError) as error:
            raise RefusedAssertionError("the statement is no request") from error

    def verify_asked(self, statement: bytes, *, now: float | None = None) -> Asked:
        """Return what a valid statement asks for, or refuse it."""
        body = self._body(statement, "Asked", now)
        try:
            return Asked(**body)
        except TypeError as error:
            raise RefusedAssertionError("the statement is no request") from error

    def _body(self, statement: bytes, kind: str, now: float | None) -> dict[str, Any]:
        """The words of a statement that is signed, of this kind, young and unused."""
        moment = now if now is not None else time.time()
        mac, _, text = statement.partition(b".")
        if not hmac.compare_digest(mac, _mac(text, self.key).encode()):
            raise RefusedAssertionError("the signature does not fit")
        try:
            body = dict(json.loads(text))
            age = moment - int(body.pop("issued_at"))
            number = str(body.pop("number"))
            said = body.pop("kind")
        except (ValueError, TypeError, KeyError) as error:
            raise RefusedAssertionError("the statement is no request") from error
        if said != kind:
            raise RefusedAssertionError("the statement asks for something else")
        if not -5 <= age <= LIFETIME_SECONDS:
            raise RefusedAssertionError("the statement is too old")
        self._use_once(number, moment)
        return body

    def _use_once(self, number: str, moment: float) -> None:
        # Two threads with the same statement: one of them is the second.
        with self.lock:
            self.seen = {n: t for n, t in self.seen.items() if t > moment}
            if number in self.seen:
                raise RefusedAssertionError("the statement was used before")
            self.seen[number] = moment + LIFETIME_SECONDS + 5


def _mac(text: bytes, key: str) -> str:
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
