"""Reckon published scores for a shard: the value, its band, and what added to it.

A score is absent where nobody could have recorded it, and outside the ages it was
made for. Absent is null and never zero.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from linkage.steps.holds import holds
from risk.specs import Ages, BandSpec, CodedMethod, DeficitMethod, ScoreSpec
from risk.steps.code_masks import (
    PointsTable,
    Words,
    code_masks,
    group_names,
    supersede,
    total_tenths,
)

TERMS = "terms"


def score(
    features: pl.DataFrame,
    diagnoses: pl.DataFrame,
    admissions: pl.DataFrame,
    *,
    specs: Mapping[str, ScoreSpec],
    tables: Mapping[str, PointsTable],
    feeds: Mapping[str, int],
    as_of: date,
) -> pl.DataFrame:
    """Return one row per person of `features` with every score's columns.

    `features` has `person_no`, `age_years` and what the deficits ask for.
    `diagnoses`: `person_no`, `on_date`, `code` (ICD-10), `feed_no`.
    `admissions`: `person_no`, `start_on`. Both hold only what was known by `as_of`.
    `tables` holds the points of each coded score by its name, `feeds` the number of
    each feed. Columns of a score:
    its attribute (Float64), its band attribute, and `<attribute>_terms`, the groups
    or deficits that added to it.
    """
    scored = features.select("person_no")
    for name, spec in specs.items():
        method = spec.method
        if isinstance(method, CodedMethod):
            numbers = [feeds[feed] for feed in method.feeds]
            mine = diagnoses.filter(pl.col("feed_no").is_in(numbers))
            found = _coded(mine, admissions, method, tables[name], as_of)
        else:
            found = _deficits(features.filter(_of_age(spec.ages)), method)
        valued = (
            features.select("person_no", "age_years")
            .join(found, on="person_no", how="left", maintain_order="left")
            .with_columns(pl.when(_of_age(spec.ages)).then(pl.col("value", TERMS)))
        )
        columns = [
            valued["value"].alias(spec.attribute),
            valued[TERMS].alias(f"{spec.attribute}_{TERMS}"),
        ]
        if spec.band_attribute:
            columns.append(
                valued.select(band(pl.col("value"), spec.bands))
                .to_series()
                .alias(spec.band_attribute)
            )
        scored = scored.with_columns(columns)
    return scored


def band(value: pl.Expr, bands: Sequence[BandSpec]) -> pl.Expr:
    """Return the highest band that a value reaches; null stays null."""
    found = pl.lit(bands[0].name)
    for entry in bands[1:]:
        reached = (
            value > entry.above if entry.above is not None else value >= entry.at_least
        )
        found = pl.when(reached).then(pl.lit(entry.name)).otherwise(found)
    return pl.when(value.is_not_null()).then(found)


def _of_age(ages: Ages) -> pl.Expr:
    return pl.col("age_years").is_between(ages.at_least, ages.at_most)


def _coded(
    diagnoses: pl.DataFrame,
    admissions: pl.DataFrame,
    method: CodedMethod,
    table: PointsTable,
    as_of: date,
) -> pl.DataFrame:
    """Points of everybody with an admission or a coded diagnosis in the look-back."""
    after = as_of - timedelta(days=method.look_back_days)
    within = diagnoses.filter(
        (pl.col("on_date") > after) & (pl.col("on_date") <= as_of)
    )
    admitted = admissions.filter(
        (pl.col("start_on") > after) & (pl.col("start_on") <= as_of)
    )
    seen = (
        pl.concat([within.select("person_no"), admitted.select("person_no")])
        .unique()
        .sort("person_no")
    )
    masks = supersede(_masks_of(seen, within, table), table)
    return seen.with_columns(
        pl.Series("value", total_tenths(masks, table) / 10, dtype=pl.Float64),
        group_names(masks, table).alias(TERMS),
    )


def _masks_of(
    people: pl.DataFrame, diagnoses: pl.DataFrame, table: PointsTable
) -> Words:
    """Return the groups of each person as bits, in the order of `people`."""
    distinct = diagnoses["code"].unique()
    by_code = code_masks(distinct, table)
    words = [f"word_{i}" for i in range(table.words)]
    matched = pl.DataFrame({"code": distinct}).with_columns(
        pl.Series(word, by_code[:, i], dtype=pl.UInt64) for i, word in enumerate(words)
    )
    counted = matched.filter(pl.any_horizontal([pl.col(w) != 0 for w in words]))
    per_person = (
        diagnoses.join(counted, on="code")
        .group_by("person_no")
        .agg(pl.col(words).bitwise_or())
    )
    aligned = people.select("person_no").join(
        per_person, on="person_no", how="left", maintain_order="left"
    )
    return np.column_stack(
        [aligned[word].fill_null(0).to_numpy() for word in words]
    ).astype(np.uint64)


def _deficits(features: pl.DataFrame, method: DeficitMethod) -> pl.DataFrame:
    """The share of deficits of each person."""
    flags = [
        pl.any_horizontal([holds(test) for test in deficit.any_of]).alias(deficit.name)
        for deficit in method.deficits
    ]
    present = features.select("person_no", *flags)
    names = [deficit.name for deficit in method.deficits]
    found = pl.sum_horizontal([pl.col(name).cast(pl.Int32) for name in names])
    listed = pl.concat_list(
        [pl.when(pl.col(name)).then(pl.lit(name)) for name in names]
    ).list.drop_nulls()
    return present.select(
        "person_no", (found / method.out_of).alias("value"), listed.alias(TERMS)
    )
