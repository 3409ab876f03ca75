"""Names on a list for a quarter of an hour: the reason is kept, never the names.

Each time the page is opened the vault is asked again, checks again and audits again.
"""

from collections.abc import MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from governance.access import Viewer
from linkage.assertions import REASONS
from linkage.reveal import Revealed
from linkage.reveal import reveal as ask_vault

MINUTES = 15

__all__ = ["REASONS", "close", "names", "open_for", "standing"]

Session = MutableMapping[str, Any]


def open_for(session: Session, subject: str, reason: str) -> None:
    """Remember that names of a list may be asked for until a moment from now."""
    until = timezone.now() + timedelta(minutes=MINUTES)
    session["reveals"] = session.get("reveals", {}) | {
        subject: {"reason": reason, "until": until.isoformat()}
    }


def close(session: Session, subject: str) -> None:
    """Forget it: the names are gone from the next page on."""
    kept = dict(session.get("reveals", {}))
    kept.pop(subject, None)
    session["reveals"] = kept


def standing(session: Session, subject: str) -> str | None:
    """Return the reason while names may be shown, else None."""
    found = session.get("reveals", {}).get(subject)
    if found and datetime.fromisoformat(found["until"]) > timezone.now():
        return str(found["reason"])
    return None


def names(
    viewer: Viewer, *, programme: str, reason: str, person_nos: Sequence[int]
) -> Revealed:
    """Return the names that the vault gives this viewer."""
    return ask_vault(viewer, programme=programme, reason=reason, person_nos=person_nos)
