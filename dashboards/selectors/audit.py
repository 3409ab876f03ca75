"""The audit trail as an information governance lead reads it."""

from dataclasses import dataclass
from datetime import datetime

from governance.models import AuditEvent, User

MOST = 200


@dataclass(frozen=True)
class Event:
    """One audit row with the name of who acted."""

    at: datetime
    who: str
    role: str
    purpose: str
    event: str
    subject: str
    persons: int
    outcome: str


def newest(outcome: str = "") -> list[Event]:
    """Return the newest rows that this viewer may see in Postgres, at most MOST."""
    rows = AuditEvent.objects.order_by("-at", "-pk")
    if outcome:
        rows = rows.filter(outcome=outcome)
    found = list(rows[:MOST])
    names = dict(
        User.objects.filter(pk__in={row.user_id for row in found}).values_list(
            "pk", "full_name"
        )
    )
    return [
        Event(
            at=row.at,
            who=names.get(row.user_id, "nobody signed in"),
            role=row.role,
            purpose=row.purpose,
            event=row.event,
            subject=row.subject,
            persons=row.persons,
            outcome=row.outcome,
        )
        for row in found
    ]
