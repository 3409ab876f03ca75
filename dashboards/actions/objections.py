"""An objection to being picked out by risk, said at the practice, and taken back."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from governance import audit
from governance.access import Viewer
from governance.models import LocalObjection


def object_to_risk(
    *, person_no: int, practice_code: str, said_on: date, by: Viewer
) -> None:
    """Record an objection; lists leave the person out from the next request on."""
    with transaction.atomic():
        standing = LocalObjection.objects.filter(
            person_no=person_no, withdrawn_at__isnull=True
        )
        if standing.exists():
            return
        LocalObjection.objects.create(
            person_no=person_no,
            practice_code=practice_code,
            said_on=said_on,
            recorded_by=by.username,
            made_at=timezone.now(),
        )
        audit.record(
            "objection_recorded", by, subject="risk", persons=1, seen=[person_no]
        )


def withdraw_objection(*, person_no: int, by: Viewer) -> None:
    """Record that somebody takes their objection back."""
    with transaction.atomic():
        LocalObjection.objects.filter(
            person_no=person_no, withdrawn_at__isnull=True
        ).update(withdrawn_at=timezone.now(), withdrawn_by=by.username)
        audit.record(
            "objection_withdrawn", by, subject="risk", persons=1, seen=[person_no]
        )
