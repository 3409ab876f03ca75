"""The vault's tables of opt-outs: national lists and practices' coded statements."""

from django.db import models


class NationalOptOut(models.Model):
    """The NHS numbers on the newest national data opt-out list."""

    number = models.BinaryField(primary_key=True)
    run_id = models.IntegerField()

    class Meta:
        db_table = "national_opt_out"


class NationalOptOutAsked(models.Model):
    """The NHS numbers that the opt-out service was last asked about."""

    number = models.BinaryField(primary_key=True)
    asked_at = models.DateTimeField()

    class Meta:
        db_table = "national_opt_out_asked"


class Type1Statement(models.Model):
    """A coded type 1 opt-out, or its withdrawal, in a practice's record.

    `recorded_on` is the version: the row's own, else the day that its file spoke of.
    """

    record_key = models.BigIntegerField(primary_key=True)
    subject_key = models.BigIntegerField(db_index=True)
    on_date = models.DateField()
    opted_out = models.BooleanField()
    recorded_on = models.DateField(null=True)
    run_id = models.IntegerField()

    class Meta:
        db_table = "type1_statement"
