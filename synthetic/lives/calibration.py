"""The published figures that lives are calibrated to, as arrays."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

FOLDER = Path(__file__).parent.parent / "calibration"


@cache
def table(name: str) -> pl.DataFrame:
    """One calibration file; all columns but texts as numbers."""
    return pl.read_csv(FOLDER / f"{name}.csv")


def ages_of(frame: pl.DataFrame) -> np.ndarray:
    """The ages (years) that a file's `age_*` columns stand for."""
    return np.array(
        [float(c.removeprefix("age_")) for c in frame.columns if c.startswith("age_")]
    )


@cache
def conditions() -> tuple[str, ...]:
    """Condition keys drawn from a prevalence by age, in file order."""
    return tuple(table("prevalence")["condition"].unique(maintain_order=True))


@cache
def effects(column: str) -> dict[str, float]:
    """One column of effects.csv by condition key."""
    frame = table("effects")
    return dict(zip(frame["condition"], frame[column], strict=True))


@cache
def prevalence(
    condition: str, sex: str, file: str = "prevalence"
) -> tuple[np.ndarray, np.ndarray]:
    """Ages (years) and the share who have ever had the condition by then."""
    frame = table(file).filter(
        (pl.col("condition") == condition) & (pl.col("sex") == sex)
    )
    shares = frame.select(pl.col("^age_.*$")).to_numpy()[0].astype(float) / 100
    # Strictly rising, or an onset age could not be read off the curve.
    rising = np.maximum.accumulate(shares) + np.arange(len(shares)) * 1e-9
    ages = ages_of(frame)
    return np.append(ages, 105.0), np.append(rising, rising[-1] + 1e-9)


def rate(measure: str, age_years: np.ndarray, male: np.ndarray) -> np.ndarray:
    """Yearly events per person (float32) by age and sex: log-linear between ages."""
    ages = ages_of(table("rates"))
    logs = {}
    for sex in ("M", "F"):
        row = table("rates").filter(
            (pl.col("measure") == measure) & (pl.col("sex") == sex)
        )
        values = row.select(pl.col("^age_.*$")).to_numpy()[0].astype(float)
        logs[sex] = np.log(values / 1000)
    m = np.interp(age_years, ages, logs["M"])
    f = np.interp(age_years, ages, logs["F"])
    return np.exp(np.where(male, m, f)).astype(np.float32)


def normaliser(measure: str, age_years: np.ndarray) -> np.ndarray:
    """What to divide a rate by at an age, so that multipliers leave its mean alone."""
    frame = table("normalisers")
    row = frame.filter(pl.col("measure") == measure)
    values = row.select(pl.col("^age_.*$")).to_numpy()[0].astype(float)
    return np.exp(np.interp(age_years, ages_of(frame), np.log(values))).astype(
        np.float32
    )
