"""When each long-term condition begins, from prevalence by age, sex and deprivation.

Each person has a rank in [0, 1) per condition; the condition begins at the age at which
the share of people like them who have it passes that rank. So the prevalence is the
published one at every age and every date, and ranks that hang together (a Gaussian
copula over latent frailty, metabolic, mental and smoking liabilities) make conditions
cluster in the same people.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtr

from synthetic import chance
from synthetic.lives.calibration import conditions, effects, prevalence
from synthetic.lives.traits import FAR, Traits

LOADINGS = {
    "frailty": "frailty_loading",
    "metabolic": "metabolic_loading",
    "mental": "mental_loading",
    "smoking": "smoking_loading",
}
# Recognised obesity, of the 26% whose BMI is 30 or more (QOF 2023-24: 12.8%).
OBESITY_RECOGNISED = 0.66
OBESITY_BMI = 30.0
KEYS = (*conditions(), "obesity")
INDEX = {key: i for i, key in enumerate(KEYS)}


def draw_onsets(traits: Traits, seed: int) -> np.ndarray:
    """Day number of onset (int32, persons x KEYS); FAR where it never comes."""
    rng = chance.rng_for(seed, "onset", int(traits.person[0]))
    onset = np.full((len(traits), len(KEYS)), FAR, dtype=np.int32)
    for key in conditions():
        loadings = {trait: effects(column)[key] for trait, column in LOADINGS.items()}
        rank = rank_of(traits, loadings, rng)
        curves = {sex: prevalence(key, sex) for sex in ("M", "F")}
        ratio = effects("deprivation_ratio")[key]
        onset[:, INDEX[key]] = onset_day(traits, ratio, curves, rank, rng)
    onset[:, INDEX["obesity"]] = _obesity(traits, rng)
    _one_diabetes(onset)
    return onset


def rank_of(
    traits: Traits, loadings: Mapping[str, float], rng: np.random.Generator
) -> np.ndarray:
    """Uniform rank, low = early; correlated with the latent liabilities."""
    own = rng.standard_normal(len(traits), dtype=np.float32)
    shared = np.zeros(len(traits), dtype=np.float32)
    used = 0.0
    for trait, loading in loadings.items():
        shared += loading * getattr(traits, trait)
        used += loading**2
    return ndtr(-(shared + np.sqrt(1 - used) * own))


def _gradient(ratio: float) -> np.ndarray:
    """Multiplier per fifth of deprivation, mean 1, most over least = ratio."""
    steps = ratio ** np.linspace(0.5, -0.5, 5)
    return steps / steps.mean()


def onset_day(
    traits: Traits,
    ratio: float,
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    rank: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Day number on which the prevalence of a person's like passes their rank.

    ratio: prevalence in the most over the least deprived fifth. curves: by sex, ages
    (years) and the share who have the condition by then. FAR where it never comes.
    """
    rank = rank / _gradient(ratio)[traits.fifth - 1]
    age = np.empty(len(traits))
    for sex, who in (("M", traits.male), ("F", ~traits.male)):
        ages, shares = curves[sex]
        age[who] = np.interp(rank[who], shares, ages, left=0.0, right=np.inf)
    born_with_it = age <= 0
    age[born_with_it] = rng.random(born_with_it.sum()) * 0.5
    day = traits.born + np.where(np.isfinite(age), age, 0) * 365.25
    return np.where(np.isfinite(age), day, FAR).astype(np.int32)


def _obesity(traits: Traits, rng: np.random.Generator) -> np.ndarray:
    """Recognised in adulthood, in about half of those with BMI 30 or more."""
    recognised = rng.random(len(traits)) < OBESITY_RECOGNISED
    age = 18 + rng.gamma(2.0, 7.0, len(traits))
    day = traits.born + age * 365.25
    has_it = (traits.bmi >= OBESITY_BMI) & recognised
    return np.where(has_it, day, FAR).astype(np.int32)


def _one_diabetes(onset: np.ndarray) -> None:
    """Nobody has both types: type 1 stands where it came first."""
    one, two = INDEX["diabetes_type1"], INDEX["diabetes_type2"]
    first_is_one = onset[:, one] <= onset[:, two]
    onset[first_is_one, two] = FAR
    onset[~first_is_one, one] = FAR
