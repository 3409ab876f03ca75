"""Scores and models as pages read them: what they are, how good, and why so."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from linkage.release import parts
from risk.definitions import MODELS, SCORES
from risk.models import TrainedModel
from risk.score_specs import ScoreSpec
from risk.specs import ModelSpec

PREDICTIONS_PART = "predictions"
# The web role may read every column but the model itself.
CARD_COLUMNS = (
    "name",
    "version",
    "trained_at",
    "index_on",
    "horizon_days",
    "people",
    "outcomes",
    "seed",
    "spec_hash",
    "features",
    "definitions",
    "calibration",
    "performance",
    "in_use",
)


@dataclass(frozen=True)
class ModelCard:
    """A trained model with its definition and its figures on a later period.

    `performance` is what `risk.steps.assess` returns, of the whole population; groups
    with fewer than 20 outcomes have no figures in it.
    """

    spec: ModelSpec
    name: str
    version: int
    trained_at: datetime
    index_on: date
    horizon_days: int
    people: int
    outcomes: int
    seed: int
    spec_hash: str
    features: list[str]
    definitions: dict[str, Any]
    calibration: dict[str, Any]
    performance: dict[str, Any]
    in_use: bool


def model_card(name: str, version: int | None = None) -> ModelCard | None:
    """Return the card of a model's version, by default of the one in use.

    None before the first training; KeyError if no such model is defined.
    """
    spec = MODELS[name]
    found = TrainedModel.objects.filter(name=name)
    found = (
        found.filter(in_use=True) if version is None else found.filter(version=version)
    )
    row = found.values(*CARD_COLUMNS).first()
    return None if row is None else ModelCard(spec=spec, **row)


def versions(name: str) -> list[ModelCard]:
    """Return every version of a model, the newest first."""
    rows = TrainedModel.objects.filter(name=name).order_by("-version")
    return [ModelCard(spec=MODELS[name], **row) for row in rows.values(*CARD_COLUMNS)]


def scores() -> dict[str, ScoreSpec]:
    """Return the published scores by name: source, licence, ages, bands."""
    return dict(SCORES)


def reasons(
    release_id: int, person_nos: Collection[int], name: str = "emergency_admission"
) -> dict[int, list[dict[str, Any]]]:
    """Return why a model's figure is what it is, for those whose reasons were kept.

    Each reason is `{feature, words, adds}`, the weightiest first. For the worker that
    makes lists: parts of a release are closed to the web.
    """
    column = MODELS[name].reasons_attribute
    found = parts.read_all(release_id, PREDICTIONS_PART, [column]).filter(
        pl.col("person_no").is_in(list(person_nos)) & pl.col(column).is_not_null()
    )
    return {number: json.loads(text) for number, text in found.iter_rows()}
