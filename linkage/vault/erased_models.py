"""The vault's table of what is never taken in again."""

from typing import ClassVar

from django.db import models


class ErasedKey(models.Model):
    """A blind key of rows that an erasure keeps out: of one feed, or of any (null).

    `erasure` is the request that it was decided on, so that it can be lifted.
    """

    key = models.BigIntegerField()
    feed_no = models.SmallIntegerField(null=True)
    erasure = models.IntegerField()

    class Meta:
        db_table = "erased_key"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key", "feed_no", "erasure"],
                name="one_erased_key",
                nulls_distinct=False,
            )
        ]
