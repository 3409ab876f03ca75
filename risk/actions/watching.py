"""Hold each release against the models in use; stop what passes its limits."""

from datetime import timedelta

import polars as pl
from django.utils import timezone

from governance import audit
from linkage.models import Release
from linkage.release import parts
from linkage.release.stages import StageOutcome
from risk.actions import foretold
from risk.actions.models_in_use import usable
from risk.actions.predictions import PREDICTIONS_PART
from risk.actions.scores import FEATURES_PART
from risk.actions.training import training_rows
from risk.definitions import MODELS
from risk.models import ModelWatch, TrainedModel
from risk.specs import ModelSpec
from risk.steps.assess import judged_rows
from risk.steps.evaluate import Figures
from risk.steps.monitor import alerts, drift, drift_of_card, monitor
from risk.steps.predict import eligible
from risk.steps.train import Trained


def watch_models(release_id: int) -> StageOutcome:
    """Note what one release shows of each model; stop those beyond their limits.

    Of every model in use: whether people and inputs are still those of its trial, and
    whether what came is what was foretold, by the model itself of the newest days of
    which that is known (`newest`) and by what lists stood on then (`drift`).
    """
    release = Release.objects.get(pk=release_id)
    found = {name: usable(name, release) for name in MODELS}
    in_use = {name: model for name, model in found.items() if model is not None}
    if not in_use:
        return StageOutcome(0, len(MODELS))
    people = people_of(release, in_use)
    foretold.keep(release, people, in_use)
    drifted = foretold.drift_of(release, in_use)
    looked_at = 0
    for name, model in in_use.items():
        spec = MODELS[name]
        mine = people.filter(eligible(spec))
        values = mine[spec.attribute].to_numpy()
        figures = monitor(mine, values, model.performance["watch"], spec)
        figures["newest"] = newest(release, model, spec)
        if name in drifted:
            figures["drift"] = drifted[name]
        looked_at += figures["people"]
        _note(release, model, figures, alerts(figures, spec))
    return StageOutcome(looked_at, len(MODELS))


def _note(
    release: Release, model: TrainedModel, figures: Figures, told: list[dict[str, str]]
) -> None:
    """Keep what a release shows of a model, and stop the model where it must."""
    ModelWatch.objects.update_or_create(
        release_id=release.pk,
        name=model.name,
        defaults={
            "model_version": model.version,
            "figures": figures,
            "alerts": told,
        },
    )
    because = " ".join(alert["words"] for alert in told if alert["stops"])
    if because and not model.stopped_because:
        audit.record("model_stopped", None, subject=model.name, release=release.pk)
        TrainedModel.objects.filter(pk=model.pk).update(
            stopped_because=because[:300], stopped_at=timezone.now()
        )


def people_of(release: Release, models: dict[str, TrainedModel]) -> pl.DataFrame:
    """Return everybody in a release with what models read and foretell of them."""
    specs = [MODELS[name] for name in models]
    wanted = dict.fromkeys(["age_years", *(f for s in specs for f in s.features)])
    wanted |= dict.fromkeys(foretold.traits_of(models))
    features = parts.read_all(release.pk, FEATURES_PART, list(wanted))
    values = parts.read_all(
        release.pk, PREDICTIONS_PART, [spec.attribute for spec in specs]
    )
    return features.with_columns(index_on=pl.lit(release.as_of)).join(
        values, on="person_no", maintain_order="left"
    )


def newest(release: Release, model: TrainedModel, spec: ModelSpec) -> Figures:
    """Return the level of the model itself on the newest days of which outcomes are
    known: its trial, or later days on which it was tried again.

    A release that gathered people to train its successor, which then had to wait,
    tries the model in use on them. In releases between, what was found last stands.
    """
    days = spec.training.test_days
    stops = {"stops": True, "release": release.pk}
    if model.definitions["release"] != release.pk:
        try:
            later = training_rows(release.pk, model.name, days)
        except LookupError:
            return _before(release, model) or _trial(model, spec) | {"stops": False}
        trained = Trained.from_bytes(bytes(model.payload))
        told = drift(*judged_rows(later, trained, spec), spec)
        day = release.as_of - timedelta(days=days)
        return told | {"foretold_on": day.isoformat()} | stops
    return _trial(model, spec) | stops


def _trial(model: TrainedModel, spec: ModelSpec) -> Figures:
    told = drift_of_card(model.performance, spec)
    return told | {
        "foretold_on": model.performance["tested_on"],
        "release": model.definitions["release"],
    }


def _before(release: Release, model: TrainedModel) -> Figures | None:
    """What an earlier release found of the same version, which stops nothing again."""
    last = ModelWatch.objects.filter(
        name=model.name, model_version=model.version, release_id__lt=release.pk
    ).order_by("-release_id")
    for watch in last[:1]:
        if "newest" in watch.figures:
            return watch.figures["newest"] | {"stops": False}
    return None
