"""What people ask about their own records, and how far each request is."""

from typing import ClassVar

from django.db import models


class RightsRequest(models.Model):
    """One request: what for, by when, how far. Nothing here says whose it is."""

    class Kind(models.TextChoices):
        ACCESS = "access", "A copy of the record, and who has seen it"
        RECTIFY = "rectify", "A mistake put right"
        OBJECT = "object", "An objection to a use"
        ERASE = "erase", "Erasure"

    class State(models.TextChoices):
        RECEIVED = "received"
        COMPILED = "compiled", "Record compiled, waiting for its two reviews"
        REVIEWED = "reviewed", "Reviewed, waiting for release"
        RELEASED = "released"
        ROUTED = "routed", "Sent to whoever wrote it"
        CLOSED = "closed"
        REFUSED = "refused"

    kind = models.CharField(max_length=7, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.RECEIVED)
    practice_code = models.CharField(max_length=12)
    # For a mistake, the feed that brought it; for the others nothing.
    source = models.CharField(max_length=60, blank=True)
    opened_by = models.CharField(max_length=150)
    opened_at = models.DateTimeField()
    due_on = models.DateField()
    stopped_on = models.DateField(null=True)

    class Meta:
        db_table = "rights_request"


class RightsSubject(models.Model):
    """Whose request it is: for their own practices' people alone."""

    request = models.OneToOneField(
        RightsRequest, models.CASCADE, primary_key=True, related_name="subject"
    )
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)

    class Meta:
        db_table = "rights_subject"


class RightsStep(models.Model):
    """One thing that was done about a request, by whom and when: only added."""

    class What(models.TextChoices):
        OPENED = "opened"
        STOPPED = "stopped", "Clock stopped"
        STARTED = "started", "Clock started again"
        COMPILED = "compiled", "Record compiled"
        HARM = "harm", "Reviewed for serious harm"
        OTHERS = "others", "Reviewed for what is about others"
        RELEASED = "released"
        FETCHED = "fetched", "Handed over"
        ROUTED = "routed", "Sent to whoever wrote it"
        CLOSED = "closed"
        REFUSED = "refused"

    request = models.ForeignKey(RightsRequest, models.CASCADE, related_name="steps")
    practice_code = models.CharField(max_length=12)
    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    what = models.CharField(max_length=8, choices=What)
    note = models.CharField(max_length=300, blank=True)
    # For a review: the entries withheld, as "section number".
    withheld = models.JSONField(default=list)

    class Meta:
        db_table = "rights_step"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request", "what"],
                condition=models.Q(what__in=["harm", "others", "released"]),
                name="one_review_of_each_kind",
            )
        ]


class RightsPack(models.Model):
    """The compiled record of a request for access, sealed until it is handed over."""

    request = models.OneToOneField(
        RightsRequest, models.CASCADE, primary_key=True, related_name="pack"
    )
    practice_code = models.CharField(max_length=12)
    made_at = models.DateTimeField()
    sealed = models.BinaryField()

    class Meta:
        db_table = "rights_pack"
