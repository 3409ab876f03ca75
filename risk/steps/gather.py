"""People as they were at an index date: the inputs then, each model's outcome after."""

from collections.abc import Mapping
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
from risk.steps.untouched import TAKEN_ON_DAYS, TREATED

TREATMENTS = {"person_no": pl.Int32, "from_on": pl.Date}
MARKS = (HAPPENED, DIED, AMOUNT, HAPPENED_DAYS, DIED_DAYS, TREATED, TAKEN_ON_DAYS)
# So long before the index date a programme may have begun and still be under way.
PROGRAMME_DAYS = 365


def gather(
    features: pl.DataFrame,
    deaths: pl.DataFrame,
    activity: pl.DataFrame,
    models: Mapping[str, ModelSpec],
    *,
    index_on: date,
    shards: int = 1,
    later: Mapping[str, pl.DataFrame] | None = None,
    treatments: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the people of any of some models' populations, as at `index_on`.

    `features` is derived as at the index date, for one of `shards` shards, of which
    each gives its part of the people that a model takes at most; `deaths` (`person_no`,
    `died_on`), `activity` and `later` (by model, features as at the horizon's end)
    reach past it and give the outcome only; so do `treatments` (`person_no`,
    `from_on`: taken on by a programme), which only mark (`mark_treated`): nobody is
    left out for what came after the index date. Columns: `person_no`,
    `index_on`, the inputs of all, what they are audited by, and for each model what
    `rows_of` reads, null for people whom it does not take.
    """
    wanted = dict.fromkeys(
        f for spec in models.values() for f in (*spec.features, *spec.audit_by)
    )
    made = features.select("person_no", pl.lit(index_on).alias("index_on"), *wanted)
    for name, spec in models.items():
        asked = {"person_no", *spec.asked}
        whole = features.lazy().filter(eligible(spec)).select(sorted(asked)).collect()
        people = sample(whole, spec.training.most_people // shards, spec.training.seed)
        followed = outcome(
            people.join(deaths, on="person_no", how="left", maintain_order="left"),
            activity,
            spec.outcome,
            index_on,
            (later or {}).get(name),
        )
        followed = mark_treated(followed, spec, index_on, treatments)
        marks = followed.select(
            "person_no", *(pl.col(mark).alias(f"{name} {mark}") for mark in MARKS)
        )
        made = made.join(marks, on="person_no", how="left", maintain_order="left")
    taken = [pl.col(f"{name} {HAPPENED}").is_not_null() for name in models]
    return made.filter(pl.any_horizontal(taken))


def columns_of(name: str, spec: ModelSpec) -> list[str]:
    """Return the columns of `gather` that one model's rows are made of."""
    kept = dict.fromkeys((*spec.features, *spec.audit_by))
    return ["index_on", *kept, *(f"{name} {mark}" for mark in MARKS)]


def rows_of(gathered: pl.DataFrame, name: str, spec: ModelSpec) -> pl.DataFrame:
    """Return one model's rows of what was gathered for several.

    Columns: `person_no`, `index_on`, the inputs, what the model is audited by,
    what `mark_treated` and `outcome` add.
    """
    return (
        gathered.select("person_no", *columns_of(name, spec))
        .rename({f"{name} {mark}": mark for mark in MARKS})
        .filter(pl.col(HAPPENED).is_not_null())
    )


def mark_treated(
    people: pl.DataFrame,
    spec: ModelSpec,
    index_on: date,
    treatments: pl.DataFrame | None,
) -> pl.DataFrame:
    """Return `people` (with what `outcome` adds) marked as under an intervention.

    `treated`: under one on the index date, by the plan that the definition names or by
    a programme that took the person on in the year up to it. `taken_on_days`: days
    after the index date on which a programme first took the person on within the
    horizon, before the outcome and before death; null otherwise. Who was taken on only
    once the outcome had happened is as good as untouched: the outcome is what no
    programme had prevented.
    """
    until = index_on + timedelta(days=spec.outcome.horizon_days)
    began = treatments if treatments is not None else pl.DataFrame(schema=TREATMENTS)
    under_way = began.filter(
        pl.col("from_on").is_between(
            index_on - timedelta(days=PROGRAMME_DAYS), index_on, closed="right"
        )
    )["person_no"].unique()
    marked = pl.col("person_no").is_in(under_way.implode())
    if spec.treated is not None:
        since = index_on - timedelta(days=spec.treated.within_days)
        planned = pl.col(spec.treated.feature) > since
        marked = marked | planned.fill_null(value=False)
    after = (
        began.filter(pl.col("from_on").is_between(index_on, until, closed="right"))
        .group_by("person_no")
        .agg(taken=(pl.col("from_on").min() - index_on).dt.total_days().cast(pl.Int32))
    )
    # Costs go on after the first pound; any other outcome is over once it happened.
    first = [DIED_DAYS] if spec.outcome.is_amount else [HAPPENED_DAYS, DIED_DAYS]
    over = pl.min_horizontal(first)
    open_still = over.is_null() | (pl.col("taken") < over)
    return (
        people.join(after, on="person_no", how="left", maintain_order="left")
        .with_columns(
            marked.alias(TREATED),
            pl.when(open_still & ~marked).then("taken").alias(TAKEN_ON_DAYS),
        )
        .drop("taken")
    )
