"""Whether the foretold thing happened within the horizon after an index date."""

from datetime import date, timedelta

import polars as pl

from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES
from risk.specs import OutcomeSpec

HAPPENED = "outcome"
DIED = "died_in_horizon"
AMOUNT = "amount_gbp"
HAPPENED_DAYS = "outcome_days"
DIED_DAYS = "died_days"


def outcome(
    people: pl.DataFrame,
    activity: pl.DataFrame,
    spec: OutcomeSpec,
    index_on: date,
    later: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return `people` with `outcome`, `died_in_horizon`, and when, in days after.

    `people` has `person_no` and `died_on`; `activity` the columns of the store;
    `later`, for an onset, the features as at the end of the horizon. The horizon
    begins the day after `index_on`. Whoever dies, or moves away, without the outcome
    counts as without it and stays in: the figure is then the chance of the outcome
    within the horizon as it happens, with death competing, and nobody is left out by
    something that was not known at the index date. What is dated after a death is no
    outcome of that person. A cost reaches `gbp` on the day of the use that makes it
    so much. Amounts are in `amount_gbp`, 0 unless the outcome is one of cost.
    ValueError for an onset without `later`.
    """
    until = index_on + timedelta(days=spec.horizon_days)
    inside = activity.filter(
        (pl.col("start_on") > index_on) & (pl.col("start_on") <= until)
    )
    amounts = pl.DataFrame(schema={"person_no": pl.Int32, AMOUNT: pl.Float64})
    if spec.of == "onset":
        if later is None:
            raise ValueError("an onset is read off the features of a later date")
        first = _onset(later, spec.joins or "", index_on, until)
    elif spec.of == "activity":
        first = _first_use(inside, spec)
    else:
        first = _day_spent(inside, spec.gbp or 0.01)
        if spec.is_amount:
            amounts = _spent(inside)
    died = pl.col("died_on").is_between(index_on, until, closed="right")
    # A code or a bill that comes late does not make somebody ill after death.
    after_death = (pl.col("died_on") < pl.col("on")).fill_null(value=False)
    lived = ~after_death | spec.is_amount
    return (
        people.join(first, on="person_no", how="left", maintain_order="left")
        .join(amounts, on="person_no", how="left", maintain_order="left")
        .with_columns(pl.when(lived).then("on").alias("on"))
        .with_columns(
            pl.col("on").is_not_null().alias(HAPPENED),
            died.fill_null(value=False).alias(DIED),
            pl.col(AMOUNT).fill_null(0.0),
            _days(pl.col("on"), index_on).alias(HAPPENED_DAYS),
            pl.when(died).then(_days(pl.col("died_on"), index_on)).alias(DIED_DAYS),
        )
        .drop("on")
    )


def _days(column: pl.Expr, index_on: date) -> pl.Expr:
    return (column - pl.lit(index_on)).dt.total_days().cast(pl.Int32)


def _first_use(inside: pl.DataFrame, spec: OutcomeSpec) -> pl.DataFrame:
    return (
        inside.filter(
            (pl.col("setting") == SETTINGS[spec.setting or ""])
            & (pl.col("kind") == ACTIVITY_KINDS[spec.kind or ""])
            & (pl.col("urgency") == URGENCIES[spec.urgency or ""])
        )
        .group_by("person_no")
        .agg(on=pl.col("start_on").min())
    )


def register_of(condition: str) -> tuple[str, str]:
    """The features that say who is on a condition's register, and since when."""
    return f"has_{condition}", f"{condition}_since"


def _onset(
    later: pl.DataFrame, register: str, index_on: date, until: date
) -> pl.DataFrame:
    has, since = (pl.col(name) for name in register_of(register))
    return later.filter(has & (since > index_on) & (since <= until)).select(
        "person_no", on=since
    )


def _day_spent(inside: pl.DataFrame, gbp: float) -> pl.DataFrame:
    """The day on which each person's use has cost so much, of those who reach it."""
    so_far = pl.col("cost_gbp").cast(pl.Float64).cum_sum().over("person_no")
    return (
        inside.select("person_no", "start_on", "cost_gbp")
        .sort("person_no", "start_on")
        # Sums of pence in binary fall short of the pound that they make.
        .filter(so_far.round(2) >= gbp)
        .group_by("person_no")
        .agg(on=pl.col("start_on").min())
    )


def _spent(inside: pl.DataFrame) -> pl.DataFrame:
    return inside.group_by("person_no").agg(
        pl.col("cost_gbp").cast(pl.Float64).sum().alias(AMOUNT)
    )
