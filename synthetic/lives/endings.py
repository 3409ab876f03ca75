"""How lives end: cause and place of death, and palliative care before it."""

import numpy as np
import polars as pl

from synthetic import chance
from synthetic.lives.onset import INDEX
from synthetic.lives.traits import FAR, Traits

# Underlying causes by age, after ONS Deaths registered in England 2022, rounded:
# (ICD-10, weight under 45, 45-74, 75 and over, condition that raises it, ratio).
CAUSES = (
    ("C349", 3, 27, 14, "cancer", 6.0),
    ("C189", 2, 9, 6, "cancer", 6.0),
    ("C509", 2, 5, 3, "cancer", 6.0),
    ("C61X", 0, 4, 5, "cancer", 6.0),
    ("I259", 3, 15, 12, "coronary_heart_disease", 3.0),
    ("I219", 3, 8, 5, "coronary_heart_disease", 3.0),
    ("I509", 0, 1, 3, "heart_failure", 4.0),
    ("I639", 1, 4, 6, "stroke_tia", 3.0),
    ("F03X", 0, 2, 14, "dementia", 12.0),
    ("G309", 0, 1, 9, "dementia", 12.0),
    ("J449", 0, 6, 6, "copd", 8.0),
    ("J189", 3, 3, 6, "copd", 1.5),
    ("K703", 6, 7, 1, "chronic_liver_disease", 20.0),
    ("E149", 1, 1, 1, "diabetes_type2", 4.0),
    ("N179", 0, 1, 2, "chronic_kidney_disease", 3.0),
    ("G20X", 0, 1, 3, "parkinsons", 20.0),
    ("A419", 2, 1, 1, "diabetes_type2", 1.2),
    ("W19X", 1, 1, 3, "osteoporosis", 2.0),
    ("X599", 12, 2, 1, "severe_mental_illness", 1.5),
    ("X700", 20, 2, 0, "severe_mental_illness", 4.0),
    ("R54X", 0, 0, 4, "dementia", 1.0),
    ("R99X", 10, 3, 1, "epilepsy", 1.5),
)
# Where people die who do not die in hospital: ONS Deaths registered 2022, rounded.
PLACES = ("own_home", "care_home", "hospice", "elsewhere")
PALLIATIVE_SHARE, PALLIATIVE_MEAN_DAYS = 0.75, 500.0


def draw_endings(
    traits: Traits,
    onset: np.ndarray,
    death_day: np.ndarray,
    died_in_hospital: np.ndarray,
    seed: int,
) -> pl.DataFrame:
    """One row per dead person: row, died (day), cause_icd10, place, palliative_from.

    palliative_from: day number palliative care was recognised, FAR where it was not.
    """
    rng = chance.rng_for(seed, "endings", int(traits.person[0]))
    row = np.flatnonzero(death_day < FAR)
    day = death_day[row]
    age = (day - traits.born[row]) / 365.25
    band = np.digitize(age, [45, 75])
    weight = np.empty((len(row), len(CAUSES)))
    for i, (_, *by_age, key, ratio) in enumerate(CAUSES):
        has = onset[row, INDEX[key]] <= day
        weight[:, i] = np.array(by_age)[band] * np.where(has, ratio, 1.0)
    rising = weight.cumsum(axis=1)
    pick = rng.random(len(row)) * rising[:, -1]
    cause = (rising < pick[:, None]).sum(axis=1).clip(0, len(CAUSES) - 1)
    codes = np.array([c[0] for c in CAUSES])[cause]
    sudden = np.isin(codes, ["X599", "X700", "W19X", "R99X", "I219"])
    expected = (rng.random(len(row)) < PALLIATIVE_SHARE * (age > 40)) & ~sudden
    begins = day - (rng.exponential(PALLIATIVE_MEAN_DAYS, len(row)) + 5).astype(int)
    return pl.DataFrame(
        {
            "row": row.astype(np.int32),
            "died": day.astype(np.int32),
            "cause_icd10": codes,
            "place": _places(traits, row, died_in_hospital[row], rng),
            "palliative_from": np.where(expected, begins, FAR).astype(np.int32),
        },
        schema_overrides={"cause_icd10": pl.String, "place": pl.String},
    )


def _places(
    traits: Traits, row: np.ndarray, hospital: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    home = rng.choice(len(PLACES), len(row), p=[0.72, 0.06, 0.12, 0.10])
    place = np.where(traits.care_home[row], "care_home", np.array(PLACES)[home])
    return np.where(hospital, "hospital", place)
