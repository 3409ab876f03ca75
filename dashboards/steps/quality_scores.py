"""Counts of quality to scores: how complete, valid, linked and mature a part is."""

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from linkage.specs import Cadence, FeedSpec
from linkage.steps.maturity import Item, maturity
from linkage.steps.quality import ROW, judged

CORE = ("nhs_number", "born_on", "sex", "postcode", "ethnicity")
# Days after which the next delivery is due.
INTERVAL_DAYS: dict[Cadence, int] = {
    "daily": 1,
    "weekly": 7,
    "monthly": 31,
    "quarterly": 92,
    "yearly": 366,
}
PERIODS = {"daily": "1d", "weekly": "1w", "monthly": "1mo", "quarterly": "1q"}
PERIODS |= {"yearly": "1y"}


def core_fields(spec: FeedSpec) -> list[str]:
    """The fields that must be there, and those that say who somebody is."""
    return [
        name for name in judged(spec) if spec.columns[name].required or name in CORE
    ]


def quality_scores(
    counts: pl.DataFrame,
    by: Collection[str],
    core: Collection[str],
    covered: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row per value of `by`: rows and the shares, from 0 to 1.

    counts: `by`, field, rows, filled, valid, defaults. core: the fields that count for
    completeness. covered: `by`, coverage; with it `dqmi` (0 to 100) is worked out. A
    share of nothing is null: what does not apply never counts as passed.
    """
    keys = list(by)
    rows = (
        counts.filter(pl.col("field") == ROW)
        .group_by(keys)
        .agg(
            pl.col("rows").sum(),
            in_order=pl.col("valid").sum() / pl.col("rows").sum(),
            linked=pl.col("filled").sum() / pl.col("valid").sum(),
        )
    )
    fields = counts.filter(pl.col("field") != ROW)
    shares = fields.group_by(keys).agg(
        valid=pl.col("valid").sum() / pl.col("filled").sum(),
    )
    needed = fields.filter(pl.col("field").is_in(list(core)))
    complete = needed.group_by(keys).agg(
        complete=(pl.col("valid") - pl.col("defaults")).sum() / pl.col("rows").sum(),
    )
    found = rows.join(shares, on=keys, how="left").join(complete, on=keys, how="left")
    if covered is not None:
        found = found.join(covered, on=keys, how="left")
        found = found.join(_maturity(needed, keys, covered), on=keys, how="left")
    return found.with_columns(
        pl.when(pl.col(name).is_not_nan()).then(pl.col(name))
        for name in ("in_order", "linked", "valid", "complete")
    ).sort(keys)


def _maturity(
    needed: pl.DataFrame, keys: list[str], covered: pl.DataFrame
) -> pl.DataFrame:
    """The Data Quality Maturity Index; no default value is accepted."""
    summed = needed.group_by([*keys, "field"]).agg(
        pl.col("rows", "valid", "defaults").sum()
    )
    known = summed.join(covered, on=keys)
    parts = known.partition_by(keys, as_dict=True)
    return pl.DataFrame(
        [
            (
                *key,
                maturity(
                    Item(
                        records=row["rows"],
                        valid=row["valid"],
                        coverage=row["coverage"] or 0.0,
                        defaults=row["defaults"],
                        accepted=0.0,
                    )
                    for row in part.iter_rows(named=True)
                ),
            )
            for key, part in parts.items()
        ],
        schema={**{key: needed.schema[key] for key in keys}, "dqmi": pl.Float64},
        orient="row",
    )


def coverage(periods: pl.DataFrame, expected: Collection[str]) -> pl.DataFrame:
    """provider, came, due, coverage: in how many periods each one submitted.

    periods: provider, period, of those that came. A provider of `expected` that never
    came is covered in none.
    """
    due = periods["period"].n_unique()
    came = (
        periods.unique(["provider", "period"])
        .group_by("provider")
        .agg(came=pl.len().cast(pl.Int64))
    )
    everyone = pl.DataFrame(
        {"provider": sorted({*expected, *periods["provider"]})},
        schema={"provider": pl.String},
    )
    return everyone.join(came, on="provider", how="left").select(
        "provider",
        pl.col("came").fill_null(0),
        due=pl.lit(due, dtype=pl.Int64),
        coverage=pl.col("came").fill_null(0) / due if due else pl.lit(None),
    )


def overdue_days(cadence: Cadence, last_on: date | None, on: date) -> int | None:
    """How many days late a feed is on a date; None where no delivery is due."""
    interval = INTERVAL_DAYS.get(cadence)
    if interval is None or last_on is None:
        return None
    return max(0, (on - (last_on + timedelta(days=interval))).days)
