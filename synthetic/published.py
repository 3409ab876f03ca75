"""What national bodies would publish of the fictional ICS: a few monthly series.

Sizes follow England's of 2025 for each person living there; the stories (waits that
got longer, beds that did not) are invented. Never written over a real ICS: no invented
figure should stand in a real board's name.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from synthetic.chance import rng_for
from synthetic.contract import Written
from synthetic.fictional_practices import ICB
from synthetic.geography import World

MONTHS = 36
SINCE_CHANGED = 8  # months in which two of the stories have taken another turn
# For each person (NHS England: A&E attendances, discharge delays, waiting times).
ATTENDANCES = 0.040
ADMITTED_OF_ATTENDANCES = 0.26
LATE, LATE_NOW = 0.25, 0.31
NEED_NOT_BE_THERE, NEED_NOT_NOW = 0.00021, 0.00017
OVER_18_WEEKS, OVER_52_WEEKS = 0.050, 0.0033
BEDS, OCCUPIED = 0.0018, 0.925  # NHS England, general and acute beds
OTHER_BEDS = (
    "adult_critical_care", "paediatric_intensive_cared", "neonatal_intensive_care",
)  # fmt: skip


def write(
    world: World, people: int, seed: int, as_of: date, out_dir: Path
) -> list[Written]:
    """Write four series of MONTHS months, the last one before that of `as_of`."""
    rng = rng_for(seed, "published")
    months = [_month(as_of, back) for back in range(MONTHS, 0, -1)]
    made = {
        "ae_by_icb": (
            "england_icb_accidents_emergency",
            _emergency(rng, months, people),
        ),
        "critical_general_acute_beds": (
            "england_critical_general_acute_beds",
            _beds(rng, months, world.trusts_of("acute"), people),
        ),
        "no_criteria_to_reside": (
            "england_icb_criteria_to_reside",
            _delayed(rng, months, people),
        ),
        "rtt_by_icb": ("england_rtt_stp", _waits(rng, months, people)),
    }
    written = []
    for series, (name, frame) in made.items():
        path = Path("landing") / f"{name}_demo.csv"
        frame.write_csv(out_dir / path)
        written.append(Written(series, path, frame.height))
    return written


def _emergency(
    rng: np.random.Generator, months: list[date], people: int
) -> pl.DataFrame:
    """A&E attendances, and those of more than four hours."""
    came = people * ATTENDANCES * rng.normal(1, 0.03, MONTHS)
    admitted = came * ADMITTED_OF_ATTENDANCES * rng.normal(1, 0.02, MONTHS)
    late = _turned(LATE, LATE_NOW) + rng.normal(0, 0.008, MONTHS)
    return pl.DataFrame(
        {
            "icb22_code": [ICB[1]] * MONTHS,
            "date": [f"{month:%B %Y}" for month in months],
            "total_attendances": np.round(came),
            "attendances_over_4hours": np.round(came * late),
            "total_emergency_admissions": np.round(admitted),
            "emergency_admissions_over_4hours": np.round(admitted * late),
        }
    )


def _beds(
    rng: np.random.Generator, months: list[date], trusts: list[str], people: int
) -> pl.DataFrame:
    """Beds available and occupied, by acute trust; children have a tenth of them."""
    parts = []
    for trust in trusts:
        size = np.full(MONTHS, np.ceil(people * BEDS / len(trusts)) + 20)
        full = size * (OCCUPIED + rng.normal(0, 0.008, MONTHS))
        columns: dict[str, object] = {
            "nhs_trust22_code": [trust] * MONTHS,
            "date": [f"{month:%B %Y}" for month in months],
        }
        for name, share in (("", 1.0), ("adult_", 0.9), ("paediatric_", 0.1)):
            columns[f"{name}general_acute_beds_available"] = np.round(size * share)
            columns[f"{name}general_acute_beds_occupied"] = np.round(full * share)
        for name in OTHER_BEDS:
            bed = "bed" if name.startswith("neonatal") else "beds"
            columns[f"{name}_{bed}_available"] = np.round(size * 0.05)
            columns[f"{name}_{bed}_occupied"] = np.round(full * 0.04)
        parts.append(pl.DataFrame(columns))
    return pl.concat(parts)


def _delayed(rng: np.random.Generator, months: list[date], people: int) -> pl.DataFrame:
    """People a day who need not be in hospital, of every day of the months."""
    days, usual = [], []
    level = _turned(NEED_NOT_BE_THERE, NEED_NOT_NOW) * people
    ends = [*months[1:], _after(months[-1])]
    for month, end, value in zip(months, ends, level, strict=True):
        for n in range((end - month).days):
            days.append(month + timedelta(days=n))
            usual.append(value)
    return pl.DataFrame(
        {
            "icb22_code": [ICB[1]] * len(days),
            "date": days,
            "do_not_meet_criteria_to_reside": rng.poisson(usual),
        }
    )


def _waits(rng: np.random.Generator, months: list[date], people: int) -> pl.DataFrame:
    """Pathways that wait more than 18 and 52 weeks, all treatments together."""
    size = people * rng.normal(1, 0.01, MONTHS)
    return pl.DataFrame(
        {
            "stp20_nhs_code": [ICB[0]] * MONTHS,
            "stp20_name": [ICB[2]] * MONTHS,
            "date": months,
            "treatment": ["Total"] * MONTHS,
            "waits_over_18_weeks": rng.poisson(size * OVER_18_WEEKS),
            "waits_over_52_weeks": rng.poisson(size * OVER_52_WEEKS),
        }
    )


def _turned(before: float, now: float) -> np.ndarray:
    """One value for each month: the story before its turn, and since."""
    return np.where(np.arange(MONTHS) < MONTHS - SINCE_CHANGED, before, now)


def _month(as_of: date, back: int) -> date:
    """The first day of the month so many months before that of a date."""
    number = as_of.year * 12 + as_of.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def _after(month: date) -> date:
    return _month(month, -1)
