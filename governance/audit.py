"""The audit trail: a row is written before the answer leaves, or there is no answer.

Rows go over a connection of their own in autocommit (see config/settings.py), as a
role that can call one function, which adds rows to a chain of digests, and can do
nothing else. If the row cannot be written the request fails with 503: nothing is
shown unaudited. `governance.chain` finds what somebody did to the trail afterwards.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db import Error, connections
from pyroaring import BitMap

from governance.together import Together

if TYPE_CHECKING:
    from governance.access import Viewer

SUBJECT_LENGTH = 200
# Outcomes that stand in the trail since the request began.
_outcomes: ContextVar[frozenset[str]] = ContextVar("outcomes", default=frozenset())


class AuditUnavailableError(RuntimeError):
    """What was to be answered could not be written down, so it is not answered."""


def begin() -> None:
    """Begin a request: nothing of it stands in the trail yet."""
    _outcomes.set(frozenset())


def stands(outcome: str) -> bool:
    """Return whether this request has a row of this outcome."""
    return outcome in _outcomes.get()


def record(
    event: str,
    viewer: "Viewer | None",
    *,
    subject: str,
    persons: int = 0,
    outcome: str = "allowed",
    seen: Iterable[int] = (),
    **detail: Any,
) -> None:
    """Write one audit row. `detail` holds codes and counts, never an identifier.

    `seen` are the people whose rows are about to be shown: the same call keeps them
    apart, as a set whose digest the audit row holds, so that each can be told who
    looked.
    """
    people = BitMap(seen).serialize() if seen else b""
    if people:
        detail["seen_sha256"] = hashlib.sha256(people).hexdigest()
    append(
        [
            {
                "event": event,
                "user_id": viewer.user_id if viewer else None,
                "role": viewer.role if viewer else "",
                "purpose": viewer.purpose if viewer else "",
                "org_code": viewer.org_code if viewer else "",
                "subject": subject[:SUBJECT_LENGTH],
                "persons": persons,
                "outcome": outcome,
                "detail": detail,
                "seen": base64.b64encode(people).decode() if people else None,
            }
        ]
    )
    _outcomes.set(_outcomes.get() | {outcome})


def append(entries: Sequence[Mapping[str, Any]]) -> None:
    """Write rows in this order, all or none, in one call of the database.

    The call may hold rows of other threads too (`governance.together`); it has ended,
    and the rows stand on disk, when this returns. Raises AuditUnavailableError. Each
    entry has every key that `record` gives; `seen` is a bitmap in base64 or null.
    """
    if entries:
        _together.write(json.dumps(entries)[1:-1])


def _send(rows: Sequence[str]) -> None:
    """Call the one way in. `rows` are the insides of JSON lists, in order."""
    # An address may hold a NUL, which Postgres refuses; the row must stand.
    text = f"[{','.join(rows)}]".replace("\\u0000", "\\ufffd")
    try:
        with connections["audit"].cursor() as cursor:
            cursor.execute("SELECT audit_append(%s::jsonb)", [text])
    except Error as error:
        raise AuditUnavailableError("The audit trail cannot be written.") from error


_together = Together(_send)
