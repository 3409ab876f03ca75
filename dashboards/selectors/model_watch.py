"""What is watched of a model, check by check; and versions that wait for a yes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dashboards import wording
from dashboards.charts.table import Table
from dashboards.selectors.model_tables import (
    GROUP_TITLES,
    between,
    group_label,
    pounds,
    table_of,
)
from governance.access import Viewer
from risk import approvals
from risk import selectors as risk
from risk.selectors import ModelCard
from risk.steps.monitor import Check, checks

# Releases whose figures stand in the trend, the newest last.
MOST_RELEASES = 6
# What releases that were held against a model earlier did not look at yet.
NOT_LOOKED_AT: dict[str, dict[str, float]] = {
    "known_fell": {},
    "having_fell": {},
    "input_stability": {},
}
DAY = re.compile(r"on \d+ \w+ \d+")
# A figure that moved by less than this part of its limit has not moved.
STEADY = 0.1
ALWAYS_SHOWN = 12


def watched(card: ModelCard) -> Table:
    """Return every check of the version in use: limit, last value and trend.

    What is beyond its limit comes first, then what has gone furthest towards it; of
    the inputs that lie well within, the number alone is told.
    """
    rows = [
        (watch.release_id, checks(NOT_LOOKED_AT | watch.figures, card.spec))
        for watch in reversed(risk.watches(card.name, MOST_RELEASES))
        if watch.model_version == card.version
    ]
    past: dict[tuple[str, str], list[float]] = {}
    for _, found in rows:
        for check in found:
            past.setdefault(_key(check), []).append(check.value)
    newest = sorted(rows[-1][1], key=_nearness, reverse=True) if rows else []
    shown = [c for n, c in enumerate(newest) if n < ALWAYS_SHOWN or c.beyond]
    columns = [
        ("What is watched", False),
        ("Of", False),
        ("Limit", True),
        ("Last value", True),
        ("Now", False),
        ("Trend, the newest last", False),
    ]
    table = table_of(
        f"Each check beside its limit, at release {rows[-1][0]}"
        if rows
        else "Each check beside its limit",
        columns,
        [
            (
                check.what,
                _of(check),
                limit_words(check),
                f"{check.value:.2f}",
                state(check),
                trend(past[_key(check)]),
            )
            for check in shown
        ],
    )
    rest = len(newest) - len(shown)
    notes = []
    if not rows:
        notes.append("No release has been held against this version yet.")
    if rest:
        notes.append(f"{rest} more checks lie well within their limits.")
    return Table(table.caption, table.columns, table.rows, tuple(notes))


def limit_words(check: Check) -> str:
    """Return a check's limits in words."""
    if check.low is None:
        return f"up to {check.high:g}"
    if check.high is None:
        return f"from {check.low:g}"
    return f"{check.low:g} to {check.high:g}"


def trend(values: list[float]) -> str:
    """Say whether a figure rises, falls or is steady, with what it was."""
    if len(values) < 2:
        return "one release so far"
    moved = values[-1] - values[0]
    scale = max(abs(values[0]), abs(values[-1]), 1e-9)
    word = "steady"
    if abs(moved) > max(STEADY * scale, 0.005):
        word = "rising" if moved > 0 else "falling"
    return f"{word}: {', '.join(f'{value:.2f}' for value in values)}"


def _key(check: Check) -> tuple[str, str]:
    """What stays the same from release to release, whose days move on."""
    return check.what, DAY.sub("", check.of)


def _of(check: Check) -> str:
    """Return of whom or of which input a check is, in words."""
    division, _, rest = check.of.partition(" ")
    if division not in GROUP_TITLES:
        return check.of or "everybody"
    value, _, since = rest.partition(", ")
    return f"{GROUP_TITLES[division]}: {group_label(division, value, {})}, {since}"


def state(check: Check) -> str:
    """Say where a check's value lies, and what that leads to."""
    if check.beyond:
        return "beyond: lists stop" if check.stops else "beyond: a warning"
    if check.interval and replace(check, interval=None).beyond:
        words = between(check.interval, "{:.2f}".format)
        return f"no more than chance allows (95% interval {words})"
    return "within"


def _nearness(check: Check) -> float:
    """How far a value has gone from 1 or 0 towards its limit; more than 1 is beyond."""
    if check.low is not None and check.high is not None:
        room = check.high - 1 if check.value > 1 else 1 - check.low
        return abs(check.value - 1) / max(room, 1e-9)
    bound = check.high if check.high is not None else check.low
    return abs(check.value) / max(abs(bound or 0.0), 1e-9)


@dataclass(frozen=True)
class Proposed:
    """A version that waits: why, who has said yes, and a new level beside the old.

    `awaits_viewer`: more must say yes, and whoever looks has not. `no_nearer`: a new
    level whose figures lie no nearer to 1 than those of the version in use.
    """

    version: int
    on: str
    because: str
    approved_by: list[str]
    missing: int
    awaits_viewer: bool
    compared: Table | None
    no_nearer: bool


def proposed(name: str, viewer: Viewer) -> list[Proposed]:
    """Return the versions of a model that wait for approval, the newest first."""
    return [
        Proposed(
            each.version,
            wording.moment(each.trained_at),
            each.because,
            [approval.full_name for approval in each.approvals],
            each.missing,
            each.missing > 0
            and viewer.user_id not in {given.user_id for given in each.approvals},
            _compared(each) if each.before and each.after else None,
            bool(each.before and each.after) and _no_nearer(each),
        )
        for each in approvals.waiting(name)
    ]


Form = Callable[[float], str]
FIGURES: tuple[tuple[str, str, str, Form], ...] = (
    (
        "Observed / expected",
        "observed_over_expected",
        "interval",
        lambda x: f"{x:.3f}",
    ),
    ("Slope", "calibration_slope", "slope_interval", lambda x: f"{x:.2f}"),
    (
        "Intercept",
        "calibration_intercept",
        "intercept_interval",
        lambda x: f"{x:+.3f}",
    ),
    ("Brier", "brier", "brier_interval", lambda x: f"{x:.4f}"),
    ("Mean error per person", "mean_absolute_error_gbp", "", pounds),
)


def _no_nearer(each: approvals.Waiting) -> bool:
    """Whether neither observed / expected nor slope has come nearer to 1."""
    told = [
        (each.before[key], each.after[key])
        for key in ("observed_over_expected", "calibration_slope")
        if each.before.get(key) is not None and each.after.get(key) is not None
    ]
    return all(abs(after - 1) >= abs(before - 1) for before, after in told)


def _compared(each: approvals.Waiting) -> Table:
    rows = [
        (title, *_told(each.before, key, bounds, form))
        + _told(each.after, key, bounds, form)
        for title, key, bounds, form in FIGURES
        if each.before.get(key) is not None
    ]
    columns = [
        ("Figure", False),
        ("The version in use", True),
        ("95% interval", True),
        (f"Version {each.version}", True),
        ("95% interval of that", True),
    ]
    return table_of(
        "The level before and after, on people whom neither was fitted on",
        columns,
        rows,
    )


def _told(found: dict[str, Any], key: str, bounds: str, form: Form) -> tuple[str, str]:
    value = found.get(key)
    words = "" if value is None else form(value)
    return words, between(found.get(bounds), form)
