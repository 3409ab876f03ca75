"""Foretell, for people as they are now, and say in plain words why."""

import json
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from risk.score_specs import Ages
from risk.specs import InputSpec, ModelSpec
from risk.steps.boosting import THREADS, boosting
from risk.steps.matrix import Floats, matrix, remembered
from risk.steps.train import Trained

Value = str | float | bool | date | None


def of_age(ages: Ages) -> pl.Expr:
    """Return whether a person is of the ages that the model was made for."""
    return pl.col("age_years").is_between(ages.at_least, ages.at_most)


def predict(features: pl.DataFrame, trained: Trained, spec: ModelSpec) -> pl.DataFrame:
    """Return one row per person of `features`: risk, band and reasons.

    `features` is as at its column `index_on`.
    Columns: `person_no`, the probability (Float64), the band's name, and the reasons
    as JSON text, called as the definition says; null for people outside the model's
    ages. Reasons are worked out from `spec.reasons_from` upwards: a list of
    `{feature, words, adds}`, where `adds` is what the feature adds to the calibrated
    log-odds. ValueError if the trained model has other inputs than the definition.
    """
    eligible = features.filter(of_age(spec.ages))
    inputs, trees, raw = _raw(eligible, trained, spec)
    risk = trained.probabilities(raw)
    reasons = [""] * eligible.height
    high = np.flatnonzero(risk >= spec.reasons_from)
    if len(high):
        adds = contributions(trees, inputs[high], raw[high]) * trained.slope
        known = [remembered(entry) for entry in spec.inputs]
        people = eligible[high].select(known).iter_rows(named=True)
        for row, person, added in zip(high, people, adds, strict=True):
            reasons[row] = json.dumps(said(person, added, spec))
    found = pl.DataFrame(
        {
            "person_no": eligible["person_no"],
            spec.attribute: pl.Series(risk, dtype=pl.Float64),
            spec.band_attribute: band_names(risk, trained, spec),
            spec.reasons_attribute: pl.Series(reasons, dtype=pl.String).replace(
                "", None
            ),
        }
    )
    return features.select("person_no").join(
        found, on="person_no", how="left", maintain_order="left"
    )


def risks(people: pl.DataFrame, trained: Trained, spec: ModelSpec) -> Floats:
    """Return the probability of each row of `people`, all of the model's ages."""
    return trained.probabilities(_raw(people, trained, spec)[2])


def _raw(
    people: pl.DataFrame, trained: Trained, spec: ModelSpec
) -> tuple[Floats, Any, Floats]:
    """Return the inputs, the trees and each person's raw log-odds."""
    if tuple(entry.feature for entry in spec.inputs) != trained.inputs:
        raise ValueError("the model was trained on other inputs than are defined now")
    inputs = matrix(people, spec.inputs)
    trees = boosting().Booster(model_str=trained.trees)
    raw: Floats = np.empty(0)
    if people.height:
        raw = trees.predict(inputs, raw_score=True, num_threads=THREADS)
    return inputs, trees, raw


def band_names(risk: Floats, trained: Trained, spec: ModelSpec) -> pl.Series:
    """Return each probability's band; the cut points belong to the band above."""
    names = [band.name for band in spec.bands]
    place = np.full(len(risk), len(names) - 1)
    for position in reversed(range(len(trained.cuts))):
        place[risk >= trained.cuts[position]] = position
    return pl.Series([names[p] for p in place], dtype=pl.String)


def contributions(trees: Any, inputs: Floats, raw: Floats) -> Floats:
    """Return what each input adds to each person's raw log-odds (TreeSHAP).

    ArithmeticError unless they add up, with the trees' base, to the log-odds: reasons
    that do not add up to the figure they explain must not be shown.
    """
    parts: Floats = trees.predict(inputs, pred_contrib=True, num_threads=THREADS)
    if not np.allclose(parts.sum(axis=1), raw, rtol=0, atol=1e-6):
        raise ArithmeticError("the contributions do not add up to the log-odds")
    return parts[:, :-1]


def said(
    person: dict[str, Value], added: Floats, spec: ModelSpec
) -> list[dict[str, str | float]]:
    """Return the reasons that raise a person's risk most, in words.

    Only what is known, is not nothing, and adds enough to be worth saying: "no
    dementia recorded" and "A&E attendances: 0" weigh in the sum, but are no reasons
    that a team could act on.
    """
    told: list[dict[str, str | float]] = []
    for place in np.argsort(-added, kind="stable"):
        if added[place] < spec.reason_adds or len(told) == spec.reasons:
            break
        entry = spec.inputs[place]
        value = person[entry.feature]
        # False and 0 are equal.
        if value is not None and value != 0:
            told.append(
                {
                    "feature": entry.feature,
                    "words": wording(entry, value),
                    "adds": round(float(added[place]), 3),
                }
            )
    return told


def wording(entry: InputSpec, value: Value) -> str:
    """Return an input's words with its value, rounded as the definition says."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:,.{entry.decimals}f}"
    return entry.words.replace("{value}", str(value))
