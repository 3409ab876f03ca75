"""What became of a reveal that somebody looked at again: kept in the trail itself.

A look at a use of special access has a record of its own beside its row there.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from dashboards.models import SpecialAccessLook
from dashboards.selectors.access_review import VERDICTS, Reveal
from governance import audit
from governance.access import Viewer
from governance.logs import without_identifiers
from governance.models import User

LONGEST_NOTE = 300


def settle(*, event_id: int, verdict: str, by: Viewer) -> None:
    """Say what a reviewer found of one reveal.

    ValueError for an unknown verdict, or for a use of special access looked at before.
    """
    if verdict not in VERDICTS:
        raise ValueError("Choose what you found.")
    if SpecialAccessLook.objects.filter(event=event_id).exists():
        raise ValueError("Somebody has looked at this use. What they found stays.")
    audit.record("access_reviewed", by, subject=f"reveal {event_id}", verdict=verdict)


@transaction.atomic
def look_at_special(
    *, use: Reveal, verdict: str, note: str, now: datetime, by: Viewer
) -> SpecialAccessLook:
    """Keep who looked at one use of special access, when, and what they found.

    use: one that is owed a look, with its `due_on`. ValueError for an unknown verdict,
    for a concern that is not explained, a note that names a patient by number or
    postcode, one's own use, and a use that somebody else has looked at meanwhile.
    """
    note = " ".join(note.split())
    if use.due_on is None:
        raise ValueError("This was not special access.")
    if verdict not in VERDICTS:
        raise ValueError("Choose what you found.")
    if use.user == by.user_id:
        raise ValueError("Nobody looks at their own use: ask a colleague.")
    if not note and verdict != "no_concern":
        raise ValueError("Say in a sentence what you found.")
    if len(note) > LONGEST_NOTE:
        raise ValueError(f"A note has {LONGEST_NOTE} letters at most.")
    if note != without_identifiers(note):
        raise ValueError("Leave numbers and postcodes of patients out of the note.")
    user = User.objects.filter(pk=use.user).first()
    try:
        with transaction.atomic():
            made = SpecialAccessLook.objects.create(
                event=use.event,
                used_by=user.username if user else f"account {use.user}",
                used_at=use.at,
                due_on=use.due_on,
                looked_by=by.username,
                looked_at=now,
                outcome=verdict,
                note=note,
            )
    except IntegrityError as error:
        raise ValueError("Somebody has looked at this use meanwhile.") from error
    subject = f"reveal {use.event}"
    audit.record("access_reviewed", by, subject=subject, verdict=verdict, special=True)
    return made
