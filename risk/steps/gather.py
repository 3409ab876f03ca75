"""One row per person to learn from: the inputs at an index date, the outcome after."""

from datetime import date, timedelta

import polars as pl

from risk.specs import ModelSpec
from risk.steps.matrix import sample
from risk.steps.outcome import (
    AMOUNT,
    DIED,
    DIED_DAYS,
    HAPPENED,
    HAPPENED_DAYS,
    outcome,
)
from risk.steps.predict import eligible
from risk.steps.train import TREATED

TREATMENTS = {"person_no": pl.Int32, "from_on": pl.Date}


def gather(
    features: pl.DataFrame,
    deaths: pl.DataFrame,
    activity: pl.DataFrame,
    spec: ModelSpec,
    *,
    index_on: date,
    most: int,
    later: pl.DataFrame | None = None,
    treatments: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return at most `most` people of the model's population, as at `index_on`.

    `features` is derived as at the index date; `deaths` (`person_no`, `died_on`),
    `activity` and `later` (features as at the horizon's end) reach past it and give
    the outcome only; so do `treatments` (`person_no`, `from_on`: taken on by a
    programme), which only mark. Columns: `person_no`, `index_on`, the inputs, what the
    model is audited by, `treated` and what `outcome` adds.
    """
    kept = dict.fromkeys([*spec.features, *spec.audit_by])
    people = sample(features.filter(eligible(spec)), most, spec.training.seed).select(
        "person_no", pl.lit(index_on).alias("index_on"), *kept
    )
    followed = outcome(
        people.select("person_no").join(
            deaths, on="person_no", how="left", maintain_order="left"
        ),
        activity,
        spec.outcome,
        index_on,
        later,
    )
    made = (HAPPENED, DIED, AMOUNT, HAPPENED_DAYS, DIED_DAYS)
    return people.with_columns(
        *(followed[name] for name in made),
        _treated(people, spec, index_on, treatments).alias(TREATED),
    )


def _treated(
    people: pl.DataFrame,
    spec: ModelSpec,
    index_on: date,
    treatments: pl.DataFrame | None,
) -> pl.Series:
    """Whether each person is, or comes, under an intervention in the horizon."""
    until = index_on + timedelta(days=spec.outcome.horizon_days)
    began = treatments if treatments is not None else pl.DataFrame(schema=TREATMENTS)
    taken_on = began.filter(
        (pl.col("from_on") > index_on - timedelta(days=365))
        & (pl.col("from_on") <= until)
    )["person_no"].unique()
    marked = pl.col("person_no").is_in(taken_on.implode())
    if spec.treated is not None:
        since = index_on - timedelta(days=spec.treated.within_days)
        planned = pl.col(spec.treated.feature) > since
        marked = marked | planned.fill_null(value=False)
    return people.select(marked).to_series()
