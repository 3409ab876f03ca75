"""Cohorts that people saved, and searches for codes that a job over the shards does.

A definition is kept as a row of its own for every version and never changed. Bitmaps
hold no viewer's scope, like those of a release: whoever reads one ANDs it first.
"""

from typing import ClassVar

from django.db import models


class Cohort(models.Model):
    """A saved cohort: whose, why, until when, and who else may open it."""

    class Sharing(models.TextChoices):
        NOBODY = "nobody", "Only me"
        ORGANISATION = "organisation", "People of my organisation with my role"
        EVERYONE = "everyone", "Everyone who may open cohorts"

    class Every(models.TextChoices):
        NEVER = "", "When I open it"
        RELEASE = "release", "At every release of data"
        MONTH = "month", "Once a month"

    title = models.CharField(max_length=120)
    why = models.CharField(max_length=500, blank=True)
    owner_id = models.IntegerField()
    owner_name = models.CharField(max_length=200)
    org_code = models.CharField(max_length=12)
    role = models.CharField(max_length=40)
    sharing = models.CharField(
        max_length=12, choices=Sharing.choices, default=Sharing.NOBODY
    )
    every = models.CharField(
        max_length=7, choices=Every.choices, default=Every.NEVER, blank=True
    )
    review_by = models.DateField()
    made_at = models.DateTimeField(auto_now_add=True)
    forked_from = models.ForeignKey(
        "CohortVersion", models.SET_NULL, null=True, related_name="forks"
    )
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "cohort"


class CohortVersion(models.Model):
    """One definition of a cohort, as it stood from then on. Never changed."""

    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    who = models.JSONField()
    digest = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    made_by = models.IntegerField()
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "cohort_version"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["cohort", "number"], name="one_cohort_version"
            )
        ]


class CohortSize(models.Model):
    """Who was in a scheduled cohort in one release, so that its course can be shown."""

    version = models.ForeignKey(CohortVersion, models.CASCADE, related_name="sizes")
    release_id = models.IntegerField()
    as_of = models.DateField()
    people = models.BinaryField()
    measured_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "cohort_size"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "release_id"], name="one_cohort_size"
            )
        ]


class ReleasedSet(models.Model):
    """A set of people whose protected figures somebody was shown, kept for all users.

    A later question about nearly the same people gets the figures of this one.
    `tolerance` is how many people apart still counts as nearly; `is_answer` marks a
    whole cohort, and not a step towards one.
    """

    release_id = models.IntegerField()
    size = models.IntegerField()
    people = models.BinaryField()
    tolerance = models.SmallIntegerField()
    asked_by = models.IntegerField()
    asked_at = models.DateTimeField(auto_now_add=True)
    is_answer = models.BooleanField()

    class Meta:
        db_table = "released_set"
        indexes: ClassVar = [
            models.Index(fields=["size"], name="released_set_size_idx"),
            models.Index(
                fields=["asked_by", "asked_at"], name="released_set_asker_idx"
            ),
        ]


class CodeSearch(models.Model):
    """A search of one release's records for codes in a time window.

    `key` is the hash of what is asked, with the codes themselves: the same question
    is searched for once, whoever asks it.
    """

    key = models.CharField(max_length=64)
    release_id = models.IntegerField()
    as_of = models.DateField()
    asked = models.JSONField()
    asked_by = models.IntegerField()
    asked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "code_search"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key", "release_id"], name="one_code_search"
            )
        ]


class CodeSearchPart(models.Model):
    """Whom one shard's records of one feed held: written once, by the worker.

    Feed number 0 holds nobody: it says that the shard was searched.
    """

    search = models.ForeignKey(CodeSearch, models.CASCADE, related_name="parts")
    shard = models.SmallIntegerField()
    feed_no = models.SmallIntegerField()
    people = models.BinaryField()
    done_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "code_search_part"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["search", "shard", "feed_no"], name="one_code_search_part"
            )
        ]
