"""Hold a release against what a model was tried on: shifts, breakage, level."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from risk.specs import LimitSpec, ModelSpec
from risk.steps.assess import share_having, shares
from risk.steps.evaluate import LEAST_TO_RANK, Figures, by_group, level
from risk.steps.matrix import Flags, Floats, matrix
from risk.steps.reasons import title

# A share of nothing has no logarithm; the usual floor of the index.
LEAST_SHARE = 1e-4
# An input that so few people should have, or be known of, can become rarer by chance.
LEAST_HAVING = 50
LEAST_KNOWN = 100


def stability(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Return the population stability index of two distributions over the same cuts.

    Sum of (actual - expected) x log(actual / expected): below 0.1 little has moved,
    above 0.25 much has (Siddiqi, Credit Risk Scorecards 2006).
    """
    before = np.maximum(np.array(expected), LEAST_SHARE)
    now = np.maximum(np.array(actual), LEAST_SHARE)
    return float(((now - before) * np.log(now / before)).sum())


def monitor(
    people: pl.DataFrame,
    values: Floats,
    before: Mapping[str, Any],
    spec: ModelSpec,
) -> Figures:
    """Return what a release's people show beside those of the model's trial.

    `people` holds the inputs (all eligible), `values` what is foretold of them,
    `before` the `watch` figures of `assess`.
    """
    inputs = matrix(people, spec.inputs)
    moved, broken, rarer = {}, {}, {}
    # Not noted for models that were tried before this was watched.
    having = before.get("having", {})
    for place, entry in enumerate(spec.inputs):
        column = inputs[:, place]
        known = column[~np.isnan(column)]
        cuts = before["input_cuts"].get(entry.feature)
        if cuts and len(known):
            moved[entry.feature] = round(
                stability(before["input_shares"][entry.feature], shares(known, cuts)), 4
            )
        # Of what it was, not of everybody: an input that is known of one person in ten
        # is as broken when it is known of nobody as one that is known of all.
        expected = before["known"][entry.feature] * len(column)
        if expected >= LEAST_KNOWN and len(known) < expected:
            broken[entry.feature] = round(1 - len(known) / expected, 4)
        had = having.get(entry.feature, 0.0)
        if had * len(known) >= LEAST_HAVING:
            lost = 1 - share_having(known) / had
            if lost > 0:
                rarer[entry.feature] = round(lost, 4)
    return {
        "people": people.height,
        "mean": float(values.mean()) if len(values) else None,
        "stability": round(
            stability(before["shares"], shares(values, before["cuts"])), 4
        ),
        "input_stability": moved,
        "known_fell": broken,
        "having_fell": rarer,
    }


def drift(
    outcome: Flags, foretold: Floats, groups: pl.DataFrame, limits: LimitSpec
) -> Figures:
    """Return the level of what was foretold a horizon ago, overall and by group."""
    worst: list[Any] | None = None
    for name in limits.groups:
        for value, found in by_group(outcome, foretold, groups[name]).items():
            ratio = found["observed_over_expected"]
            judged = found["observed"] >= max(limits.least_outcomes, LEAST_TO_RANK)
            if value == "Not known" or not judged or ratio is None:
                continue
            if worst is None or abs(ratio - 1) > abs(worst[2] - 1):
                worst = [name, value, ratio]
    return {"level": level(outcome, foretold), "worst_group": worst}


def alerts(figures: Figures, spec: ModelSpec) -> list[dict[str, Any]]:
    """Return what passes a limit, in words; `stops` says whether lists must stop."""
    found, limits = [], spec.limits
    named = {entry.feature: title(entry) for entry in spec.inputs}

    def say(words: str, *, stops: bool) -> None:
        found.append({"words": words, "stops": stops})

    if figures["stability"] > limits.stability:
        say(
            f"The figures have shifted: stability index {figures['stability']:.2f},"
            f" limit {limits.stability:.2f}.",
            stops=True,
        )
    for feature, value in figures["input_stability"].items():
        if value > limits.input_stability:
            say(
                f"The input “{named[feature]}” has shifted: stability index"
                f" {value:.2f}, limit {limits.input_stability:.2f}.",
                stops=False,
            )
    for feature, fell in figures["known_fell"].items():
        if fell > limits.known_may_fall:
            say(
                f"The input “{named[feature]}” is known of {fell:.0%} fewer people"
                " than when the model was tried: is a feed broken?",
                stops=True,
            )
    for feature, fell in figures["having_fell"].items():
        if fell > limits.having_may_fall:
            say(
                f"{fell:.0%} fewer people have any of the input “{named[feature]}” than"
                " when the model was tried: is a feed broken?",
                stops=True,
            )
    drifted = figures.get("drift")
    if drifted:
        ratio = drifted["level"]["observed_over_expected"]
        low, high = limits.level
        if ratio is not None and not low <= ratio <= high:
            say(
                f"Observed over expected is {ratio:.2f}, outside {low:g} to {high:g}.",
                stops=True,
            )
        worst = drifted["worst_group"]
        low, high = limits.group_level
        if worst and not low <= worst[2] <= high:
            say(
                f"Observed over expected is {worst[2]:.2f} where {worst[0]} is"
                f" {worst[1]}, outside {low:g} to {high:g}.",
                stops=True,
            )
    return found
