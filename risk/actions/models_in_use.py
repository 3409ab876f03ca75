"""Which trained model a release may use, and for what."""

from datetime import date, timedelta

from linkage.models import Release
from risk.definitions import MODELS
from risk.models import TrainedModel

# A model stands on these; where one changed, its inputs may mean something else.
STANDS_ON = ("feature/", "codelist/", "risk/model/")


def usable(name: str, release: Release) -> TrainedModel | None:
    """Return the model in use, if a release may still use it.

    Not one that learnt from after the release's date, that is older than its
    definition allows, or that stands on definitions which changed since.
    """
    training = MODELS[name].training
    model = TrainedModel.objects.filter(name=name, in_use=True).first()
    if model is None:
        return None
    age = release.as_of - trained_as_of(model, min(training.train_days))
    fresh = timedelta(0) <= age <= timedelta(days=training.renew_after_days)
    same = model.definitions["hashes"] == standing_on(release)
    return model if fresh and same else None


def trained_as_of(model: TrainedModel, last_days: int) -> date:
    """Return the date of the release for which a model was trained."""
    return model.index_on + timedelta(days=last_days)


def standing_on(release: Release) -> dict[str, str]:
    """Return the hashes of the definitions of a release on which models stand."""
    return {
        name: found
        for name, found in release.definitions.items()
        if name.startswith(STANDS_ON)
    }
