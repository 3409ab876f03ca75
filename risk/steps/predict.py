"""Foretell, for people as they are now, and say why."""

import json
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import polars as pl

from linkage.steps.holds import holds
from risk.score_specs import Ages
from risk.specs import ModelSpec
from risk.steps.boosting import THREADS, boosting
from risk.steps.forest import forest
from risk.steps.matrix import Floats, Inputs, matrix, remembered
from risk.steps.reasons import said
from risk.steps.train import Trained

# So many rows make up for preparing the trees to be asked of all at once.
MANY = 5_000


def of_age(ages: Ages) -> pl.Expr:
    """Return whether a person is of the ages that the model was made for."""
    return pl.col("age_years").is_between(ages.at_least, ages.at_most)


def eligible(spec: ModelSpec) -> pl.Expr:
    """Return whether a person is of the population that the model speaks of."""
    asked = [of_age(spec.ages), *(holds(test) for test in spec.population)]
    return reduce(and_, [*asked, *(~holds(test) for test in spec.excluding)])


def predict(
    features: pl.DataFrame, trained: Trained, spec: ModelSpec, *, explain: bool = True
) -> pl.DataFrame:
    """Return one row per person of `features`: risk, band and reasons.

    `features` is as at its column `index_on`.
    Columns: `person_no`, the probability or amount (Float64), the band's name, and
    the reasons as JSON text, called as the definition says; null for people outside
    the model's population. Reasons are worked out from `spec.reasons_from` upwards: a
    list of `{feature, words, adds}`, where `adds` is what the feature adds to the
    calibrated log-odds (of an amount: to its logarithm), and at the end
    `{feature: "", words, adds}` with all that is not told: together they are the
    log-odds. ValueError if the trained model has other inputs than the definition.
    """
    people = features.filter(eligible(spec))
    inputs, trees, raw = _raw(people, trained, spec)
    value = trained.values(raw, inputs)
    reasons = [""] * people.height
    high = np.flatnonzero(value >= spec.reasons_from) if explain else np.empty(0, int)
    if len(high):
        log, parts = explained(trees, trained, inputs[high], raw[high])
        known = [remembered(entry).alias(entry.feature) for entry in spec.inputs]
        dates = dict.fromkeys(d for e in spec.inputs for d in e.dates.values())
        told = people[high].select(
            "index_on", *known, *(pl.col(d).alias(f"date {d}") for d in dates)
        )
        for row, person, added, total in zip(
            high, told.iter_rows(named=True), parts, log, strict=True
        ):
            reasons[row] = json.dumps(said(person, added, spec, float(total)))
    found = pl.DataFrame(
        {
            "person_no": people["person_no"],
            spec.attribute: pl.Series(value, dtype=pl.Float64),
            spec.band_attribute: band_names(value, trained, spec),
            spec.reasons_attribute: pl.Series(reasons, dtype=pl.String).replace(
                "", None
            ),
        }
    )
    return features.select("person_no").join(
        found, on="person_no", how="left", maintain_order="left"
    )


def risks(people: pl.DataFrame, trained: Trained, spec: ModelSpec) -> Floats:
    """Return the probability or amount of each row of `people`, all eligible."""
    inputs, _, raw = _raw(people, trained, spec)
    return trained.values(raw, inputs)


def raw_log_odds(people: pl.DataFrame, trained: Trained, spec: ModelSpec) -> Floats:
    """Return the trees' log-odds of each row, before the level is set."""
    return _raw(people, trained, spec)[2]


def _raw(
    people: pl.DataFrame, trained: Trained, spec: ModelSpec
) -> tuple[Inputs, Any, Floats]:
    """Return the inputs, the trees and each person's raw log-odds."""
    if tuple(entry.feature for entry in spec.inputs) != trained.inputs:
        raise ValueError("the model was trained on other inputs than are defined now")
    inputs = matrix(people, spec.inputs)
    trees = boosting().Booster(model_str=trained.trees)
    raw: Floats = np.empty(0)
    if people.height:
        known = forest(trained.trees) if people.height >= MANY else None
        if known is not None:
            raw = known.raw(inputs)
        else:
            raw = trees.predict(inputs, raw_score=True, num_threads=THREADS)
    return inputs, trees, raw


def band_names(risk: Floats, trained: Trained, spec: ModelSpec) -> pl.Series:
    """Return each probability's band; the cut points belong to the band above."""
    names = [band.name for band in spec.bands]
    place = np.full(len(risk), len(names) - 1)
    for position in reversed(range(len(trained.cuts))):
        place[risk >= trained.cuts[position]] = position
    return pl.Series([names[p] for p in place], dtype=pl.String)


def explained(
    trees: Any, trained: Trained, inputs: Inputs, raw: Floats
) -> tuple[Floats, Floats]:
    """Return each person's calibrated log-odds and what each input adds to it.

    Of an amount they are what the second part, the trees of how much, adds to the
    logarithm of the amount.
    """
    if trained.amount is None:
        parts = contributions(trees, inputs, raw) * trained.slope
        return trained.intercept + trained.slope * raw, parts
    much = boosting().Booster(model_str=trained.amount.trees)
    log = much.predict(inputs, raw_score=True, num_threads=THREADS)
    return log, contributions(much, inputs, log)


def contributions(trees: Any, inputs: Inputs, raw: Floats) -> Floats:
    """Return what each input adds to each person's raw log-odds (TreeSHAP).

    ArithmeticError unless they add up, with the trees' base, to the log-odds: reasons
    that do not add up to the figure they explain must not be shown.
    """
    parts: Floats = trees.predict(inputs, pred_contrib=True, num_threads=THREADS)
    if not np.allclose(parts.sum(axis=1), raw, rtol=0, atol=1e-6):
        raise ArithmeticError("the contributions do not add up to the log-odds")
    return parts[:, :-1]


def importance(
    people: pl.DataFrame, trained: Trained, spec: ModelSpec, most: int = 2000
) -> dict[str, float]:
    """Return each input's share of all that moves the figures, the largest first.

    The mean size of what it adds, over at most `most` people.
    """
    some = people.gather_every(max(1, -(-people.height // most)))
    inputs, trees, raw = _raw(some, trained, spec)
    _, parts = explained(trees, trained, inputs, raw)
    sizes = np.abs(parts).mean(axis=0)
    shares = sizes / max(float(sizes.sum()), 1e-12)
    return {
        spec.inputs[place].feature: round(float(shares[place]), 4)
        for place in np.argsort(-shares, kind="stable")
    }
