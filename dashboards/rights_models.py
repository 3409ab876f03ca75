"""What people ask about their own records, and how far each request is."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


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
        PROPOSED = "proposed", "Erasure proposed, waiting for a second person"
        AGREED = "agreed", "Erasure agreed, being carried out"
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
        PROPOSED = "proposed", "Erasure proposed"
        AGREED = "agreed", "Erasure agreed"
        DECLINED = "declined", "Erasure not agreed"
        ERASED = "erased"
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


class RightsErasure(models.Model):
    """What one person proposes to erase on a request, and another has decided.

    `feeds` are those whose rows go; none means everything. What stays beside them
    stays by `exemption` (both named in `governance.retention.ERASURE`). Nothing here
    says whose it is: the vault zone reads that where it carries it out.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed"
        AGREED = "agreed"
        DECLINED = "declined"
        DONE = "done"

    request = models.ForeignKey(RightsRequest, models.CASCADE, related_name="erasures")
    feeds = models.JSONField(default=list)
    ground = models.CharField(max_length=40)
    exemption = models.CharField(max_length=40, blank=True)
    why = models.CharField(max_length=300)
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    removed = models.JSONField(default=dict)

    class Meta:
        db_table = "rights_erasure"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request"],
                condition=~Q(state="declined"),
                name="one_erasure_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_at__isnull=True)
                | (
                    ~Q(state="proposed")
                    & Q(decided_at__isnull=False)
                    & ~Q(decided_by="")
                    & ~Q(decided_by=F("proposed_by"))
                ),
                name="erasure_takes_two_people",
            ),
        ]
