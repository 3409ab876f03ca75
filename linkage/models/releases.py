"""Releases, the pointer to the live one, their tasks, parts and bitmaps."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Release(models.Model):
    """One consistent published picture of the population as at a date.

    A delta (`delta_of`) holds who was touched since the full release that it stands
    on, and the parts that touch everybody (`whole_parts`); all else is that release's.
    `marks` are those of `touched_person` that a full release had before it, `places`
    the hash of the reference data that it stands on.
    """

    class State(models.TextChoices):
        BUILDING = "building"
        PUBLISHED = "published"
        SUPERSEDED = "superseded"
        FAILED = "failed"

    as_of = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices)
    started_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    people = models.IntegerField(default=0)
    code_version = models.CharField(max_length=64)
    definitions = models.JSONField(default=dict)
    batches = models.JSONField(default=list)
    catalogue = models.JSONField(default=list)
    index_version = models.IntegerField(default=0)
    delta_of = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="deltas"
    )
    marks = models.JSONField(default=list)
    whole_parts = models.JSONField(default=list)
    places = models.CharField(max_length=64, default="")

    class Meta:
        db_table = "release"


class ReleasePointer(models.Model):
    """The one row that says which release readers see; publishing updates it."""

    only = models.BooleanField(primary_key=True, default=True)
    release = models.ForeignKey(Release, models.PROTECT)

    class Meta:
        db_table = "release_pointer"
        constraints: ClassVar = [
            models.CheckConstraint(name="one_pointer", condition=Q(only=True))
        ]


class StageTask(models.Model):
    """The ledger of a refresh: what is done, by (release, stage, shard)."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    release = models.ForeignKey(Release, models.CASCADE, related_name="tasks")
    stage = models.CharField(max_length=40)
    shard = models.CharField(max_length=60)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    rows_in = models.BigIntegerField(default=0)
    rows_out = models.BigIntegerField(default=0)
    attempts = models.IntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        db_table = "stage_task"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "stage", "shard"], name="one_task_per_shard"
            )
        ]


class ReleasePart(models.Model):
    """One stage's columns for one shard of a release, as a compressed Parquet frame.

    Written once per (release, shard, part), so a repeated task replaces its own
    work; read by later stages. Only the worker role may read it.
    """

    release = models.ForeignKey(Release, models.CASCADE)
    shard = models.SmallIntegerField()
    part = models.CharField(max_length=60)
    rows = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "release_part"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "shard", "part"], name="one_part_per_shard"
            )
        ]


class AttributeBitmap(models.Model):
    """The people of a release who have one value of one attribute (roaring bitmap)."""

    release = models.ForeignKey(Release, models.CASCADE)
    attribute = models.CharField(max_length=80)
    value = models.CharField(max_length=80)
    people = models.IntegerField()
    bitmap = models.BinaryField()

    class Meta:
        db_table = "attribute_bitmap"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "attribute", "value"], name="one_bitmap"
            )
        ]


class ProviderReach(models.Model):
    """Whom a trust has seen in the year before a full release, as one feed told it.

    `people` is a roaring bitmap of person_no. Policies show a row to who holds a grant
    at that trust today, and to nobody else in the web.
    """

    pk = models.CompositePrimaryKey("provider_code", "feed_no")
    provider_code = models.CharField(max_length=12)
    feed_no = models.SmallIntegerField()
    release_id = models.IntegerField()
    people = models.BinaryField()

    class Meta:
        db_table = "provider_reach"


class AttributeColumn(models.Model):
    """The numbers of one attribute of a release, for sums over any set of people.

    `data` is little-endian float32 in the order of the release's `person_no` column
    (attribute "person_no", little-endian uint32).
    """

    release = models.ForeignKey(Release, models.CASCADE)
    attribute = models.CharField(max_length=80)
    data = models.BinaryField()

    class Meta:
        db_table = "attribute_column"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "attribute"], name="one_attribute_column"
            )
        ]
