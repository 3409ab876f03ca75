"""Emergency hospital spells: why, how long, and how they end."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from synthetic import chance
from synthetic.lives.course import DIES_IN_HOSPITAL, Course
from synthetic.lives.onset import INDEX
from synthetic.lives.traits import FAR, Traits

REASONS_FILE = Path(__file__).parent.parent / "clinical_feeds/codes/reasons.csv"
# A spell this recent is the one in which the person dies.
SAME_ILLNESS_DAYS = 21
TERMINAL_STAY_DAYS = 9.0


@cache
def reasons() -> pl.DataFrame:
    """Reasons for emergency admission, with mix by age, stay and codes."""
    text = ["icd10", "hrg", "conditions", "chief_complaint", "ec_diagnosis"]
    return pl.read_csv(
        REASONS_FILE, schema_overrides=dict.fromkeys(text, pl.String)
    ).with_columns(pl.col("conditions", "needs").fill_null(""))


def draw_spells(
    traits: Traits, onset: np.ndarray, course: Course, seed: int
) -> pl.DataFrame:
    """One row per emergency spell, sorted by person and date, none overlapping.

    Columns: row (in the chunk), admitted, discharged (day numbers), reason (row of
    `reasons()`), died (bool).
    """
    rng = chance.rng_for(seed, "spells", int(traits.person[0]))
    dying = np.flatnonzero(course.death_day < FAR)
    dying = dying[rng.random(len(dying)) < DIES_IN_HOSPITAL]
    lead = rng.exponential(TERMINAL_STAY_DAYS, len(dying)).astype(np.int32)
    row = np.concatenate([course.emergency_row, dying])
    admitted = np.concatenate(
        [course.emergency_day, course.death_day[dying] - lead]
    ).astype(np.int32)
    terminal = np.zeros(len(row), dtype=bool)
    terminal[len(course.emergency_row) :] = True
    admitted = np.maximum(admitted, np.maximum(traits.born, traits.arrived)[row])
    reason = _draw_reason(traits, onset, row, admitted, rng)
    stay = _draw_stay(traits, row, admitted, reason, rng)
    death = course.death_day[row]
    discharged = np.where(terminal, death, admitted + stay)
    frame = pl.DataFrame(
        {
            "row": row.astype(np.int32),
            "admitted": admitted,
            "discharged": np.minimum(discharged, death).astype(np.int32),
            "reason": reason,
            "terminal": terminal,
        }
    ).filter(pl.Series(admitted <= death) & pl.Series(admitted < traits.left[row]))
    return _settle(frame.sort("row", "admitted", "terminal"), course.death_day)


def _draw_reason(
    traits: Traits,
    onset: np.ndarray,
    row: np.ndarray,
    day: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    table = reasons()
    ages = np.array([float(c[4:]) for c in table.columns if c.startswith("age_")])
    mix = table.select(pl.col("^age_.*$")).to_numpy().astype(float)
    age = ((day - traits.born[row]) / 365.25).clip(0, 110)
    weight = np.empty((len(row), table.height), dtype=np.float32)
    for i, (keys, ratio, needs) in enumerate(
        zip(table["conditions"], table["ratio"], table["needs"], strict=True)
    ):
        weight[:, i] = np.interp(age, ages, mix[i])
        named = [key for key in keys.split("|") if key]
        if named:
            columns = [INDEX[key] for key in named]
            has = (onset[row][:, columns] <= day[:, None]).any(axis=1)
            weight[has, i] *= ratio
            if needs:
                weight[~has, i] = 0
    rising = weight.cumsum(axis=1)
    pick = rng.random(len(row), dtype=np.float32) * rising[:, -1]
    return (
        (rising < pick[:, None]).sum(axis=1).clip(0, table.height - 1).astype(np.int16)
    )


def _draw_stay(
    traits: Traits,
    row: np.ndarray,
    day: np.ndarray,
    reason: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Days in hospital: a share of same-day stays, the rest log-normal."""
    table = reasons()
    mean = table["stay_days"].to_numpy()[reason]
    zero = table["zero_day"].to_numpy()[reason]
    slow = table["frailty_stay"].to_numpy()[reason]
    age = (day - traits.born[row]) / 365.25
    older = np.interp(age, [60, 75, 90], [0, 0.15, 0.35])
    log = np.log(mean) + slow * 0.6 * traits.frailty[row] + older
    stay = np.exp(log - 0.32 + 0.8 * rng.standard_normal(len(row))).clip(1, 240)
    return np.where(rng.random(len(row)) < zero, 0, stay).astype(np.int32)


def _settle(frame: pl.DataFrame, death_day: np.ndarray) -> pl.DataFrame:
    """Drop spells that begin inside another; end the last one at a hospital death."""
    dies = pl.Series(death_day[frame["row"].to_numpy()])
    frame = frame.with_columns(death=dies)
    ends_here = (pl.col("terminal").max().over("row")) & (
        pl.col("death") - pl.col("admitted") <= SAME_ILLNESS_DAYS
    )
    frame = frame.with_columns(
        discharged=pl.when(ends_here).then("death").otherwise("discharged")
    )
    before = pl.col("discharged").cum_max().shift(1).over("row")
    return (
        frame.filter(before.is_null() | (pl.col("admitted") > before))
        .with_columns(died=pl.col("discharged") == pl.col("death"))
        .drop("terminal", "death")
    )
