"""The rules that read activity: counts, nights, costs, days since, who was seen."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from linkage.feature_specs import (
    ActivityRule,
    Continuity,
    CountActivity,
    DaysSinceActivity,
    DistinctActivity,
    OpenActivity,
    Returns,
    Use,
)
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES


def from_activity(
    rules: Mapping[str, ActivityRule],
    known: pl.DataFrame,
    people: pl.DataFrame,
    as_of: date,
) -> pl.DataFrame:
    """Every activity feature: one row per person of `people`, in order.

    Nobody seen is 0, False, or (days since, continuity) not known.
    """
    by_use: dict[Use, dict[str, ActivityRule]] = {}
    for name, rule in rules.items():
        by_use.setdefault(rule.use, {})[name] = rule
    joined = people.select("person_no")
    # Each use is found once, however many windows are asked of it: what is left is
    # small beside all activity.
    for use, wanted in by_use.items():
        used = known.filter(_matches(use))
        found = used.group_by("person_no").agg(
            _expression(rule, as_of).alias(name)
            for name, rule in wanted.items()
            if not isinstance(rule, Continuity | Returns)
        )
        joined = joined.join(found, on="person_no", how="left", maintain_order="left")
        for name, rule in wanted.items():
            if isinstance(rule, Continuity):
                more = _continuity(name, rule, used, as_of)
            elif isinstance(rule, Returns):
                more = _returns(name, rule, used, as_of)
            else:
                continue
            joined = joined.join(
                more, on="person_no", how="left", maintain_order="left"
            )
    return joined.with_columns(
        pl.col(name).fill_null(False if isinstance(rule, OpenActivity) else 0)
        for name, rule in rules.items()
        if not isinstance(rule, DaysSinceActivity | Continuity)
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
    if use.reason_starts:
        starts = [pl.col("reason_code").str.starts_with(s) for s in use.reason_starts]
        chosen &= pl.any_horizontal(starts)
    if use.not_outcomes:
        chosen &= ~pl.col("outcome").is_in(use.not_outcomes).fill_null(value=False)
    if use.nights_at_most is not None:
        # One that lasts has not yet shown how short it is.
        nights = (pl.col("end_on") - pl.col("start_on")).dt.total_days()
        chosen &= nights <= use.nights_at_most
    return chosen.fill_null(value=False)


def _began(from_days: int, to_days: int, as_of: date) -> pl.Expr:
    """Whether an activity began in a span of days before the date."""
    first = as_of - timedelta(days=to_days)
    last = as_of - timedelta(days=from_days)
    return (pl.col("start_on") > first) & (pl.col("start_on") <= last)


def _expression(rule: ActivityRule, as_of: date) -> pl.Expr:
    if isinstance(rule, OpenActivity):
        return pl.col("end_on").is_null().any()
    if isinstance(rule, DaysSinceActivity):
        days = pl.lit(as_of) - pl.col("start_on").max()
        return days.dt.total_days().cast(pl.Int32)
    if isinstance(rule, DistinctActivity):
        seen = pl.col(rule.of).filter(_began(0, rule.to_days, as_of))
        return seen.drop_nulls().n_unique().cast(pl.Int32)
    assert isinstance(rule, CountActivity)
    first = as_of - timedelta(days=rule.to_days)
    last = as_of - timedelta(days=rule.from_days)
    if rule.take == "bed_days":
        begin = pl.max_horizontal("start_on", pl.lit(first))
        end = pl.min_horizontal(pl.col("end_on").fill_null(as_of), pl.lit(last))
        nights = (end - begin).dt.total_days().clip(lower_bound=0)
        return nights.sum().cast(pl.Int32)
    if rule.take == "cost":
        cost = pl.col("cost_gbp").cast(pl.Float64) * _days_inside(as_of, first, last)
        # Sorted, so that the last digits do not depend on what was loaded first.
        return cost.sort().sum()
    return _began(rule.from_days, rule.to_days, as_of).sum().cast(pl.Int32)


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


def _continuity(
    name: str, rule: Continuity, used: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    times = (
        used.filter(_began(0, rule.to_days, as_of) & pl.col(rule.of).is_not_null())
        .group_by("person_no", rule.of)
        .len("times")
        .group_by("person_no")
        .agg(pl.col("times").max().alias("most"), pl.col("times").sum().alias("all"))
    )
    return times.filter(pl.col("all") >= rule.at_least).select(
        "person_no", (100.0 * pl.col("most") / pl.col("all")).alias(name)
    )


def _returns(name: str, rule: Returns, used: pl.DataFrame, as_of: date) -> pl.DataFrame:
    ordered = used.sort("person_no", "start_on", "end_on", nulls_last=True)
    # One that lasts was not left, so nobody came back from it.
    before = pl.col("end_on").cum_max().shift(1).over("person_no")
    apart = (pl.col("start_on") - before).dt.total_days()
    back = (apart <= rule.again_within_days) & _began(0, rule.to_days, as_of)
    return (
        ordered.with_columns(back=back.fill_null(value=False))
        .group_by("person_no")
        .agg(pl.col("back").sum().cast(pl.Int32).alias(name))
    )
