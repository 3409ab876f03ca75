"""Who is who among prepared rows: cross-check, block, weigh, join."""

from typing import NamedTuple

import numpy as np
import polars as pl

from linkage.steps.linking.block import block_columns, candidate_pairs
from linkage.steps.linking.cluster import (
    PLAUSIBLE,
    join_units,
    pair_frame,
    unit_pairs,
)
from linkage.steps.linking.compare import Flags
from linkage.steps.linking.cross_check import cross_check
from linkage.steps.linking.model import LinkModel
from linkage.steps.linking.prepare import Prepared
from linkage.steps.linking.weigh import Engine, Shares, weigh

LOCAL_BITS = 25.0  # the provider's own identifier: only a contradiction outweighs it
MOST_ROWS = 12  # of a person, looked at beyond those that share a block


class Decided(NamedTuple):
    """rows: row, unit (Int64; known people keep theirs), rule, weight (bits, null where
        nothing was weighed), number_agreed (the number it states is its person's own).
    merges: unit, into, weight: known people who turned out to be one.
    review: unit, other, weight, why.
    """

    rows: pl.DataFrame
    merges: pl.DataFrame
    review: pl.DataFrame


def decide(
    prepared: Prepared,
    known: pl.Series,
    model: LinkModel,
    *,
    persons: int | None = None,
    common: Shares | None = None,
    apart: pl.DataFrame | None = None,
    engine: Engine = "auto",
    local: pl.Series | None = None,
    wrong_numbers: pl.Series | None = None,
) -> Decided:
    """Give every row of `prepared` a unit, which is a person.

    known: by row, the person (Int64 from 0) whom it is known to be of, null for new
        records. A known person's NHS number stands on the rows that are held to be
        theirs by number, and nowhere else.
    persons: how many people there are in all (the prior); counted where null.
    common: how frequent values are; null weighs all alike.
    apart: a, b: known people whom somebody has decided to be two.
    local: by row, the known person whom the source's own identifier has meant.
    wrong_numbers: rows of known people that stated a number which is not theirs;
        those people are left to review.
    """
    highest = known.cast(pl.Int64).max()
    first = highest + 1 if isinstance(highest, int) else 0
    local = _nobody(prepared) if local is None else local
    checked = cross_check(prepared, known, local, first, model, common)
    rows = prepared.rows.with_columns(known=known).join(
        checked.rows, on="row", how="left", maintain_order="left"
    )
    alone = pl.col("known").is_null() & pl.col("unit").is_null()
    rows = rows.with_columns(
        unit=pl.when(alone)
        .then(checked.units - 1 + alone.cum_sum())
        .otherwise(pl.coalesce("known", "unit"))
        .cast(pl.Int64),
        disputed=pl.col("disputed").fill_null(False),
        local=local,
    )
    if wrong_numbers is not None:
        wrong = pl.col("row").is_in(wrong_numbers.implode())
        rows = rows.with_columns(disputed=pl.col("disputed") | wrong)
    anchored = rows.filter(pl.col("nhs").is_not_null())["unit"].unique()
    aside = rows.filter("disputed")["unit"].unique()
    if persons is None:
        persons = _population(rows, anchored)
    prior = model.prior_bits(persons)
    pairs = _pairs(prepared, rows, anchored, model, common, engine, prior)
    joined = join_units(
        pairs,
        rows["unit"].to_numpy(),
        anchored,
        aside,
        _apart(apart),
        model,
        prior,
        _sought(rows, anchored),
    )
    return _result(rows, joined.moves, joined.review)


def _population(rows: pl.DataFrame, anchored: pl.Series) -> int:
    """How many people there are: those with a number, if most have one; the loose ends
    of a file are mostly their records too, and no people of their own."""
    units = rows["unit"].n_unique()
    return anchored.len() if 2 * anchored.len() > units else units


def _sought(rows: pl.DataFrame, anchored: pl.Series) -> pl.Series:
    """New units without a number, whose people are looked for."""
    new = rows.filter(pl.col("known").is_null() & ~pl.col("disputed"))["unit"].unique()
    return new.filter(~new.is_in(anchored.implode()))


def _nobody(prepared: Prepared) -> pl.Series:
    return pl.Series([None] * prepared.rows.height, dtype=pl.Int64)


def _apart(apart: pl.DataFrame | None) -> pl.DataFrame:
    empty = pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64})
    return empty if apart is None else apart.select("a", "b").cast(empty.schema)


def _pairs(
    prepared: Prepared,
    rows: pl.DataFrame,
    anchored: pl.Series,
    model: LinkModel,
    common: Shares | None,
    engine: Engine,
    prior: float,
) -> pl.DataFrame:
    """Weighed pairs of rows that could join a unit without a number to another.

    Known people without a number are looked at where a new record shares a block.
    """
    names = model.has("forename")
    blocked = block_columns(prepared, rows)
    numberless = ~pl.col("unit").is_in(anchored.implode()) | pl.col("disputed")
    new = pl.col("known").is_null()
    loose = blocked.filter(new & numberless)
    fresh = blocked.filter(new & ~numberless)
    left, right = candidate_pairs(loose, blocked, names=names)
    waiting = blocked.filter(~new & numberless)
    if waiting.height and fresh.height:
        touched = np.concatenate(candidate_pairs(fresh, waiting, names=names))
        units = rows["unit"].gather(np.unique(touched)).unique().implode()
        again = waiting.filter(pl.col("unit").is_in(units))
        more = candidate_pairs(again, blocked, names=names)
        left, right = np.concatenate([left, more[0]]), np.concatenate([right, more[1]])
    unit = rows["unit"].to_numpy()
    held = np.zeros(int(unit.max(initial=-1)) + 1, dtype=np.bool_)
    held[anchored.to_numpy()] = True
    disputed = rows["disputed"].to_numpy()
    held_row = held[unit] & ~disputed
    useful = ~(held_row[left] & held_row[right]) & (unit[left] != unit[right])
    named = _named_by_source(rows, held_row)
    left = np.concatenate([left[useful], named["left"].to_numpy()])
    right = np.concatenate([right[useful], named["right"].to_numpy()])
    weighed = (
        pair_frame(weigh(prepared, left, right, model, common, engine))
        .unique(["left", "right"])
        .join(named, on=["left", "right"], how="left")
    )
    near = unit_pairs(weighed, unit, model, prior).filter(pl.col("weight") >= PLAUSIBLE)
    # Hopeless pairs of units would only be carried through every round.
    one, other = unit[weighed["left"].to_numpy()], unit[weighed["right"].to_numpy()]
    weighed = weighed.with_columns(a=np.minimum(one, other), b=np.maximum(one, other))
    weighed = weighed.join(near, on=["a", "b"], how="semi").drop("a", "b")
    left, right = _all_rows(near, rows, weighed)
    rest = pair_frame(weigh(prepared, left, right, model, common, engine))
    return pl.concat([weighed, rest], how="diagonal")


def _named_by_source(rows: pl.DataFrame, held_row: Flags) -> pl.DataFrame:
    """left, right, local_bits: new records and all of whom their source's id means."""
    of = rows.filter(pl.col("known").is_not_null()).select(local="known", other="row")
    pairs = rows.select("row", "unit", "local").drop_nulls().join(of, on="local")
    held = held_row[pairs["row"].to_numpy()] & held_row[pairs["other"].to_numpy()]
    return (
        pairs.filter(pl.Series(~held))
        .filter(pl.col("unit") != pl.col("local"))
        .select(
            left=pl.min_horizontal("row", "other"),
            right=pl.max_horizontal("row", "other"),
            local_bits=pl.lit(LOCAL_BITS, dtype=pl.Float32),
        )
        .unique()
    )


def _all_rows(
    near: pl.DataFrame, rows: pl.DataFrame, met: pl.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Every other pair of rows of these pairs of units."""
    units = pl.concat([near["a"], near["b"]]).unique().implode()
    of = (
        rows.select("row", "unit")
        .filter(pl.col("unit").is_in(units))
        .filter(pl.int_range(pl.len()).over("unit") < MOST_ROWS)
    )
    pairs = (
        near.select("a", "b")
        .join(of.rename({"row": "one", "unit": "a"}), on="a")
        .join(of.rename({"row": "other", "unit": "b"}), on="b")
        .select(
            left=pl.min_horizontal("one", "other"),
            right=pl.max_horizontal("one", "other"),
        )
        .join(met, on=["left", "right"], how="anti")
    )
    return pairs["left"].to_numpy(), pairs["right"].to_numpy()


def _result(rows: pl.DataFrame, moves: pl.DataFrame, review: pl.DataFrame) -> Decided:
    """Follow the moves to their ends; a known person keeps its place among new ones."""
    size = int(rows["unit"].to_numpy().max(initial=-1)) + 1
    into = np.arange(size)
    weight = np.full(size, np.nan, dtype=np.float32)
    by_source = np.zeros(size, dtype=np.bool_)
    moved = moves["unit"].to_numpy()
    into[moved] = moves["into"].to_numpy()
    weight[moved] = moves["weight"].to_numpy()
    by_source[moved] = moves["by_source"].to_numpy()
    while (into[into] != into).any():
        into = into[into]
    start = rows["unit"].to_numpy()
    rows = rows.with_columns(
        end=into[start], moved=weight[start], by_source=by_source[start]
    )
    # Of the known people that ended as one, the one with the number survives, else
    # the first; new units take its place.
    people = (
        rows.filter(pl.col("known").is_not_null())
        .group_by("end")
        .agg(
            survivor=pl.col("known").sort_by(pl.col("nhs").is_null(), "known").first(),
            known=pl.col("known").unique(),
        )
    )
    rows = rows.join(
        people.select("end", "survivor"), on="end", how="left", maintain_order="left"
    ).with_columns(final=pl.coalesce("survivor", "end"))
    merges = (
        people.explode("known")
        .filter(pl.col("known") != pl.col("survivor"))
        .select(unit="known", into="survivor")
    )
    merges = merges.with_columns(weight=weight[merges["unit"].to_numpy()])
    final = rows.select("end", "final").unique()
    there = dict(final.iter_rows()) if review.height else {}
    review = review.with_columns(
        pl.col(name).replace_strict(there, default=pl.col(name), return_dtype=pl.Int64)
        for name in ("unit", "other")
    )
    rule = (
        pl.when(pl.col("known").is_not_null())
        .then(pl.lit("known"))
        .when("by_source")
        .then(pl.lit("local_identifier"))
        .when(pl.col("moved").is_not_nan())
        .then(pl.lit("weighed"))
        .when(pl.col("disputed"))
        .then(pl.lit("new_number_in_doubt"))
        .when(pl.col("weight").is_not_null())
        .then(pl.lit("nhs_number_and_birth_date"))
        .when(pl.col("nhs").is_not_null())
        .then(pl.lit("new_nhs_number"))
        .otherwise(pl.lit("new_name_and_birth_date"))
    )
    return Decided(
        rows.select(
            "row",
            unit="final",
            rule=rule,
            weight=pl.coalesce(pl.col("moved").fill_nan(None), "weight"),
            number_agreed=pl.col("nhs").is_not_null() & ~pl.col("disputed"),
        ),
        merges,
        review,
    )
