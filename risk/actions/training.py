"""Gather people as they were, train models on them, keep what was trained."""

from datetime import timedelta
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import Max

from governance import audit
from linkage.models import Release
from linkage.release import parts
from linkage.release.stages import StageOutcome
from risk.actions.dates import Dates, gathered, wanted
from risk.actions.models_in_use import (
    due,
    promote,
    standing_on,
    stands_still,
)
from risk.approvals import is_approved
from risk.definitions import MODELS
from risk.models import TrainedModel
from risk.specs import ModelSpec
from risk.steps.assess import assess
from risk.steps.boosting import THREADS
from risk.steps.gather import columns_of, rows_of
from risk.steps.outcome import HAPPENED
from risk.steps.renewal import beyond
from risk.steps.train import Trained, enough, folds_of, train
from risk.steps.untouched import untreated


def gather_training(release_id: int, shard: int) -> StageOutcome:
    """Keep one shard's people as they were at each index date, if a model is due.

    A date that several models ask for is derived once, for what they ask.
    """
    release = Release.objects.get(pk=release_id)
    models = {name: spec for name, spec in MODELS.items() if due(name, release)}
    if not models:
        return StageOutcome(0, 0)
    dates = Dates(release, shard, wanted(models.values()))
    rows_out = 0
    for days, made in gathered(dates, shard, models):
        parts.write(release_id, shard, training_part(days), made)
        rows_out += made.height
    return StageOutcome(dates.rows, rows_out)


def train_model(release_id: int, name: str) -> StageOutcome:
    """Train a model if it is due, try it on the later date, and keep it.

    It comes into use at once unless it strays from what people approved (`_keep`). A
    version that waited and is approved by now comes into use first. With too few
    outcomes to learn from there is no model, and no prediction.
    """
    release, spec = Release.objects.get(pk=release_id), MODELS[name]
    promote(name, release)
    if not due(name, release):
        return StageOutcome(0, 0)
    learnt = pl.concat(
        training_rows(release_id, name, days) for days in spec.training.train_days
    )
    later = training_rows(release_id, name, spec.training.test_days)
    rows = learnt.height + later.height
    if not (enough(learnt, spec) and enough(later, spec)):
        return StageOutcome(rows, 0)
    fitted = train(learnt, spec, threads=THREADS)
    _keep(name, spec, release, fitted, learnt, assess(fitted, learnt, later, spec))
    return StageOutcome(rows, 1)


def training_part(days: int) -> str:
    """Return the name of the part with every due model's people of one index date."""
    return f"training {days}"


def training_rows(release_id: int, name: str, days: int) -> pl.DataFrame:
    """Return the rows of one model that a release gathered of one index date.

    LookupError where it has gathered none for that model.
    """
    spec = MODELS[name]
    try:
        found = parts.read_all(release_id, training_part(days), columns_of(name, spec))
    except pl.exceptions.ColumnNotFoundError as error:
        raise LookupError(f"release {release_id} gathered none for {name}") from error
    return rows_of(found, name, spec)


def _keep(
    name: str,
    spec: ModelSpec,
    release: Release,
    fitted: Trained,
    learnt: pl.DataFrame,
    figures: dict[str, Any],
) -> TrainedModel:
    """Keep a trained model as the next version, in use or waiting.

    Within the limits of the definition (`renewal`) of the version that people looked
    at, their approvals hold for it. Beyond them it waits for approvals of its own while
    an approved version may still be used; else it is used, and orders no list before it
    is approved.
    """
    with transaction.atomic():
        known = TrainedModel.objects.filter(name=name)
        last = known.aggregate(last=Max("version"))["last"] or 0
        before = known.filter(in_use=True).defer("payload").first()
        model = TrainedModel(
            name=name,
            version=last + 1,
            index_on=release.as_of - timedelta(days=min(spec.training.train_days)),
            horizon_days=spec.outcome.horizon_days,
            people=learnt["person_no"].n_unique(),
            outcomes=int(learnt[HAPPENED].sum()),
            seed=spec.training.seed,
            spec_hash=MODELS.hashes[name],
            features=list(fitted.inputs),
            definitions={
                "hashes": standing_on(release),
                "batches": release.batches,
                "code_version": release.code_version,
                "release": release.pk,
            },
            calibration={
                "intercept": fitted.intercept,
                "slope": fitted.slope,
                "rounds": fitted.rounds,
                "folds": folds_of(untreated(learnt).height, spec),
                "bands_from": dict(
                    zip((b.name for b in spec.bands), fitted.cuts, strict=False)
                ),
            },
            performance=figures,
            payload=fitted.to_bytes(),
            approved_as=last + 1,
            in_use=True,
        )
        seen = None
        if before is not None and before.spec_hash == model.spec_hash:
            seen = known.filter(version=before.approved_as).defer("payload").first()
        if before is not None and seen is not None:
            strays = beyond(figures, seen.performance, spec)
            if not strays:
                model.approved_as = seen.version
            elif is_approved(before) and stands_still(before, release):
                model.in_use = False
                model.waits_because = " ".join(strays)[:300]
                audit.record(
                    "model_waits",
                    None,
                    subject=name,
                    version=model.version,
                    release=release.pk,
                )
        superseded = {"waits_because": ""} | ({"in_use": False} if model.in_use else {})
        known.update(**superseded)
        model.save(force_insert=True)
        return model
