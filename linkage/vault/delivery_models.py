"""Delivered files as the vault keeps them: sealed, each under a key of its own."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Delivery(models.Model):
    """A delivered file on its way in, or kept whole for a later decision.

    Its content lies sealed in a file beside the database; without `sealed_key` nobody
    can open that. `bytes_in`: how much of the content has come; `bytes_kept`: how much
    of the sealed file is true, what lies beyond was cut off by a crash. `sha256` is
    set when the whole has come.
    """

    feed = models.TextField()
    file_name = models.TextField()
    is_folder = models.BooleanField(default=False)
    way = models.TextField()
    by = models.TextField()
    supplier = models.TextField(blank=True)
    owner_id = models.IntegerField(null=True)
    idempotency_key = models.TextField(blank=True)
    mends = models.IntegerField(null=True)
    begun_at = models.DateTimeField(default=timezone.now)
    whole_at = models.DateTimeField(null=True)
    pieces = models.IntegerField(default=0)
    bytes_in = models.BigIntegerField(default=0)
    bytes_kept = models.BigIntegerField(default=0)
    sha256 = models.TextField(blank=True)
    sealed_key = models.BinaryField()
    run_id = models.IntegerField(null=True)

    class Meta:
        db_table = "delivery"
        indexes: ClassVar = [models.Index(fields=["sha256"], name="delivery_sha256")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner_id", "idempotency_key"],
                name="one_delivery_per_key",
                condition=~Q(idempotency_key=""),
            )
        ]


class Quarantine(models.Model):
    """The content of a row that was not loaded, encrypted, until it is replayed."""

    pk = models.CompositePrimaryKey("run_id", "row_number")
    run_id = models.IntegerField()
    row_number = models.BigIntegerField()
    fate = models.TextField()
    payload = models.BinaryField()

    class Meta:
        db_table = "quarantine"
