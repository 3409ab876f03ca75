"""What a person brings along: latent frailty, habits, weight, and care received."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import ndtr

from synthetic import chance

# Current smoking by fifth of deprivation over the mean: ONS Adult smoking habits 2022,
# about 20% in the most and 7% in the least deprived areas.
SMOKING_BY_FIFTH = np.array([1.65, 1.25, 0.95, 0.75, 0.55])
# Current smokers by age: ONS Adult smoking habits in the UK 2022, rounded.
SMOKING_AGES = np.array([16, 20, 30, 40, 50, 60, 70, 80, 95])
SMOKING_SHARE = np.array([0.06, 0.11, 0.155, 0.145, 0.14, 0.13, 0.09, 0.055, 0.02])


@dataclass(frozen=True)
class Traits:
    """One value per person of a chunk, in person order.

    frailty, metabolic, mental, smoking: standard normal. Nothing in any feed is a
    function of `frailty` alone, so no model can be perfect.
    smoker: 0 never, 1 ex, 2 current. bmi: adult body mass index (kg/m2).
    """

    person: np.ndarray
    male: np.ndarray
    born: np.ndarray
    arrived: np.ndarray
    left: np.ndarray
    fifth: np.ndarray
    care_home: np.ndarray
    frailty: np.ndarray
    metabolic: np.ndarray
    mental: np.ndarray
    smoking: np.ndarray
    smoker: np.ndarray
    bmi: np.ndarray

    def __len__(self) -> int:
        return len(self.person)

    def age_at(self, day: float | np.ndarray) -> np.ndarray:
        """Age in years (float32, may be negative before birth) on a day number."""
        return ((day - self.born) / 365.25).astype(np.float32)


FAR = 10**6  # a day number after every other: "never"


def days(column: pl.Series) -> np.ndarray:
    """Dates as day numbers since 1970 (int32); null becomes FAR."""
    return column.cast(pl.Int32).fill_null(FAR).to_numpy().astype(np.int32)


def draw_traits(persons: pl.DataFrame, seed: int, as_of_day: int) -> Traits:
    """Draw the traits of a chunk of persons (rows of `People.persons`)."""
    person = persons["person"].to_numpy()
    rng = chance.rng_for(seed, "traits", int(person[0]))
    n = len(person)
    frailty, metabolic, mental, smoking, own = rng.standard_normal(
        (5, n), dtype=np.float32
    )
    born = days(persons["born_on"])
    fifth = persons["imd_fifth"].fill_null(3).to_numpy().astype(np.int8)
    age = (as_of_day - born) / 365.25
    male = (persons["sex"] == "M").to_numpy()
    return Traits(
        person=person,
        male=male,
        born=born,
        arrived=days(persons["arrived_on"]),
        left=days(persons["left_on"]),
        fifth=fifth,
        care_home=persons["care_home"].to_numpy(),
        frailty=frailty,
        metabolic=metabolic,
        mental=mental,
        smoking=smoking,
        smoker=_smoker(smoking, age, fifth, male),
        bmi=_bmi(metabolic, own, age, fifth),
    )


def _smoker(
    liability: np.ndarray, age: np.ndarray, fifth: np.ndarray, male: np.ndarray
) -> np.ndarray:
    """0 never, 1 ex, 2 current; about a quarter of adults are ex-smokers (ONS 2022)."""
    share = np.interp(age, SMOKING_AGES, SMOKING_SHARE, left=0.0)
    current = share * SMOKING_BY_FIFTH[fifth - 1] * np.where(male, 1.12, 0.88)
    ever = current + np.interp(age, [16, 25, 40, 60, 80], [0, 0.08, 0.2, 0.32, 0.42])
    rank = 1 - ndtr(liability)
    return np.where(rank < current, 2, np.where(rank < ever, 1, 0)).astype(np.int8)


def _bmi(
    metabolic: np.ndarray, own: np.ndarray, age: np.ndarray, fifth: np.ndarray
) -> np.ndarray:
    """Adult BMI: log-normal, 26% at 30 or more (Health Survey for England 2021)."""
    z = 0.75 * metabolic + 0.66 * own + 0.07 * (3 - fifth)
    middle = np.interp(age, [18, 30, 50, 70, 90], [23.5, 25.6, 27.3, 27.3, 25.5])
    return (middle * np.exp(0.175 * z)).clip(14, 65).astype(np.float32)
