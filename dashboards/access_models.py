"""Special access looked at again: who looked, when, and what they found."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class SpecialAccessLook(models.Model):
    """One use of special access, and the one look at it that is owed.

    `event` is the vault's number of the reveal: nothing here says who was named, and
    the note may not. Written once: nobody has a right to change or remove a row.
    """

    event = models.BigIntegerField(primary_key=True)
    used_by = models.CharField(max_length=150)
    used_at = models.DateTimeField()
    due_on = models.DateField()
    looked_by = models.CharField(max_length=150)
    looked_at = models.DateTimeField()
    outcome = models.CharField(max_length=20)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "special_access_look"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(looked_by=F("used_by")) & ~Q(looked_by=""),
                name="nobody_looks_at_their_own_use",
            )
        ]
