"""The rules that read activity: counts, nights, costs, days since, what is open."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from linkage.feature_specs import (
    CountActivity,
    DaysSinceActivity,
    OpenActivity,
    Use,
)
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES

ActivityRule = CountActivity | DaysSinceActivity | OpenActivity


def from_activity(
    rules: Mapping[str, ActivityRule],
    known: pl.DataFrame,
    people: pl.DataFrame,
    as_of: date,
) -> pl.DataFrame:
    """Every activity feature in one pass: one row per person of `people`, in order.

    Nobody seen is 0, False, or (days since) not known.
    """
    found = known.group_by("person_no").agg(
        _expression(rule, as_of).alias(name) for name, rule in rules.items()
    )
    joined = people.select("person_no").join(
        found, on="person_no", how="left", maintain_order="left"
    )
    return joined.with_columns(
        pl.col(name).fill_null(False if isinstance(rule, OpenActivity) else 0)
        for name, rule in rules.items()
        if not isinstance(rule, DaysSinceActivity)
    )


def _matches(use: Use) -> pl.Expr:
    """Whether an activity is of this use; a word that is absent matches nothing."""
    chosen = pl.col("setting").is_in([SETTINGS[word] for word in use.settings])
    if use.kinds:
        chosen &= pl.col("kind").is_in([ACTIVITY_KINDS[word] for word in use.kinds])
    if use.urgencies:
        chosen &= pl.col("urgency").is_in([URGENCIES[word] for word in use.urgencies])
    for column, words in (
        ("outcome", use.outcomes),
        ("specialty", use.specialties),
        ("reason_code", use.reasons),
    ):
        if words:
            chosen &= pl.col(column).is_in(words)
    if use.not_outcomes:
        chosen &= ~pl.col("outcome").is_in(use.not_outcomes).fill_null(value=False)
    return chosen.fill_null(value=False)


def _expression(rule: ActivityRule, as_of: date) -> pl.Expr:
    matches = _matches(rule.use)
    if isinstance(rule, OpenActivity):
        return (matches & pl.col("end_on").is_null()).any()
    if isinstance(rule, DaysSinceActivity):
        latest = pl.col("start_on").filter(matches).max()
        return (pl.lit(as_of) - latest).dt.total_days().cast(pl.Int32)
    first = as_of - timedelta(days=rule.to_days)
    last = as_of - timedelta(days=rule.from_days)
    if rule.take == "bed_days":
        begin = pl.max_horizontal("start_on", pl.lit(first))
        end = pl.min_horizontal(pl.col("end_on").fill_null(as_of), pl.lit(last))
        nights = (end - begin).dt.total_days().clip(lower_bound=0)
        return nights.filter(matches).sum().cast(pl.Int32)
    if rule.take == "cost":
        share = _days_inside(as_of, first, last)
        cost = pl.col("cost_gbp").cast(pl.Float64) * share
        return cost.filter(matches & (share > 0)).sum()
    began = matches & (pl.col("start_on") > first) & (pl.col("start_on") <= last)
    return began.sum().cast(pl.Int32)


def _days_inside(as_of: date, first: date, last: date) -> pl.Expr:
    """The share of an activity's days that lie after `first`, up to `last`.

    Both its first and its last day count, so that a visit of one day has one.
    """
    start = pl.col("start_on")
    end = pl.max_horizontal(pl.col("end_on").fill_null(as_of), start)
    begin = pl.max_horizontal(start, pl.lit(first + timedelta(days=1)))
    until = pl.min_horizontal(end, pl.lit(last))
    inside = (until - begin).dt.total_days() + 1
    return inside.clip(lower_bound=0) / ((end - start).dt.total_days() + 1)
