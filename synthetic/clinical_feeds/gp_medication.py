"""Prescriptions issued by general practice: repeats by condition, and short courses."""

from functools import cache

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context
from synthetic.clinical_feeds.gp_codes import CODES
from synthetic.lives import EVERY, FAR


@cache
def medicines() -> pl.DataFrame:
    """medicines.csv: BNF codes and names as in NHSBSA's English Prescribing Data."""
    return pl.read_csv(
        CODES / "medicines.csv", schema_overrides={"bnf_code": pl.String}
    ).with_columns(pl.col("conditions").fill_null(""))


def issue_rows(ctx: Context) -> pl.DataFrame:
    """One row per issue: row (of the chunk), day, medicine (row of `medicines()`)."""
    rng = ctx.rng("medication")
    table = medicines()
    begin_here, end_here = ctx.chunk.here_from, ctx.chunk.here_to
    parts = []
    for number, (keys, share, per_year) in enumerate(
        table.select("conditions", "share", "issues_per_year").iter_rows()
    ):
        named = [EVERY.index(key) for key in keys.split("|") if key]
        if named:
            needed = ctx.chunk.every[:, named].min(axis=1)
            begin = np.maximum(needed + 20, begin_here)
        else:
            begin = begin_here
        takes = (rng.random(len(begin)) < share) if named else np.ones(len(begin), bool)
        rate = per_year if named else share
        years = ((end_here - begin) / 365.25).clip(0) * (takes & (begin < FAR))
        times = _repeats(rate, years, rng)
        row = np.repeat(np.arange(len(times)), times)
        day = begin[row] + _spread(times, years, row, rng, steady=per_year > 3)
        parts.append(
            pl.DataFrame(
                {
                    "row": row.astype(np.int32),
                    "day": day.astype(np.int32),
                    "medicine": np.full(len(row), number, dtype=np.int16),
                }
            )
        )
    return pl.concat(parts)


def _repeats(rate: float, years: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rate > 3:
        return np.floor(rate * years + rng.random(len(years)) * (years > 0)).astype(int)
    return rng.poisson(rate * years)


def _spread(
    times: np.ndarray,
    years: np.ndarray,
    row: np.ndarray,
    rng: np.random.Generator,
    steady: bool,
) -> np.ndarray:
    """Days after the start: evenly with a little slack for repeats, else any day."""
    whole = years[row] * 365.25
    if not steady:
        return (rng.random(len(row)) * whole).astype(np.int32)
    ends = np.cumsum(times)
    nth = np.arange(len(row)) - np.repeat(ends - times, times)
    at = (nth + 0.15 + 0.7 * rng.random(len(row))) / np.maximum(times[row], 1)
    return (at * whole).astype(np.int32)
