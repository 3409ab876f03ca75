"""Hold each release against the models in use; stop what passes its limits."""

from datetime import timedelta

import polars as pl
from django.utils import timezone

from governance import audit
from linkage.models import Release
from linkage.release import parts
from linkage.release.stages import StageOutcome
from risk.actions.models_in_use import usable
from risk.actions.predictions import PREDICTIONS_PART
from risk.actions.scores import FEATURES_PART
from risk.definitions import MODELS
from risk.models import ModelWatch, TrainedModel
from risk.specs import ModelSpec
from risk.steps.evaluate import Figures
from risk.steps.monitor import alerts, drift, monitor
from risk.steps.predict import eligible
from risk.store import used_since


def watch_models(release_id: int) -> StageOutcome:
    """Note what one release shows of each model; stop those beyond their limits."""
    release = Release.objects.get(pk=release_id)
    looked_at = 0
    for name, spec in MODELS.items():
        model = usable(name, release)
        if model is None:
            continue
        found = figures_of(release, model, spec)
        looked_at += found["people"]
        told = alerts(found, spec)
        ModelWatch.objects.update_or_create(
            release_id=release_id,
            name=name,
            defaults={
                "model_version": model.version,
                "figures": found,
                "alerts": told,
            },
        )
        because = " ".join(alert["words"] for alert in told if alert["stops"])
        if because and not model.stopped_because:
            audit.record("model_stopped", None, subject=name, release=release_id)
            TrainedModel.objects.filter(pk=model.pk).update(
                stopped_because=because[:300], stopped_at=timezone.now()
            )
    return StageOutcome(looked_at, len(MODELS))


def figures_of(release: Release, model: TrainedModel, spec: ModelSpec) -> Figures:
    """Return the shifts of a release, and the level of what was foretold before."""
    wanted = dict.fromkeys([*spec.features, "age_years"])
    features = parts.read_all(release.pk, FEATURES_PART, list(wanted)).with_columns(
        index_on=pl.lit(release.as_of)
    )
    values = parts.read_all(release.pk, PREDICTIONS_PART, [spec.attribute])
    people = features.filter(eligible(spec)).join(
        values, on="person_no", maintain_order="left"
    )
    found = monitor(
        people, people[spec.attribute].to_numpy(), model.performance["watch"], spec
    )
    before = _a_horizon_ago(release, spec)
    if before is not None:
        found["drift"] = _drift(release, before, spec)
    return found


def _a_horizon_ago(release: Release, spec: ModelSpec) -> Release | None:
    """Return the newest release whose horizon has ended and whose parts are kept."""
    if spec.outcome.of != "activity":
        return None
    ended = release.as_of - timedelta(days=spec.outcome.horizon_days)
    return (
        Release.objects.filter(as_of__lte=ended, releasepart__part=PREDICTIONS_PART)
        .order_by("-as_of", "-pk")
        .first()
    )


def _drift(release: Release, before: Release, spec: ModelSpec) -> Figures:
    groups = list(spec.limits.groups)
    people = (
        parts.read_all(before.pk, PREDICTIONS_PART, [spec.attribute])
        .drop_nulls(spec.attribute)
        .join(parts.read_all(before.pk, FEATURES_PART, groups), on="person_no")
    )
    happened = used_since(
        spec.outcome,
        after=before.as_of,
        until=before.as_of + timedelta(days=spec.outcome.horizon_days),
    )
    outcome = people["person_no"].is_in(happened.implode())
    return {"foretold_on": before.as_of.isoformat()} | drift(
        outcome.to_numpy(), people[spec.attribute].to_numpy(), people, spec.limits
    )
