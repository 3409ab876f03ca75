"""How far a version that was trained anew strays from the one people approved."""

from collections.abc import Iterator, Sequence
from typing import Any

from risk.specs import ModelSpec

Figures = dict[str, Any]
Limits = tuple[float, float]


def beyond(figures: Figures, approved: Figures, spec: ModelSpec) -> list[str]:
    """Return in words how a version's trial passes the limits of `spec.renewal`.

    `figures` and `approved` are the cards (`assess`) of the new version and of the one
    that people looked at. Level and slope are held against limits, overall and, of the
    level, in each group with enough outcomes; how well it ranks (of an amount: how much
    it explains) against the approved version. A figure is beyond a limit where its 95%
    interval does not reach back to it: few people alone keep no version waiting.
    """
    limits = spec.renewal
    new, old = _main(figures), _main(approved)
    found = []
    for title, key, interval, allowed in (
        ("Observed over expected", "observed_over_expected", "interval", limits.level),
        ("The slope", "calibration_slope", "slope_interval", limits.slope),
    ):
        if _outside(new[key], new.get(interval), allowed):
            found.append(
                f"{title} is {new[key]:.2f}, outside {allowed[0]:g} to {allowed[1]:g}."
            )
    for division, value, ratio in _groups(figures, spec):
        if _outside(*ratio, limits.group_level):
            low, high = limits.group_level
            found.append(
                f"Observed over expected is {ratio[0]:.2f} where {division} is {value},"
                f" outside {low:g} to {high:g}."
            )
    if spec.outcome.is_amount:
        key, words = "variance_explained", "It explains"
        highest = new[key]
    else:
        key, words = "auroc", "It ranks"
        highest = new["auroc_interval"][1]
    lowest = old[key] - limits.rank_may_fall
    if highest < lowest:
        found.append(
            f"{words} less well than the version that was approved: {new[key]:.3f}"
            f" after {old[key]:.3f}."
        )
    return found


def _main(figures: Figures) -> Figures:
    """The figures of the model itself, of a chance or of an amount."""
    found: Figures = (figures.get("models") or figures["beside"])[figures["main"]]
    return found


def _groups(
    figures: Figures, spec: ModelSpec
) -> Iterator[tuple[str, str, tuple[float | None, Sequence[float] | None]]]:
    counted = "having" if spec.outcome.is_amount else "observed"
    for division in spec.limits.groups:
        for value, told in figures["groups"].get(division, {}).items():
            if value == "Not known" or told.get("too_few"):
                continue
            if told[counted] >= spec.limits.least_outcomes:
                ratio = told["observed_over_expected"], told["interval"]
                yield division, value, ratio


def _outside(
    value: float | None, interval: Sequence[float] | None, allowed: Limits
) -> bool:
    if value is None:
        return False
    low, high = interval or (value, value)
    return low > allowed[1] or high < allowed[0]
