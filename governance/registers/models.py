"""Tables of the registers. Rows of an entry are added, and decided once."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class RegisterEntry(models.Model):
    """One version of one register entry: proposed by one person, decided by another.

    In force is the newest approved version that has begun; once `expires_on` is
    reached the entry gives nothing any more, that day included. A version is never
    changed after its decision, so the table is its own history.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed"
        APPROVED = "approved"
        REFUSED = "refused"

    kind = models.CharField(max_length=12)
    key = models.CharField(max_length=120)
    version = models.PositiveIntegerField()
    content = models.JSONField()
    starts_on = models.DateField()
    expires_on = models.DateField(null=True)
    why = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_why = models.TextField(blank=True)

    class Meta:
        db_table = "register_entry"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "key", "version"], name="one_register_version"
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_at__isnull=True)
                | (
                    Q(state__in=["approved", "refused"], decided_at__isnull=False)
                    & ~Q(decided_by="")
                    & ~Q(decided_by=F("proposed_by"))
                ),
                name="register_takes_two_people",
            ),
        ]


class OptOutSet(models.Model):
    """Everyone who has opted out in one way, as the store last knew it.

    `people` is a roaring bitmap of person_no; `status_at` is when the newest status
    was received from its source, which goes stale.
    """

    kind = models.CharField(max_length=8, primary_key=True)
    people = models.BinaryField()
    status_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        db_table = "opt_out_set"


class LocalObjection(models.Model):
    """Somebody's objection, said at their practice, to being risk-stratified.

    It stands from `said_on` until it is withdrawn; a row is added for each time.
    """

    person_no = models.IntegerField(db_index=True)
    practice_code = models.CharField(max_length=12)
    said_on = models.DateField()
    recorded_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=150, blank=True)

    class Meta:
        db_table = "local_objection"


class AccessTally(models.Model):
    """How often something was done in a month: what the public register counts."""

    month = models.DateField()
    event = models.CharField(max_length=60)
    outcome = models.CharField(max_length=20)
    times = models.PositiveIntegerField()

    class Meta:
        db_table = "access_tally"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["month", "event", "outcome"], name="one_access_tally"
            )
        ]


class SeenPeople(models.Model):
    """Whose rows one audited reading showed: kept for the people themselves.

    `people` is a roaring bitmap of person_no; its SHA-256 stands in the audit row of
    the same moment. Nobody but the worker, for a subject access request, reads it.
    """

    at = models.DateTimeField()
    event = models.CharField(max_length=60)
    user_id = models.IntegerField(null=True)
    role = models.CharField(max_length=40)
    purpose = models.CharField(max_length=40)
    org_code = models.CharField(max_length=12)
    subject = models.CharField(max_length=200)
    people = models.BinaryField()

    class Meta:
        db_table = "seen_people"
