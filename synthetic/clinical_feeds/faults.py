"""Slips in clinical rows, at stated rates; they are what quarantine rules are for."""

import numpy as np
import polars as pl

DUPLICATE, LATE, IMPOSSIBLE, UNKNOWN_CODE = 0.003, 0.02, 0.0004, 0.002
UNKNOWN_SNOMED = ("999999999", "1234567890", "EMISNQ123", "^ESCT1190330")
UNKNOWN_ICD10 = ("ZZZ9", "R99X?", "XX00", "-")
IMPOSSIBLE_TEXT = ("2026-02-30", "2031-01-01", "1753-01-01", "2025-13-01")


def repeated(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A few rows delivered twice, exactly."""
    twice = np.flatnonzero(rng.random(frame.height) < DUPLICATE)
    return pl.concat([frame, frame[twice]]) if len(twice) else frame


def recorded_days(day: np.ndarray, latest: int, rng: np.random.Generator) -> np.ndarray:
    """When rows were recorded: mostly at once, some weeks or months later."""
    wait = rng.integers(0, 3, len(day))
    late = rng.random(len(day)) < LATE
    wait = np.where(late, rng.integers(14, 300, len(day)), wait)
    return np.maximum(np.minimum(day + wait, latest), np.minimum(day, latest))


def impossible_days(
    day: np.ndarray, born: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """A few days before the birth or years ahead."""
    slip = rng.random(len(day)) < IMPOSSIBLE
    early = rng.random(len(day)) < 0.5
    wrong = np.where(early, born - rng.integers(200, 5000, len(day)), day + 3650)
    return np.where(slip, wrong, day).astype(np.int32)


def some_replaced(
    column: pl.Series, by: tuple[str, ...], rate: float, rng: np.random.Generator
) -> pl.Series:
    """A share of a text column replaced by values that no one should hold."""
    hit = pl.Series(rng.random(len(column)) < rate)
    wrong = pl.Series(by).gather(rng.integers(0, len(by), len(column)))
    return (
        pl.DataFrame({"is": column, "wrong": wrong, "hit": hit})
        .select(pl.when("hit").then("wrong").otherwise("is"))
        .to_series()
        .alias(column.name)
    )
