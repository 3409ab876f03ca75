"""Codes of the GP journal and how the journal's rows are put together."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

CODES = Path(__file__).parent / "codes"
UNITS = (
    None,
    "kg/m2",
    "mm[Hg]",
    "mmol/mol",
    "%",
    "mL/min/1.73m2",
    "mmol/L",
    "kg",
    "cm",
)


@cache
def diagnoses(kind: str) -> pl.DataFrame:
    """Rows of diagnoses.csv of one kind: condition, code, term, weight."""
    frame = pl.read_csv(CODES / "diagnoses.csv", schema_overrides={"code": pl.String})
    return frame.filter(pl.col("kind") == kind).drop("kind")


def rows(
    row: np.ndarray,
    day: np.ndarray,
    code: str | pl.Series,
    value: np.ndarray | None = None,
    unit: str | None = None,
) -> pl.DataFrame:
    """Journal rows: row (of the chunk), day (number), code, value, unit."""
    codes = code if isinstance(code, pl.Series) else pl.lit(code, dtype=pl.String)
    values = pl.Series(value) if value is not None else pl.lit(None)
    return pl.DataFrame(
        {"row": np.asarray(row, np.int32), "day": np.asarray(day, np.int32)}
    ).with_columns(
        codes.alias("code"),
        values.cast(pl.Float32).alias("value"),
        pl.lit(unit, dtype=pl.String).alias("unit"),
    )


def pick(frame: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.Series:
    """`count` codes drawn by weight."""
    weight = frame["weight"].to_numpy().astype(float)
    at = rng.choice(len(weight), count, p=weight / weight.sum())
    return frame["code"].gather(at)
