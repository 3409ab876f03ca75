"""Set a model's level anew, as a version that somebody looks at first."""

from dataclasses import replace

from django.db import transaction
from django.db.models import Max

from governance import audit
from linkage.models import Release
from risk.actions.training import training_rows
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.steps.assess import assess
from risk.steps.predict import raw_log_odds
from risk.steps.train import Trained, cut_points, set_level


@transaction.atomic
def recalibrate(*, name: str, release_id: int, by: str) -> TrainedModel:
    """Set the level anew on a release's later date; the trees stay as they are.

    Makes a new version that is not in use: like any other definition of a level it is
    looked at first, and put to use by `use_version`. LookupError where the release
    has kept no people to set it on.
    """
    spec = MODELS[name]
    release = Release.objects.get(pk=release_id)
    model = TrainedModel.objects.get(name=name, in_use=True)
    later = training_rows(release_id, name, spec.training.test_days)
    trained = Trained.from_bytes(bytes(model.payload))
    raw = raw_log_odds(later, trained, spec)
    intercept, slope = set_level(raw, later["outcome"].to_numpy())
    fitted = replace(trained, intercept=intercept, slope=slope)
    fitted = replace(fitted, cuts=cut_points(fitted.probabilities(raw), spec))
    audit.record("model_recalibrated", None, subject=name, by=by, release=release_id)
    last = TrainedModel.objects.filter(name=name).aggregate(last=Max("version"))["last"]
    model.pk, model.version, model.in_use = None, last + 1, False
    model.payload = fitted.to_bytes()
    model.performance = assess(fitted, later, later, spec)
    model.calibration |= {
        "intercept": intercept,
        "slope": slope,
        "recalibrated_on": release.as_of.isoformat(),
    }
    model.save(force_insert=True)
    return model
