"""What a council's services cost, from the plan that client level data states."""

from datetime import date

import polars as pl

# CLD release 2, Cost_Frequency_Unit_Type; per-session is by the planned session.
BY_PLANNED_UNIT = ("Hourly", "Per session")
ONCE = "One-off"


def prepare(rows: pl.DataFrame, period_on: date) -> pl.DataFrame:
    """Add cost_gbp of each service, over the weeks until it ended or `period_on`."""
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
        cost_gbp=pl.when(once).then(pl.col("unit_cost_gbp")).otherwise(running)
    )
