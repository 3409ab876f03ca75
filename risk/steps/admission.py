"""Scores of the latest admission: PARR-30 and LACE.

Both speak of the admission that a person is in, or has just come out of; nobody else
has a score.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES
from risk.score_specs import AdmissionMethod
from risk.steps.code_bits import Marks
from risk.steps.points import Floats

EMERGENCY = URGENCIES["emergency"]
# LACE, van Walraven et al. CMAJ 2010;182:551-7, table 2: points of the length of stay
# from so many days, of comorbidity and of visits before.
STAY_POINTS = ((1, 1), (2, 2), (3, 3), (4, 4), (7, 5), (14, 7))
EMERGENCY_POINTS = 3
MOST_COMORBIDITY, COMORBIDITY_POINTS = 4, 5
MOST_VISITS = 4
VISITS_DAYS = 183


def spells(activity: pl.DataFrame) -> pl.DataFrame:
    """Keep hospital admissions."""
    return activity.filter(
        (pl.col("setting") == SETTINGS["admitted"])
        & (pl.col("kind") == ACTIVITY_KINDS["spell"])
    )


def index_admissions(
    activity: pl.DataFrame, method: AdmissionMethod, as_of: date
) -> pl.DataFrame:
    """Return one row per person in hospital at `as_of` or out of it recently.

    Columns: `person_no`, `began`, `is_emergency`, `stay_days` (so far, if still in),
    `admissions_12m` and `admissions_30d` (emergency, before the admission) and
    `attendances_6m` (A&E, before it).
    """
    admitted = spells(activity)
    days_out = (pl.lit(as_of) - pl.col("end_on")).dt.total_days()
    index = (
        admitted.filter(
            pl.col("end_on").is_null() | (days_out <= method.discharged_within_days)
        )
        .sort("person_no", "start_on")
        .group_by("person_no", maintain_order=True)
        .agg(
            began=pl.col("start_on").last(),
            ended=pl.col("end_on").last(),
            is_emergency=pl.col("urgency").last() == EMERGENCY,
        )
    )
    attended = activity.filter(
        (pl.col("setting") == SETTINGS["emergency"])
        & (pl.col("kind") == ACTIVITY_KINDS["attendance"])
    )
    emergencies = admitted.filter(pl.col("urgency") == EMERGENCY)
    counted = [
        _before(index, emergencies, "admissions_12m", 365),
        _before(index, emergencies, "admissions_30d", 30),
        _before(index, attended, "attendances_6m", VISITS_DAYS),
    ]
    for found in counted:
        index = index.join(found, on="person_no", how="left", maintain_order="left")
    stay = (pl.coalesce("ended", pl.lit(as_of)) - pl.col("began")).dt.total_days()
    names = [found.columns[1] for found in counted]
    return index.with_columns(
        pl.col(names).fill_null(0),
        pl.col("is_emergency").fill_null(value=False),
        stay_days=stay,
    ).drop("ended")


def parr30(
    people: pl.DataFrame, groups: Mapping[str, Marks], weights: Mapping[str, float]
) -> Floats:
    """Return each row's probability of readmission in 30 days.

    `people`: `age_years`, `imd_decile` and the columns of `index_admissions`;
    `groups`: whether each row has each group of codes. `weights` holds `constant`,
    the terms, `imd_decile_1` to `_10` and a weight per group.
    """
    age = people["age_years"].cast(pl.Float64).to_numpy()
    decile = people["imd_decile"].cast(pl.Int64, strict=False).fill_null(0).to_list()
    odds: Floats = (
        weights["constant"]
        + weights["age_squared"] * age**2
        + weights["emergency_admissions_12m"] * people["admissions_12m"].to_numpy()
        + weights["emergency_admission_30d"] * (people["admissions_30d"] > 0).to_numpy()
        + weights["current_is_emergency"] * people["is_emergency"].to_numpy()
        + np.array([weights.get(f"imd_decile_{d}", 0.0) for d in decile])
    )
    for name, has in groups.items():
        odds = odds + weights.get(name, 0.0) * has
    found: Floats = 1 / (1 + np.exp(-odds))
    return found


def lace(people: pl.DataFrame, comorbidity: Floats) -> Floats:
    """Return LACE (0 to 19): length of stay, acuity, comorbidity, emergency visits.

    `people` as for `parr30`; `comorbidity` in points of the first Charlson index.
    """
    stay = np.zeros(people.height)
    for least, points in STAY_POINTS:
        stay[people["stay_days"].to_numpy() >= least] = points
    burden = np.where(comorbidity >= MOST_COMORBIDITY, COMORBIDITY_POINTS, comorbidity)
    acute = EMERGENCY_POINTS * people["is_emergency"].to_numpy()
    visits = np.minimum(people["attendances_6m"].to_numpy(), MOST_VISITS)
    found: Floats = stay + acute + burden + visits
    return found


def _before(
    index: pl.DataFrame, used: pl.DataFrame, name: str, days: int
) -> pl.DataFrame:
    """Count what began in so many days before the admission began."""
    ago = (pl.col("began") - pl.col("start_on")).dt.total_days()
    return (
        used.select("person_no", "start_on")
        .join(index.select("person_no", "began"), on="person_no")
        .filter(ago.is_between(1, days))
        .group_by("person_no")
        .agg(pl.len().cast(pl.Int64).alias(name))
    )
