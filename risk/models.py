"""Trained models: what they were trained on, what they do, and how well."""

from typing import ClassVar

from django.db import models


class TrainedModel(models.Model):
    """One training of one predictive model, with everything needed to repeat it."""

    name = models.CharField(max_length=60)
    version = models.IntegerField()
    trained_at = models.DateTimeField(auto_now_add=True)
    index_on = models.DateField()
    horizon_days = models.IntegerField()
    people = models.IntegerField()
    outcomes = models.IntegerField()
    seed = models.IntegerField()
    spec_hash = models.CharField(max_length=64)
    features = models.JSONField()
    definitions = models.JSONField(default=dict)
    calibration = models.JSONField(default=dict)
    performance = models.JSONField(default=dict)
    payload = models.BinaryField()
    in_use = models.BooleanField(default=False)
    # The version that people looked at and whose like this one is: their approvals hold
    # for both. Its own number where nobody has looked at one like it.
    approved_as = models.IntegerField()
    # Why this version is not in use before somebody has looked at it; empty otherwise.
    waits_because = models.CharField(max_length=300, blank=True, default="")
    # Why the model stopped feeding lists, and since which release; empty while it may.
    stopped_because = models.CharField(max_length=300, blank=True, default="")
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "trained_model"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name", "version"], name="one_model_version"
            )
        ]


class ModelApproval(models.Model):
    """One person's yes to a version of a model, after seeing its card.

    It holds for later trainings of the same definition (`spec_hash`) whose trial lies
    within the definition's limits of that version's (`TrainedModel.approved_as`). Rows
    are added, never changed.
    """

    name = models.CharField(max_length=60)
    spec_hash = models.CharField(max_length=64)
    model_version = models.IntegerField()
    user_id = models.IntegerField()
    full_name = models.CharField(max_length=120)
    role = models.CharField(max_length=40)
    note = models.CharField(max_length=500, blank=True)
    approved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "model_approval"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name", "model_version", "user_id"], name="one_approval_each"
            )
        ]


class ModelWatch(models.Model):
    """What one release shows of a model in use: shifts, drift, and what it led to."""

    release_id = models.IntegerField()
    name = models.CharField(max_length=60)
    model_version = models.IntegerField()
    figures = models.JSONField()
    alerts = models.JSONField(default=list)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "model_watch"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release_id", "name"], name="one_watch_per_release"
            )
        ]


class ForetoldAt(models.Model):
    """A day of which it is kept what was foretold, until it is known what came.

    `versions` is {name: version of the model}. The table `foretold` holds the people of
    the day (as_of, person_no, told real[], traits text[]); `told` and `traits` here say
    what the places of those lists are: attributes of models, and features by which it
    is watched whom a model is right about. `risk.store` reads and writes it.
    """

    as_of = models.DateField(primary_key=True)
    release_id = models.IntegerField()
    versions = models.JSONField()
    told = models.JSONField()
    traits = models.JSONField()

    class Meta:
        db_table = "foretold_at"


class PersonRisk(models.Model):
    """What a release foretells of a person, and why: where high, listed or asked for.

    `reasons` is a list of {feature, words, adds}; the last, without a feature, is all
    that is not told, and together they add up to the log-odds of `value`.
    """

    pk = models.CompositePrimaryKey("release_id", "name", "person_no")
    release_id = models.IntegerField()
    name = models.CharField(max_length=60)
    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12, null=True)
    value = models.FloatField()
    band = models.CharField(max_length=40)
    reasons = models.JSONField()

    class Meta:
        db_table = "person_risk"
        indexes: ClassVar = [
            models.Index(fields=["person_no", "name"], name="person_risk_person_idx")
        ]


class Treatment(models.Model):
    """A programme took a person on: marked, so that retraining is not fooled by it."""

    person_no = models.IntegerField()
    practice_code = models.CharField(max_length=12)
    programme = models.CharField(max_length=60)
    from_on = models.DateField()

    class Meta:
        db_table = "treatment"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person_no", "programme", "from_on"], name="one_treatment"
            )
        ]
