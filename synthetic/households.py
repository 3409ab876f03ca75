"""Invents households: how old people are, and who lives with whom.

Published shapes used, as fractions rounded to what they are here for:
- ages: ONS mid-2020 population estimates, England, five-year bands;
- sex by age: Census 2021 age-sex pyramid (ONS TS009), England;
- children at home: Census 2021, adults living with their parents (ONS, 2023);
- couples: Census 2021, living arrangements by age (ONS TS010);
- births per woman and age at birth: ONS Births in England and Wales, 2021
  (mean age of mothers 30.9) and Childbearing by birth cohort (18% childless).
"""

from dataclasses import dataclass

import numpy as np

# Per 1,000 people, ages 0-4, 5-9, ... 85-89, 90 and over.
AGES_ENGLAND = np.array(
    [57.3, 62.6, 60.8, 55.1, 61.4, 66.7, 67.6, 66.1, 61.5, 64.3, 68.5, 66.5, 56.5,
     49.2, 49.8, 35.5, 25.6, 15.7, 9.2]
)  # fmt: skip
# People who come from elsewhere are mostly young adults (ONS internal migration by age,
# year to June 2020).
AGES_ARRIVING = np.array(
    [52, 36, 26, 75, 210, 165, 115, 78, 54, 42, 36, 30, 23, 18, 14, 9, 7, 6, 4.0]
)
FEMALE_BY_BAND = np.array(
    [0.488, 0.488, 0.488, 0.487, 0.492, 0.502, 0.508, 0.508, 0.507, 0.505, 0.506,
     0.507, 0.509, 0.514, 0.519, 0.529, 0.556, 0.606, 0.680]
)  # fmt: skip
COUPLE_AGES = (16, 20, 25, 30, 35, 65, 75, 85, 120)
IN_COUPLE = np.array([0.02, 0.17, 0.44, 0.61, 0.67, 0.70, 0.60, 0.36])
WITH_PARENTS_AGES = (16, 18, 20, 25, 30, 35, 45)
WITH_PARENTS = np.array([0.97, 0.80, 0.49, 0.24, 0.10, 0.05])
CHILDREN = np.array([0.17, 0.16, 0.39, 0.18, 0.10])
CARE_HOME_AGES = (65, 75, 85, 90, 120)
# Census 2021: 2.5% of people of 65 and over lived in a care home; by age about this.
IN_CARE_HOME = np.array([0.006, 0.022, 0.085, 0.17])
SHARING_AGES = (16, 40, 65, 120)
SHARING = np.array([0.72, 0.55, 0.14])
SAME_SEX_COUPLES = 0.015
TWIN_BIRTHS = 0.015


@dataclass(frozen=True)
class Households:
    """People of one moment, index by index: arrays of the same length.

    age_years (whole), female, household (0..), mother (index, -1 = unknown), partner
    (index, -1 = none), head (index of the household's head), twin_of (index or -1),
    care_home.
    """

    age_years: np.ndarray
    female: np.ndarray
    household: np.ndarray
    mother: np.ndarray
    partner: np.ndarray
    head: np.ndarray
    twin_of: np.ndarray
    care_home: np.ndarray


def make_households(
    n: int, ages: np.ndarray, rng: np.random.Generator, care_years_on: int = 0
) -> Households:
    """`n` people whose ages follow `ages` (weights of 19 bands), in households.

    `care_years_on`: who will live in a care home is decided by the age this many years
    later, since most of those there today will then have died.
    """
    age, female = _ages(n, ages, rng)
    care = rng.random(n) < _by_age(age + care_years_on, CARE_HOME_AGES, IN_CARE_HOME)
    child = (age < 16) | (rng.random(n) < _by_age(age, WITH_PARENTS_AGES, WITH_PARENTS))
    adult = ~child & ~care
    partner = _couples(age, female, adult, rng)
    household = np.full(n, -1, dtype=np.int64)
    first = adult & ((partner < 0) | (np.arange(n) < partner))
    household[first] = np.arange(first.sum())
    household[adult & ~first] = household[partner[adult & ~first]]
    mother, twin_of = _mothers(age, female, adult, child, partner, rng)
    childless = np.ones(n, dtype=bool)
    childless[mother[mother >= 0]] = False
    household = _shared_homes(household, age, adult & childless & (partner < 0), rng)
    at_home = child & (mother >= 0)
    household[at_home] = household[mother[at_home]]
    alone = household < 0
    household[alone] = household.max() + 1 + np.arange(alone.sum())
    household = np.unique(household, return_inverse=True)[1]
    return Households(
        age, female, household, mother, partner, _heads(household, age), twin_of, care
    )


def _ages(
    n: int, weights: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Whole years and sex; weights within a band slope towards the next band."""
    single = np.interp(np.arange(90), np.arange(2, 92, 5), weights[:18] / 5)
    top = weights[18] * 0.74 ** np.arange(15) / (0.74 ** np.arange(15)).sum()
    every = np.concatenate([single, top])
    age = rng.choice(len(every), size=n, p=every / every.sum())
    female = rng.random(n) < FEMALE_BY_BAND[np.minimum(age // 5, 18)]
    return age, female


def _by_age(age: np.ndarray, edges: tuple[int, ...], value: np.ndarray) -> np.ndarray:
    """Each person's value by age band; 0 outside the bands."""
    band = np.searchsorted(edges, age, side="right") - 1
    inside = (band >= 0) & (band < len(value))
    return np.where(inside, value[np.clip(band, 0, len(value) - 1)], 0.0)


def _couples(
    age: np.ndarray, female: np.ndarray, adult: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Partner's index or -1: women and men who live as couples, matched by age."""
    n = len(age)
    partner = np.full(n, -1, dtype=np.int64)
    likely = _by_age(age, COUPLE_AGES, IN_COUPLE)
    # Women outlive older partners, so old men are in couples more often than old women.
    likely = np.where(age >= 75, likely * np.where(female, 0.72, 1.30), likely)
    coupled = adult & (rng.random(n) < likely)
    key = age + rng.normal(0, 2.5, n) + np.where(female, 2.2, 0.0)
    women, men = np.flatnonzero(coupled & female), np.flatnonzero(coupled & ~female)
    pairs = min(len(women), len(men))
    women = np.sort(rng.permutation(women)[:pairs])
    men = np.sort(rng.permutation(men)[:pairs])
    women, men = women[np.argsort(key[women])], men[np.argsort(key[men])]
    # Neighbouring pairs exchange partners to make couples of one sex.
    swapped = np.flatnonzero(rng.random(pairs // 2) < SAME_SEX_COUPLES) * 2
    first, second = women.copy(), men.copy()
    first[swapped + 1], second[swapped] = men[swapped], women[swapped + 1]
    partner[first], partner[second] = second, first
    return partner


def _shared_homes(
    household: np.ndarray,
    age: np.ndarray,
    single: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Some single adults share a home of two to four, with others near their age."""
    sharing = np.flatnonzero(
        single & (rng.random(len(age)) < _by_age(age, SHARING_AGES, SHARING))
    )
    sharing = sharing[np.argsort(age[sharing] + rng.normal(0, 6, len(sharing)))]
    size = rng.integers(2, 5, size=len(sharing) // 2 + 1)
    home = np.repeat(np.arange(len(size)), size)[: len(sharing)]
    host = np.searchsorted(home, home)
    household = household.copy()
    household[sharing] = household[sharing[host]]
    return household


def _mothers(
    age: np.ndarray,
    female: np.ndarray,
    adult: np.ndarray,
    child: np.ndarray,
    partner: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The parent each child lives with, and twins.

    Every woman gets the ages her children would have; the real children, sorted by age,
    fill these places in order, so that mothers are some 30 years older. A tenth of the
    parents without a partner are fathers.
    """
    n = len(age)
    mother, twin_of = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    lone_father = adult & ~female & (partner < 0) & (rng.random(n) < 0.1)
    parents = np.flatnonzero(
        adult & (age >= 17) & (age < 85) & ((female & (age < 80)) | lone_father)
    )
    children = np.flatnonzero(child)
    if len(parents) == 0 or len(children) == 0:
        return mother, twin_of
    alone = partner[parents] < 0
    count = rng.choice(len(CHILDREN), size=len(parents), p=CHILDREN)
    count[alone & (rng.random(len(parents)) < 0.35)] = 0
    parent = np.repeat(parents, count)
    order = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
    at_birth = rng.normal(28.8, 5.0, len(parents)).clip(16, 41)
    at_birth = np.repeat(at_birth, count) + order * rng.uniform(1.5, 3.8, len(parent))
    child_age = age[parent] + rng.random(len(parent)) - at_birth
    fits = (child_age >= 0) & (child_age < 45) & (at_birth < 46)
    keep = rng.random(len(parent)) < np.where(
        child_age < 16, 1.0, _by_age(child_age, WITH_PARENTS_AGES, WITH_PARENTS)
    )
    parent, child_age = parent[fits & keep], child_age[fits & keep]
    if len(parent) == 0:
        return mother, twin_of
    # Where there are more children than places, each place is given to one or to two.
    rounds = -(-len(children) // len(parent))
    places = np.tile(rng.permutation(len(parent)), rounds)[: len(children)]
    places = places[np.argsort(child_age[places], kind="stable")]
    by_age = children[np.argsort(age[children] + rng.random(len(children)))]
    mother[by_age] = parent[places]
    # Twins: the next child in order of age goes to the same mother, on the same day.
    elder = np.flatnonzero(rng.random(len(by_age) - 1) < TWIN_BIRTHS)
    elder = elder[np.diff(elder, prepend=-2) > 1]
    same = age[by_age[elder]] == age[by_age[elder + 1]]
    one, two = by_age[elder[same]], by_age[elder[same] + 1]
    mother[two], twin_of[two] = mother[one], one
    return mother, twin_of


def _heads(household: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Index of the oldest person of each person's household."""
    order = np.lexsort((-age, household))
    first = np.ones(len(order), dtype=bool)
    first[1:] = household[order][1:] != household[order][:-1]
    heads = order[first]
    return heads[household]
