"""What a council's services cost, and where its clients live and work, from what client
level data states."""

from datetime import date

import polars as pl

# CLD release 2, Cost_Frequency_Unit_Type; per-session is by the planned session.
BY_PLANNED_UNIT = ("Hourly", "Per session")
ONCE = "One-off"
# Accommodation_Status and Employment_Status (both releases, without regard to case) as
# the codes that the housing register and employment support use too.
HOUSED = {
    "rough sleeper / squatting": "rough_sleeping",
    "night shelter / emergency hostel / direct access hostel": (
        "temporary_accommodation"
    ),
    "refuge": "temporary_accommodation",
    "other temporary accommodation": "temporary_accommodation",
    "staying with family / friends as a short-term guest": "temporary_accommodation",
    "tenant": "social_tenant",
}
EMPLOYED = {
    "paid: less than 16 hours a week": "in_paid_work",
    "paid: 16 or more hours a week": "in_paid_work",
    "paid: hours per week unknown": "in_paid_work",
    "not in paid employment (voluntary work only)": "volunteering",
    "not in paid employment (seeking work)": "seeking_work",
    "not in paid employment (not actively seeking work / retired)": "not_seeking_work",
}


def prepare(rows: pl.DataFrame, period_on: date) -> pl.DataFrame:
    """Add cost_gbp of each service, over the weeks until it ended or `period_on`, with
    that day as priced_on, and housed_as and employed_as, the codes of what is said of
    home and work."""
    until = pl.min_horizontal(pl.col("ended_on").fill_null(period_on), period_on)
    weeks = (until - pl.col("started_on")).dt.total_days().clip(1) / 7
    units = (
        pl.when(pl.col("cost_unit").is_in(BY_PLANNED_UNIT))
        .then(pl.col("units_per_week"))
        .otherwise(1)
    )
    running = pl.col("unit_cost_gbp") * units * weeks
    once = pl.col("cost_unit") == ONCE
    return rows.with_columns(
        cost_gbp=pl.when(once).then(pl.col("unit_cost_gbp")).otherwise(running),
        priced_on=until,
        housed_as=_code("accommodation", HOUSED),
        employed_as=_code("employment", EMPLOYED),
    )


def _code(column: str, codes: dict[str, str]) -> pl.Expr:
    said = pl.col(column).str.to_lowercase()
    return said.replace_strict(codes, default=None, return_dtype=pl.String)
