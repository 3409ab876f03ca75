"""A model's inputs as numbers, and the folds into which people fall."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from risk.specs import InputSpec

Floats = NDArray[np.float64]
Inputs = NDArray[np.float32]
Flags = NDArray[np.bool_]


def matrix(frame: pl.DataFrame, inputs: Sequence[InputSpec]) -> Inputs:
    """Return one row per person and one column per input, NaN where not known.

    `frame` holds the inputs' features and `index_on`, the date it is as at. Flags are
    0 or 1, categories the position in the input's values. ValueError for a
    category value that the definition does not list: it would silently be read as
    not known.
    """
    made = frame.select(_number(entry) for entry in inputs)
    for entry in inputs:
        if entry.kind == "category":
            column = frame.select(remembered(entry)).to_series()
            if made[entry.feature].null_count() > column.null_count():
                lost = set(column.drop_nulls().cast(pl.String)) - set(entry.values)
                raise ValueError(f"{entry.feature}: not listed: {sorted(lost)}")
    # Nulls become NaN. Rows together, as LightGBM reads them.
    return made.to_numpy(order="c")


def _number(entry: InputSpec) -> pl.Expr:
    """Return an input as Float32, null where not known or not listed."""
    column = remembered(entry)
    if entry.kind == "category":
        listed = column.cast(pl.String).cast(pl.Enum(entry.values), strict=False)
        column = listed.to_physical()
    return column.cast(pl.Float32).alias(entry.feature)


def remembered(entry: InputSpec) -> pl.Expr:
    """Return an input's feature, null where it is older than the input remembers."""
    column = pl.col(entry.feature)
    if entry.within_days is None:
        return column
    if entry.dated_by is None:
        return pl.when(column <= entry.within_days).then(column)
    age_days = (pl.col("index_on") - pl.col(entry.dated_by)).dt.total_days()
    return pl.when(age_days <= entry.within_days).then(column)


def scatter(person_nos: pl.Series, seed: int) -> NDArray[np.uint64]:
    """Return a number per person that looks random and is the same every time.

    The finaliser of splitmix64 (Steele, Lea, Flood 2014): a person falls in the same
    fold at every index date, on every machine and whoever else is there.
    """
    mixed = person_nos.to_numpy().astype(np.uint64)
    mixed += np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def sample(people: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Return at most `most` people, the same ones every time."""
    if people.height <= most:
        return people
    order = np.argsort(scatter(people["person_no"], seed), kind="stable")[:most]
    return people[np.sort(order)]


def log_odds(probability: Floats) -> Floats:
    """Return the log-odds, kept finite."""
    inside = np.clip(probability, 1e-12, 1 - 1e-12)
    found: Floats = np.log(inside) - np.log1p(-inside)
    return found


def probability(log_odds: Floats) -> Floats:
    """Return the probability of log-odds."""
    found: Floats = 1 / (1 + np.exp(-log_odds))
    return found
