"""The audit trail: a row is written before the answer leaves, or there is no answer.

Rows go over a connection of their own in autocommit (see config/settings.py), as a
role that can insert and nothing else. If the row cannot be written the caller gets
the database's error, and the request fails: nothing is shown unaudited.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import connections
from pyroaring import BitMap

if TYPE_CHECKING:
    from governance.access import Viewer


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

    `seen` are the people whose rows are about to be shown: they are kept apart, as a
    set whose digest the audit row holds, so that each can be told who looked.
    Plain SQL, because the audit role may insert and may not read back the row that
    an ORM save would return.
    """
    people = BitMap(seen).serialize() if seen else b""
    if people:
        _keep_seen(event, viewer, subject, people)
        detail["seen_sha256"] = hashlib.sha256(people).hexdigest()
    with connections["audit"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_auditevent (at, event, user_id, role, purpose,"
            " org_code, subject, persons, outcome, detail)"
            " VALUES (clock_timestamp(), %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                event,
                viewer.user_id if viewer else None,
                viewer.role if viewer else "",
                viewer.purpose if viewer else "",
                viewer.org_code if viewer else "",
                # An address may hold a NUL, which Postgres refuses; the row must stand.
                subject.replace("\0", "\N{REPLACEMENT CHARACTER}"),
                persons,
                outcome,
                json.dumps(detail),
            ],
        )


def _keep_seen(
    event: str, viewer: "Viewer | None", subject: str, people: bytes
) -> None:
    with connections["audit"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO seen_people (at, event, user_id, role, purpose, org_code,"
            " subject, people) VALUES (clock_timestamp(), %s, %s, %s, %s, %s, %s, %s)",
            [
                event,
                viewer.user_id if viewer else None,
                viewer.role if viewer else "",
                viewer.purpose if viewer else "",
                viewer.org_code if viewer else "",
                subject,
                people,
            ],
        )
