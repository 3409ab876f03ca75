"""Deliveries and what became of their rows: the ledger of ingest."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class FeedRun(models.Model):
    """One delivered file, from arrival to store. The same bytes find the same run.

    supplier: who sent it, as its file name or the sender's address says; may be "".
    period, sequence: which period it is of and which in the row of its corrections,
    where its name says both (FeedSpec.named).
    way: how it came in (command line, landing folder, upload, API, MESH, replay).
    """

    class State(models.TextChoices):
        RECEIVED = "received"
        PUBLISHED = "published"
        FAILED = "failed"
        HELD = "held"  # the load gate asks for a person's decision
        REFUSED = "refused"
        UNDONE = "undone"  # rolled back: the store is as if it had never been

    # One of these stands for its supplier's period and sequence; a file that could not
    # be read, was refused or rolled back makes room for another.
    STANDING = (State.RECEIVED, State.HELD, State.PUBLISHED)
    ROLL_BACK = "roll-back"  # the way of a run that is a roll-back itself: no rows

    feed = models.CharField(max_length=60)
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    supplier = models.CharField(max_length=20, blank=True, db_default="")
    way = models.CharField(max_length=12, blank=True, db_default="")
    period = models.CharField(max_length=8, blank=True, db_default="")
    sequence = models.IntegerField(null=True)
    state = models.CharField(max_length=9, choices=State.choices)
    received_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    rows_in = models.BigIntegerField(default=0)
    loaded = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    excluded = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    facts = models.BigIntegerField(default=0)
    first_on = models.DateField(null=True)
    last_on = models.DateField(null=True)
    seconds = models.FloatField(default=0)
    spec_hash = models.CharField(max_length=64, blank=True)
    by = models.CharField(max_length=150)
    problem = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "feed_run"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feed", "sha256"], name="one_run_per_file"),
            models.UniqueConstraint(
                fields=["feed", "supplier", "period", "sequence"],
                condition=Q(
                    sequence__isnull=False,
                    state__in=["received", "held", "published"],
                ),
                name="one_run_per_submission",
            ),
            # Nothing is lost: every row that came in went somewhere.
            models.CheckConstraint(
                name="rows_are_conserved",
                condition=~Q(state="published")
                | Q(
                    rows_in=F("loaded")
                    + F("quarantined")
                    + F("excluded")
                    + F("duplicate")
                ),
            ),
        ]


class RunKeys(models.Model):
    """Which rows a run has loaded, as a `key_filter`: later runs ask it first.

    Of a feed whose rows share facts (the episodes of a spell) it holds their keys too.
    The filter of a large run is in several pieces.
    """

    run = models.ForeignKey(FeedRun, models.CASCADE, db_index=False)
    piece = models.IntegerField()
    filter = models.BinaryField()

    class Meta:
        db_table = "run_keys"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "piece"], name="one_piece")
        ]


class RejectedRow(models.Model):
    """A row that was not loaded: where it stood, and why. The vault has its content."""

    class Fate(models.TextChoices):
        QUARANTINED = "quarantined"
        EXCLUDED = "excluded"

    run = models.ForeignKey(FeedRun, models.CASCADE, related_name="rejected")
    row_number = models.BigIntegerField()
    fate = models.CharField(max_length=11, choices=Fate.choices)
    rule = models.CharField(max_length=80)
    field = models.CharField(max_length=120, blank=True)
    replayed_in = models.ForeignKey(
        FeedRun, models.SET_NULL, null=True, related_name="replays"
    )

    class Meta:
        db_table = "rejected_row"
        indexes: ClassVar = [models.Index(fields=["run", "rule"])]
