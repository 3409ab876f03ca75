"""How complete and valid each delivered file is, by who submitted it."""

from typing import ClassVar

from django.db import models


class FeedQuality(models.Model):
    """Counts of one file, provider and field; no value and no person.

    Under the field "" stand the rows themselves: `valid` are not in quarantine,
    `filled` are somebody's. Of a field, `filled` says that something is written,
    `valid` that it can be used, `defaults` that it says "not stated".
    """

    run = models.ForeignKey("linkage.FeedRun", models.CASCADE, related_name="quality")
    provider = models.CharField(max_length=20, blank=True)
    field = models.CharField(max_length=60, blank=True)
    rows = models.BigIntegerField()
    filled = models.BigIntegerField()
    valid = models.BigIntegerField()
    defaults = models.BigIntegerField()

    class Meta:
        db_table = "feed_quality"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "provider", "field"], name="one_quality_per_field"
            )
        ]
