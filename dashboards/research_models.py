"""Research inside the platform: a project's extract, and the outputs that may leave."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class ResearchExtract(models.Model):
    """What a project works on: the approved columns of one release, sealed.

    One row per person under a name that the project alone has for them. Made by the
    worker; Postgres shows it to the project's researchers while the project lives.
    """

    project = models.CharField(max_length=120, primary_key=True)
    release_id = models.IntegerField()
    as_of = models.DateField()
    columns = models.JSONField()
    rows = models.IntegerField()
    made_at = models.DateTimeField()
    sealed = models.BinaryField()

    class Meta:
        db_table = "research_extract"


class ResearchOutput(models.Model):
    """A table that a researcher asks to take out: protected figures, and its checks.

    Exact counts stay inside. Somebody who governs, and did not ask, decides.
    """

    class State(models.TextChoices):
        ASKED = "asked", "Waiting for a second person"
        RELEASED = "released"
        REFUSED = "refused"

    project = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    why = models.CharField(max_length=300)
    asked_for = models.JSONField()
    figures = models.JSONField()
    checks = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_why = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "research_output"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="asked", decided_at__isnull=True)
                | (
                    ~Q(state="asked")
                    & Q(decided_at__isnull=False)
                    & ~Q(decided_by="")
                    & ~Q(decided_by=F("asked_by"))
                ),
                name="output_takes_two_people",
            )
        ]
