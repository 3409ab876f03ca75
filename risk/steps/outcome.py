"""Whether the foretold thing happened within the horizon after an index date."""

from datetime import date, timedelta

import polars as pl

from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES
from risk.specs import OutcomeSpec

HAPPENED = "outcome"
DIED = "died_in_horizon"


def outcome(
    people: pl.DataFrame, activity: pl.DataFrame, spec: OutcomeSpec, index_on: date
) -> pl.DataFrame:
    """Return `people` with `outcome` and `died_in_horizon`, both Boolean.

    `people` has `person_no` and `died_on`; `activity` the columns of the store. The
    horizon begins the day after `index_on`. Whoever dies, or moves away, without the
    outcome counts as without it and stays in: the figure is then the chance of an
    admission within the horizon as it happens, with death competing, and nobody is
    left out by something that was not known at the index date.
    """
    until = index_on + timedelta(days=spec.horizon_days)
    happened = activity.filter(
        (pl.col("setting") == SETTINGS[spec.setting])
        & (pl.col("kind") == ACTIVITY_KINDS[spec.kind])
        & (pl.col("urgency") == URGENCIES[spec.urgency])
        & (pl.col("start_on") > index_on)
        & (pl.col("start_on") <= until)
    )
    who = happened["person_no"].unique().implode()
    died = pl.col("died_on").is_between(index_on, until, closed="right")
    return people.with_columns(
        pl.col("person_no").is_in(who).alias(HAPPENED),
        died.fill_null(value=False).alias(DIED),
    )
