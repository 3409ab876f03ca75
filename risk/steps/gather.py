"""One row per person to learn from: the inputs at an index date, the outcome after."""

from datetime import date

import polars as pl

from risk.specs import ModelSpec
from risk.steps.matrix import sample
from risk.steps.outcome import DIED, HAPPENED, outcome
from risk.steps.predict import of_age


def gather(
    features: pl.DataFrame,
    deaths: pl.DataFrame,
    activity: pl.DataFrame,
    spec: ModelSpec,
    *,
    index_on: date,
    most: int,
) -> pl.DataFrame:
    """Return at most `most` people of the model's ages, as they were at `index_on`.

    `features` is derived as at the index date; `deaths` (`person_no`, `died_on`) and
    `activity` reach past it and give the outcome only. Columns: `person_no`,
    `index_on`, the inputs, what the model is audited by, `outcome` and
    `died_in_horizon`.
    """
    kept = dict.fromkeys([*spec.features, *spec.audit_by])
    people = sample(
        features.filter(of_age(spec.ages)), most, spec.training.seed
    ).select("person_no", pl.lit(index_on).alias("index_on"), *kept)
    followed = outcome(
        people.select("person_no").join(
            deaths, on="person_no", how="left", maintain_order="left"
        ),
        activity,
        spec.outcome,
        index_on,
    )
    return people.with_columns(followed[HAPPENED], followed[DIED])
