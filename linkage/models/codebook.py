"""Codelists over time: versions, who would come and go, codes never seen."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class CodelistVersion(models.Model):
    """A codelist as somebody proposed it; in force once another person accepted it.

    Lists that nobody changed are the product's files; `codes` holds terms by code.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        SUPERSEDED = "superseded"

    name = models.CharField(max_length=60)
    version = models.IntegerField()
    state = models.CharField(max_length=10, choices=State.choices)
    title = models.CharField(max_length=200)
    system = models.CharField(max_length=10)
    match = models.CharField(max_length=6)
    source = models.TextField()
    why = models.TextField(blank=True)
    codes = models.JSONField()
    digest = models.CharField(max_length=64)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField(auto_now_add=True)
    measured_on = models.DateField(null=True)
    # The hash of the lists in force that its effect was worked out beside.
    measured_against = models.CharField(max_length=64, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "codelist_version"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name", "version"], name="one_codelist_version"
            ),
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(state="accepted"),
                name="one_codelist_in_force",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["accepted", "superseded"])
                | (~Q(decided_by="") & ~Q(decided_by=F("proposed_by"))),
                name="codelist_takes_two_people",
            ),
        ]


class CodelistEffect(models.Model):
    """Who enters, leaves or changes one feature by a proposed codelist (bitmaps).

    `before` holds who has the feature by the list in force.
    """

    version = models.ForeignKey(CodelistVersion, models.CASCADE, related_name="effects")
    feature = models.CharField(max_length=80)
    way = models.CharField(max_length=8)
    people = models.BinaryField()
    before = models.BinaryField()

    class Meta:
        db_table = "codelist_effect"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "feature", "way"], name="one_codelist_effect"
            )
        ]


class CodeSeen(models.Model):
    """A code that stands in our data, by shard: what no list can find is not here."""

    shard = models.SmallIntegerField()
    system = models.SmallIntegerField()
    code = models.CharField(max_length=20)
    events = models.BigIntegerField()

    class Meta:
        db_table = "code_seen"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shard", "system", "code"], name="one_code_seen"
            )
        ]
