"""Which trained model a release may use, and when another one is due."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q

from governance import audit
from linkage.models import Release
from risk.approvals import is_approved
from risk.definitions import MODELS
from risk.models import TrainedModel

# A model stands on these; where one changed, its inputs may mean something else.
STANDS_ON = ("feature/", "codelist/", "risk/model/")
WAITING = ~Q(waits_because="")


def usable(name: str, release: Release) -> TrainedModel | None:
    """Return the model in use, if a release may still use it.

    Not one that learnt from after the release's date, or that stands on definitions
    which changed since; nor one that is older than its definition allows, unless its
    successor is there and waits for somebody to look at it.
    """
    model = TrainedModel.objects.filter(name=name, in_use=True).first()
    if model is None or not stands_still(model, release):
        return None
    return model if _is_fresh(model, release) or _successor(name, release) else None


def due(name: str, release: Release) -> bool:
    """Return whether a model is to be trained for a release: no version that is in use
    or waits is young enough and stands on the definitions of today."""
    in_use = TrainedModel.objects.filter(name=name, in_use=True)
    model = in_use.defer("payload").first()
    if model and stands_still(model, release) and _is_fresh(model, release):
        return False
    return not _successor(name, release)


def _successor(name: str, release: Release) -> bool:
    waiting = TrainedModel.objects.filter(WAITING, name=name).defer("payload")
    return any(stands_still(m, release) and _is_fresh(m, release) for m in waiting)


def stands_still(model: TrainedModel, release: Release) -> bool:
    """Return whether a model may speak of a release: it learnt from nothing after the
    release's date, and the definitions it stands on are the same."""
    same = model.definitions["hashes"] == standing_on(release)
    return same and _age(model, release) >= timedelta(0)


def _is_fresh(model: TrainedModel, release: Release) -> bool:
    most = MODELS[model.name].training.renew_after_days
    return timedelta(0) <= _age(model, release) <= timedelta(days=most)


def _age(model: TrainedModel, release: Release) -> timedelta:
    return release.as_of - trained_as_of(
        model, min(MODELS[model.name].training.train_days)
    )


@transaction.atomic
def promote(name: str, release: Release) -> None:
    """Put the newest version that waited to use, once enough people approved it.

    At a refresh and not at the last yes: everybody is then foretold by one version.
    """
    known = TrainedModel.objects.filter(name=name)
    for model in known.filter(WAITING).defer("payload").order_by("-version"):
        if is_approved(model) and stands_still(model, release):
            audit.record(
                "model_put_to_use",
                None,
                subject=name,
                version=model.version,
                release=release.pk,
            )
            known.update(in_use=False, waits_because="")
            known.filter(pk=model.pk).update(
                in_use=True, stopped_because="", stopped_at=None
            )
            return


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
