"""The rules that read codes: registers, latest values and groups, medicines."""

from datetime import date, timedelta

import polars as pl

from linkage.code_rules import (
    CodePoints,
    CodeRule,
    CountCodes,
    DaysSinceCode,
    DistinctCodes,
    HasCode,
    Latest,
    LatestCode,
    LatestDate,
    LatestValue,
    Register,
    Sustained,
    Trend,
    Values,
)
from linkage.steps.derive.known import Hits
from linkage.vocabulary import SYSTEMS

DAYS_PER_YEAR = 365.25


def from_codes(
    name: str, rule: CodeRule, hits: Hits, people: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """One row per person of `people` (`person_no`, `age_years`), in its order."""
    ids = people.select("person_no")
    match rule:
        case Register():
            return _register(name, rule, hits, people)
        case HasCode():
            found = _has_code(rule, hits, as_of).with_columns(pl.lit(True).alias(name))
            return ids.join(
                found, on="person_no", how="left", maintain_order="left"
            ).with_columns(pl.col(name).fill_null(value=False))
        case LatestValue():
            found = _latest_value(name, rule, hits, as_of)
        case Trend():
            found = _trend(name, rule, hits, as_of)
        case LatestCode():
            found = _latest_code(name, rule, hits, as_of)
        case LatestDate():
            found = _latest(hits.on(rule.codes, after=_after(rule, as_of)), name)
        case DaysSinceCode():
            days = (pl.lit(as_of) - pl.col(name)).dt.total_days().cast(pl.Int32)
            found = _latest(hits.on(rule.codes), name).with_columns(days.alias(name))
        case CountCodes():
            return _counted(name, ids, _days(name, rule, hits, as_of))
        case DistinctCodes():
            return _counted(name, ids, _distinct(name, rule, hits, as_of))
        case CodePoints():
            return _counted(name, ids, _points(name, rule, hits, as_of))
    return ids.join(found, on="person_no", how="left", maintain_order="left")


def _counted(name: str, ids: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Everybody in order; whoever has none has 0."""
    return ids.join(
        found, on="person_no", how="left", maintain_order="left"
    ).with_columns(pl.col(name).fill_null(0))


def _after(
    rule: HasCode | LatestValue | Trend | LatestCode | LatestDate | CountCodes,
    as_of: date,
) -> date | None:
    return as_of - timedelta(days=rule.within_days) if rule.within_days else None


def _latest(found: pl.DataFrame, name: str) -> pl.DataFrame:
    return found.group_by("person_no").agg(pl.col("on_date").max().alias(name))


def _later(found: pl.DataFrame, ended: pl.DataFrame) -> pl.DataFrame:
    """Keep what is dated later than the person's `ended_on`, if they have one."""
    if ended.is_empty():
        return found
    return (
        found.join(ended, on="person_no", how="left")
        .filter(pl.col("ended_on").is_null() | (pl.col("on_date") > pl.col("ended_on")))
        .drop("ended_on")
    )


def _register(
    name: str, rule: Register, hits: Hits, people: pl.DataFrame
) -> pl.DataFrame:
    ended = _latest(hits.on(rule.resolved), "ended_on")

    def counting(found: pl.DataFrame) -> pl.DataFrame:
        found = _later(found, ended)
        if rule.not_before is not None:
            found = found.filter(pl.col("on_date") >= rule.not_before)
        return found

    in_hospital = counting(hits.in_hospital((*rule.codes, *rule.hospital)))
    since = [
        counting(hits.recorded(rule.codes))
        .group_by("person_no")
        .agg(since=pl.col("on_date").min()),
        in_hospital.group_by("person_no")
        .agg(since=pl.col("on_date").min(), days=pl.col("on_date").n_unique())
        .filter(pl.col("days") >= rule.hospital_days)
        .drop("days"),
    ]
    if rule.or_sustained is not None:
        values = counting(hits.on(rule.or_sustained.values))
        since.append(_sustained(rule.or_sustained, values))
    if rule.or_latest is not None:
        values = counting(hits.on(rule.or_latest.values))
        since.append(_run_at_least(rule.or_latest, values))
    first = pl.concat(since).group_by("person_no").agg(pl.col("since").min())
    old_enough = pl.col("age_years") >= rule.age_at_least
    # A birth month that is not known keeps nobody off a register.
    may = old_enough.fill_null(value=True)
    return people.join(first, on="person_no", how="left", maintain_order="left").select(
        "person_no",
        (pl.col("since").is_not_null() & may).alias(f"has_{name}"),
        pl.when(may).then("since").alias(f"{name}_since"),
    )


def _daily(found: pl.DataFrame) -> pl.DataFrame:
    """One value per person and day: the mean of that day's."""
    return (
        found.filter(pl.col("value").is_not_null())
        .group_by("person_no", "on_date")
        .agg(pl.col("value").cast(pl.Float64).mean())
    )


def _run(daily: pl.DataFrame, holds: pl.Expr) -> pl.DataFrame:
    """The unbroken run of days that hold, up to the latest: `since`, `until`."""
    broken = _latest(daily.filter(~holds), "ended_on")
    return (
        _later(daily.filter(holds), broken)
        .group_by("person_no")
        .agg(since=pl.col("on_date").min(), until=pl.col("on_date").max())
    )


def _sustained(rule: Sustained, found: pl.DataFrame) -> pl.DataFrame:
    run = _run(_daily(found), pl.col("value") < rule.below)
    lasted = pl.col("until") - pl.col("since") >= timedelta(days=rule.for_days)
    return run.filter(lasted).select("person_no", "since")


def _run_at_least(rule: Latest, found: pl.DataFrame) -> pl.DataFrame:
    plausible = _daily(found.filter(pl.col("value").is_between(rule.low, rule.high)))
    run = _run(plausible, pl.col("value") >= rule.at_least)
    return run.select("person_no", "since")


def _has_code(rule: HasCode, hits: Hits, as_of: date) -> pl.DataFrame:
    ended = _latest(hits.on(rule.ended_by), "ended_on")
    found = _later(hits.on(rule.codes, after=_after(rule, as_of)), ended)
    return found.select("person_no").unique()


def _latest_value(
    name: str, rule: LatestValue, hits: Hits, as_of: date
) -> pl.DataFrame:
    daily = _plausible(rule, hits.on(rule.codes, after=_after(rule, as_of)))
    return (
        daily.sort("on_date")
        .group_by("person_no")
        .agg(
            pl.col("value").last().alias(name),
            pl.col("on_date").last().alias(f"{name}_on"),
        )
    )


def _plausible(rule: Values, found: pl.DataFrame) -> pl.DataFrame:
    """One plausible value in our unit per person and day.

    All are Float32 in Float64, so that a day's sum is the same in any order.
    """
    value = pl.col("value").cast(pl.Float64)
    unit = pl.col("unit").str.strip_chars().str.to_lowercase()
    for other, (times, plus) in rule.convert.items():
        is_other = (unit == other.lower()).fill_null(value=False)
        converted = (pl.col("value") * times + plus).cast(pl.Float32)
        value = pl.when(is_other).then(converted).otherwise(value)
    return _daily(
        found.with_columns(value=value).filter(
            pl.col("value").is_between(rule.low, rule.high)
        )
    )


def _trend(name: str, rule: Trend, hits: Hits, as_of: date) -> pl.DataFrame:
    daily = _plausible(rule, hits.on(rule.codes, after=_after(rule, as_of)))
    # Days are counted from the date: sums of squares of day numbers since 1970
    # would lose the last digits.
    years = (pl.col("on_date") - pl.lit(as_of)).dt.total_days() / DAYS_PER_YEAR
    # In order, so that the last digits are the same whatever was loaded first.
    known = daily.sort("person_no", "on_date").with_columns(years=years)
    x, y = pl.col("years"), pl.col("value")
    return (
        known.group_by("person_no")
        .agg(
            slope=((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum(),
            apart=(pl.col("on_date").max() - pl.col("on_date").min()).dt.total_days(),
        )
        .filter(pl.col("apart") >= rule.over_days)
        .select("person_no", pl.col("slope").alias(name))
    )


def _latest_code(name: str, rule: LatestCode, hits: Hits, as_of: date) -> pl.DataFrame:
    after = _after(rule, as_of)
    groups = [
        hits.on(lists, after=after).select(
            "person_no",
            "on_date",
            pl.lit(place, pl.Int16).alias("place"),
            pl.lit(group).alias("group"),
        )
        for place, (group, lists) in enumerate(rule.groups.items())
    ]
    return (
        pl.concat(groups)
        .sort("on_date", "place")
        .group_by("person_no")
        .agg(
            pl.col("group").last().alias(name),
            pl.col("on_date").last().alias(f"{name}_on"),
        )
    )


def _days(name: str, rule: CountCodes, hits: Hits, as_of: date) -> pl.DataFrame:
    found = hits.on(rule.codes, after=_after(rule, as_of))
    return found.group_by("person_no").agg(
        pl.col("on_date").n_unique().cast(pl.Int32).alias(name)
    )


def _distinct(name: str, rule: DistinctCodes, hits: Hits, as_of: date) -> pl.DataFrame:
    """Codes are cut once each, not once per event."""
    codes = hits.distinct.filter(pl.col("system") == SYSTEMS[rule.system])
    left_out = hits.codes.filter(pl.col("list").is_in(rule.leave_out))
    codes = codes.join(left_out, on="code_no", how="anti")
    if rule.codes:
        among = hits.codes.filter(pl.col("list").is_in(rule.codes))
        codes = codes.join(among, on="code_no", how="semi")
    cut = codes.select(
        "code_no", stem=pl.col("code").str.slice(0, rule.length).rank("dense")
    )
    return (
        hits.known.filter(pl.col("on_date") > as_of - timedelta(days=rule.within_days))
        .join(cut, on="code_no", how="inner")
        .group_by("person_no")
        .agg(pl.col("stem").n_unique().cast(pl.Int32).alias(name))
    )


def _points(name: str, rule: CodePoints, hits: Hits, as_of: date) -> pl.DataFrame:
    """Add up in hundredths: whole numbers are the same in any order."""
    worth = {s: round(100 * p) for p, stems in rule.points.items() for s in stems}
    table = pl.DataFrame(
        {"stem": list(worth), "hundredths": list(worth.values())},
        schema={"stem": pl.String, "hundredths": pl.Int32},
    )
    stem = pl.col("code").str.slice(0, len(next(iter(worth))))
    codes = (
        hits.distinct.filter(pl.col("system") == SYSTEMS[rule.system])
        .join(table, left_on=stem, right_on="stem", how="inner")
        .select("code_no", "hundredths", stem=stem.rank("dense"))
    )
    return (
        hits.known.filter(pl.col("on_date") > as_of - timedelta(days=rule.within_days))
        .join(codes, on="code_no", how="inner")
        .unique(["person_no", "stem"])
        .group_by("person_no")
        .agg((pl.col("hundredths").sum() / 100).alias(name))
    )
