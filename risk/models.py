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

    class Meta:
        db_table = "trained_model"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name", "version"], name="one_model_version"
            )
        ]
