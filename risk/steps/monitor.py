"""Hold a release against what a model was tried on: shifts, breakage, level."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from risk.specs import LimitSpec, ModelSpec
from risk.steps.amounts import by_group as amounts_by_group
from risk.steps.amounts import ratio
from risk.steps.assess import share_having, shares
from risk.steps.evaluate import LEAST_TO_RANK, Figures, by_group, level
from risk.steps.matrix import Floats, matrix
from risk.steps.outcome import AMOUNT, HAPPENED
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


def drift(judged: pl.DataFrame, foretold: Floats, spec: ModelSpec) -> Figures:
    """Return how what came lies to what was foretold, overall and by group.

    `judged` are rows of people under no intervention with what `outcome` adds and the
    columns of `spec.limits.groups` (`assess.judged_rows`); `foretold` in the unit of
    the model. `groups` holds, by division and group, the ratio of observed to expected
    of those with enough outcomes to judge by, `group_intervals` the 95% interval.
    """
    limits = spec.limits
    if spec.outcome.is_amount:
        spent = judged[AMOUNT].to_numpy()
        whole = {"people": len(spent), "observed": int((spent > 0).sum())}
        whole |= ratio(spent, foretold)
    else:
        whole = level(judged[HAPPENED].to_numpy(), foretold)
    divided: dict[str, dict[str, Figures]] = {}
    for name in limits.groups:
        if spec.outcome.is_amount:
            found = amounts_by_group(judged[AMOUNT].to_numpy(), foretold, judged[name])
        else:
            found = by_group(judged[HAPPENED].to_numpy(), foretold, judged[name])
        divided[name] = found
    return {"level": whole} | _by_group(divided, limits)


def drift_of_card(performance: Mapping[str, Any], spec: ModelSpec) -> Figures:
    """Return the same of a model's trial, as its card (`assess`) has it."""
    main = (performance.get("models") or performance["beside"])[performance["main"]]
    whole = {
        "people": performance["people"],
        "observed": performance["outcomes"],
        "expected": main.get("expected"),
        "observed_over_expected": main["observed_over_expected"],
        "interval": main["interval"],
    }
    divided = {
        name: performance["groups"][name]
        for name in spec.limits.groups
        if name in performance["groups"]
    }
    return {"level": whole} | _by_group(divided, spec.limits)


def _by_group(
    divided: Mapping[str, Mapping[str, Figures]], limits: LimitSpec
) -> Figures:
    """Return the ratios of groups that may be judged, and their 95% intervals."""
    told: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, list[float]]] = {}
    for name, groups in divided.items():
        for value, found in groups.items():
            if value == "Not known" or found.get("too_few"):
                continue
            share = found["observed_over_expected"]
            if share is None or not _enough(found, limits):
                continue
            told.setdefault(name, {})[value] = share
            intervals.setdefault(name, {})[value] = found["interval"]
    return {"groups": told, "group_intervals": intervals}


def _enough(found: Mapping[str, Any], limits: LimitSpec) -> bool:
    """Whether so many had the outcome, or should have, that a ratio means something:
    where hardly anybody has it any more, most is wrong."""
    had = float(found["having"] if "having" in found else found["observed"])
    should = float(found.get("expected") or 0)
    return max(had, should) >= max(limits.least_outcomes, LEAST_TO_RANK)


@dataclass(frozen=True)
class Check:
    """One thing that is watched of a model, with its limits and what was found.

    `of` is the input or group; `low` and `high` are the limits, None where there is
    none on that side; `stops` says whether lists stop beyond them, `words` what is then
    said.
    """

    what: str
    of: str
    value: float
    low: float | None
    high: float | None
    stops: bool
    words: str
    # 95%: where it reaches back to a limit, few people alone have passed that limit.
    interval: tuple[float, float] | None = None

    @property
    def beyond(self) -> bool:
        lowest, highest = self.interval or (self.value, self.value)
        under = self.low is not None and highest < self.low
        return under or (self.high is not None and lowest > self.high)


def checks(figures: Figures, spec: ModelSpec) -> list[Check]:
    """Return everything that one release's figures of a model are held against.

    Figures of what came stop lists in the release in which they were reckoned; in
    later ones, until newer ones come, they are told and stop nothing again: somebody
    may have looked into them.
    """
    limits = spec.limits
    named = {entry.feature: title(entry) for entry in spec.inputs}
    value = figures["stability"]
    found = [
        Check(
            *("What is foretold: stability index", "", value),
            *(None, limits.stability, True),
            f"The figures have shifted: stability index {value:.2f},"
            f" limit {limits.stability:.2f}.",
        )
    ]
    for feature, fell in figures["known_fell"].items():
        found.append(
            Check(
                *("Input known of fewer people", named[feature], fell),
                *(None, limits.known_may_fall, True),
                f"The input “{named[feature]}” is known of {fell:.0%} fewer people"
                " than when the model was tried: is a feed broken?",
            )
        )
    for feature, fell in figures["having_fell"].items():
        found.append(
            Check(
                *("Fewer people have any of an input", named[feature], fell),
                *(None, limits.having_may_fall, True),
                f"{fell:.0%} fewer people have any of the input “{named[feature]}” than"
                " when the model was tried: is a feed broken?",
            )
        )
    broken = {check.of for check in found if check.of and check.beyond}
    for feature, value in figures["input_stability"].items():
        if named[feature] not in broken:
            found.append(
                Check(
                    *("Input: stability index", named[feature], value),
                    *(None, limits.input_stability, False),
                    f"The input “{named[feature]}” has shifted: stability index"
                    f" {value:.2f}, limit {limits.input_stability:.2f}.",
                )
            )
    for key, before in (("newest", ""), ("drift", "Of what was foretold ")):
        if key in figures:
            found += _of_level(figures[key], before, limits)
    return found


def _of_level(told: Figures, before: str, limits: LimitSpec) -> Iterator[Check]:
    """Yield the checks of what came of people foretold on one day."""
    stops = bool(told["stops"])
    day = date.fromisoformat(told["foretold_on"])
    since = f"{before}on {day.day} {day:%B %Y}"
    if told.get("superseded"):
        since += " by an earlier version"
    whole = told["level"]
    value = whole["observed_over_expected"]
    if value is not None and _enough(whole, limits):
        low, high = limits.level
        yield Check(
            *("Observed over expected", since, value, low, high, stops),
            f"Observed over expected is {value:.2f}, outside {low:g} to {high:g}"
            f" ({_lower(since)}).",
            interval=tuple(whole["interval"]),
        )
    low, high = limits.group_level
    # Not noted for releases that were held against a model earlier.
    intervals = told.get("group_intervals", {})
    for division, groups in told["groups"].items():
        for group, value in groups.items():
            bounds = intervals.get(division, {}).get(group)
            yield Check(
                "Observed over expected in a group",
                f"{division} {group}, {_lower(since)}",
                *(value, low, high, stops),
                f"Observed over expected is {value:.2f} where {division} is"
                f" {group}, outside {low:g} to {high:g} ({_lower(since)}).",
                interval=tuple(bounds) if bounds else None,
            )


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def alerts(figures: Figures, spec: ModelSpec) -> list[dict[str, Any]]:
    """Return what passes a limit, in words; `stops` says whether lists must stop.

    Of groups the one furthest from its limits is told, and how many others.
    """
    found: list[dict[str, Any]] = []
    groups: dict[str, list[Check]] = {}
    for check in checks(figures, spec):
        if not check.beyond:
            continue
        if check.what.endswith("in a group"):
            groups.setdefault(check.of.split(", ", 1)[1], []).append(check)
        else:
            found.append({"words": check.words, "stops": check.stops})
    for beyond in groups.values():
        worst = max(beyond, key=lambda check: abs(check.value - 1))
        words = worst.words
        if len(beyond) > 1:
            words += f" So it is in {len(beyond) - 1} more groups."
        found.append({"words": words, "stops": worst.stops})
    return found
