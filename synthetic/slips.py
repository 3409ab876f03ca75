"""Slips of the pen: how names, dates and numbers go wrong in the writing."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

VARIANTS = Path(__file__).parent / "data" / "name_variants.csv"
LETTERS = "etaoinshrdlucmwyfpbvk"


def with_typing_slip(
    name: pl.Expr, slips: pl.Series, kind: pl.Series, where: pl.Series
) -> pl.Expr:
    """One letter lost, doubled, exchanged with the next or replaced, where `slips`.

    `kind` and `where` are numbers in [0, 1): what happens, and at which letter.
    """
    at = (where * name.str.len_chars()).floor().cast(pl.UInt32)
    before, after = name.str.head(at), name.str.slice(at + 1)
    letter, following = name.str.slice(at, 1), name.str.slice(at + 1, 1)
    other = pl.Series(
        np.array(list(LETTERS))[(kind.to_numpy() * 1e6).astype(int) % len(LETTERS)]
    )
    return (
        pl.when(~slips)
        .then(name)
        .when(kind < 0.3, name.str.len_chars() > 3)
        .then(pl.concat_str(before, after))
        .when(kind < 0.5)
        .then(pl.concat_str(before, letter, letter, after))
        .when(kind < 0.8)
        .then(pl.concat_str(before, following, letter, name.str.slice(at + 2)))
        .otherwise(pl.concat_str(before, other, after))
        .alias(name.meta.output_name())
    )


def other_spelling(name: pl.Expr, changes: pl.Series, which: pl.Series) -> pl.Expr:
    """A nickname or another spelling of the name, where `changes` and it has one."""
    chosen = name
    tables = _variants()
    for number, table in enumerate(tables):
        mine = (which * len(tables)).floor() == number
        chosen = pl.when(changes & mine).then(name.replace(table)).otherwise(chosen)
    return chosen


@cache
def _variants() -> tuple[dict[str, str], ...]:
    """Four tables from name to variant; a name with fewer variants repeats them."""
    lists = (
        pl.read_csv(VARIANTS)
        .group_by("name", maintain_order=True)
        .agg(pl.col("variant"))
        .rows()
    )
    return tuple(
        {name: variants[number % len(variants)] for name, variants in lists}
        for number in range(4)
    )


def slipped_number(number: pl.Expr, at: pl.Series) -> pl.Expr:
    """Two neighbouring digits exchanged, at places `at` (0-8), as text.

    Modulus 11 finds every such exchange of digits that differ.
    """
    place = pl.lit(at).cast(pl.UInt32)
    return pl.concat_str(
        number.str.head(place),
        number.str.slice(place + 1, 1),
        number.str.slice(place, 1),
        number.str.slice(place + 2),
    )


def slipped_dates(
    dates: pl.Series, slips: np.ndarray, kind: np.ndarray, how: np.ndarray
) -> pl.Series:
    """Dates with day and month exchanged, or one part of them wrong, where `slips`.

    `kind` and `how` are numbers in [0, 1) that choose the part and the wrong value. All
    results are real dates.
    """
    rows = np.flatnonzero(slips)
    chosen = dates.gather(rows)
    year = chosen.dt.year().to_numpy().astype(np.int64)
    month = chosen.dt.month().to_numpy().astype(np.int64)
    day = chosen.dt.day().to_numpy().astype(np.int64)
    kind, how = kind[rows], how[rows]
    swaps = (kind < 0.35) & (day <= 12) & (day != month)
    any_day = 1 + (how * 28).astype(np.int64)
    new_day = np.select([swaps, kind < 0.6, kind < 0.95], [month, any_day, day], 1)
    new_month = np.select(
        [swaps, kind < 0.6, kind < 0.8, kind < 0.95],
        [day, month, 1 + (how * 12).astype(np.int64), month],
        1,
    )
    years = np.array([-10, -1, 1, 10])[(how * 4).astype(np.int64)]
    wrong_year = ~swaps & (kind >= 0.8) & (kind < 0.95)
    new_year = year + np.where(wrong_year, years, 0)
    moved = (new_month != month) | wrong_year
    # A day that its new month may lack is set back, as a form that checks dates would.
    new_day = np.where(moved & ~swaps, np.minimum(new_day, 28), new_day)
    fixed = pl.select(
        pl.date(pl.Series(new_year), pl.Series(new_month), pl.Series(new_day))
    )
    # `scatter` writes into its own series: the caller keeps the true dates.
    return dates.clone().scatter(rows, fixed.to_series())
