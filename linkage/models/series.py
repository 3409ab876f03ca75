"""Published series as loaded: figures about places, never about persons."""

from typing import ClassVar

from django.db import models


class SeriesValue(models.Model):
    """One value of one measure at one place in one period, as it was published.

    `area_code` is the publisher's own code; codes that changed are followed when the
    series is read. `breakdown` is in words ("Cardiology"), `record` the number of a
    single record in a file of records. A later file's value replaces an earlier one's;
    `value` is null where the publisher withholds it.
    """

    pk = models.CompositePrimaryKey(
        "series", "measure", "area_code", "breakdown", "start_on", "record"
    )
    series = models.CharField(max_length=60)
    measure = models.CharField(max_length=60)
    area_code = models.CharField(max_length=60)
    breakdown = models.CharField(max_length=300)
    start_on = models.DateField()
    record = models.BigIntegerField()
    value = models.FloatField(null=True)
    received_on = models.DateField()
    run = models.ForeignKey("linkage.FeedRun", models.CASCADE, related_name="+")

    class Meta:
        db_table = "series_value"


class SeriesArea(models.Model):
    """What publishers call their places, for those that the reference data lack."""

    code = models.CharField(max_length=60, primary_key=True)
    name = models.CharField(max_length=200)

    class Meta:
        db_table = "series_area"
        ordering: ClassVar = ["code"]
