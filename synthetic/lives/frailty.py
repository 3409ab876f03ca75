"""Frailty as a share of deficits, rising with age, conditions and a latent part."""

import numpy as np

from synthetic.lives.traits import Traits

# Cut points of the electronic frailty index: Clegg et al. Age Ageing 2016;45:353.
MILD, MODERATE, SEVERE = 0.12, 0.24, 0.36
# Set so that of people 65 and over about 50% are fit, 35% mildly, 12% moderately and
# 3% severely frail (Clegg 2016).
AT_70, PER_YEAR, PER_CONDITION, LATENT = 0.107, 0.03, 0.11, 0.44
TYPICAL_AGES = np.array([20, 40, 50, 60, 70, 80, 90])
TYPICAL_CONDITIONS = np.array([0.3, 0.6, 1.0, 1.5, 2.0, 2.4, 2.6])


def deficit_share(
    traits: Traits, age_years: np.ndarray, conditions: np.ndarray
) -> np.ndarray:
    """Share of deficits (float32, 0-0.8) given age and number of conditions."""
    usual = np.interp(age_years, TYPICAL_AGES, TYPICAL_CONDITIONS)
    log = (
        np.log(AT_70)
        + PER_YEAR * (age_years - 70)
        + PER_CONDITION * (conditions - usual)
        + LATENT * traits.frailty
    )
    home = np.where(traits.care_home & (age_years >= 65), 0.5, 0.0)
    return np.exp(log + home).clip(0, 0.8).astype(np.float32)
