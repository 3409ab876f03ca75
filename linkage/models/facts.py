"""The longitudinal store as a few rows of one person.

The tables of persons are hash-partitioned by `person_no`, which Django cannot
declare: their definitions are SQL in the migrations, and the models here
(`managed = False`) let selectors read a few rows. Whole-population work goes through
`linkage.store` as frames.
"""

from django.db import models


class Person(models.Model):
    """One person of the store. Birth is kept as a month; no identifier is kept at all.

    `practice_code` is the current registration, null when deregistered or dead.
    """

    person_no = models.IntegerField(primary_key=True)
    sex = models.CharField(max_length=1, null=True)
    birth_month = models.DateField(null=True)
    ethnicity = models.CharField(max_length=1, null=True)
    ethnicity_source = models.CharField(max_length=30, null=True)
    died_on = models.DateField(null=True)
    practice_code = models.CharField(max_length=12, null=True)
    lsoa_code = models.CharField(max_length=9, null=True)
    in_care_home = models.BooleanField(null=True)
    needs_interpreter = models.BooleanField(null=True)
    language = models.CharField(max_length=40, null=True)
    type1_opt_out_on = models.DateField(null=True)
    national_opt_out = models.BooleanField(default=False)

    class Meta:
        managed = False
        db_table = "person"


class Event(models.Model):
    """A dated code of a person: an observation, diagnosis, procedure or prescription.

    `system` and `kind` are the numbers of `linkage.vocabulary`.
    """

    record_key = models.BigIntegerField(primary_key=True)
    person_no = models.IntegerField()
    on_date = models.DateField()
    recorded_on = models.DateField(null=True)
    kind = models.SmallIntegerField()
    system = models.SmallIntegerField()
    code = models.CharField(max_length=20)
    value = models.FloatField(null=True)
    unit = models.CharField(max_length=20, null=True)
    feed_no = models.SmallIntegerField()
    run_id = models.IntegerField()

    class Meta:
        managed = False
        db_table = "event"


class Activity(models.Model):
    """One use of a service: appointment, attendance, spell, contact, stay, service.

    `end_on` is null while it lasts. `cost_gbp` is an estimate at unit cost. `seen_by`
    is the provider's own code of who saw the person. `place` is which of the rows that
    speak of it, in their order, has told: the first episode of a spell has 1.
    """

    record_key = models.BigIntegerField(primary_key=True)
    person_no = models.IntegerField()
    setting = models.SmallIntegerField()
    kind = models.SmallIntegerField()
    start_on = models.DateField()
    end_on = models.DateField(null=True)
    recorded_on = models.DateField(null=True)
    urgency = models.SmallIntegerField(null=True)
    provider_code = models.CharField(max_length=12, null=True)
    specialty = models.CharField(max_length=20, null=True)
    outcome = models.CharField(max_length=20, null=True)
    reason_code = models.CharField(max_length=20, null=True)
    seen_by = models.CharField(max_length=20, null=True)
    cost_gbp = models.FloatField(null=True)
    place = models.IntegerField(null=True)
    feed_no = models.SmallIntegerField()
    run_id = models.IntegerField()

    class Meta:
        managed = False
        db_table = "activity"


class Profile(models.Model):
    """One person of a release: the catalogued values, in the catalogue's order.

    `values` are numbers: flags as 0 or 1, categories as the position in the
    attribute's list of values, dates as days since 1970-01-01, null where absent.
    """

    pk = models.CompositePrimaryKey("release_id", "person_no")
    release_id = models.IntegerField()
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12, null=True)
    lsoa_code = models.CharField(max_length=9, null=True)
    # `values` is a real[]; read through linkage.release.selectors.

    class Meta:
        managed = False
        db_table = "profile"
