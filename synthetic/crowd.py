"""Gathers everyone who lives here in the window: first residents, comers, the born."""

from dataclasses import dataclass

import numpy as np

from synthetic.chance import rng_for
from synthetic.geography import World
from synthetic.households import (
    AGES_ARRIVING,
    AGES_ENGLAND,
    TWIN_BIRTHS,
    Households,
    make_households,
)
from synthetic.moves import DAYS_PER_YEAR, STILL, draw_from

# Per resident and year. Births 10.0 and deaths 9.6 per 1,000 (ONS, England, 2022);
# comings and goings are those of a middling integrated care system.
BIRTHS, DEATHS, ARRIVALS, LEAVERS = 0.0100, 0.0096, 0.036, 0.031
LEAVING_AGES = (16, 30, 45, 65)
LEAVING = np.array([1.9, 1.1, 0.55, 0.35])
STUDENTS_LEAVING = 0.10
FERTILE_AGES = (16, 45)
# England, Census 2021 (ONS TS021), in the groups of NHS 16+1.
DETAIL = {
    "white": {"A": 0.907, "B": 0.011, "C": 0.082},
    "asian": {"H": 0.342, "J": 0.290, "K": 0.115, "L": 0.177, "R": 0.076},
    "black": {"M": 0.262, "N": 0.620, "P": 0.118},
    "mixed": {"D": 0.300, "E": 0.147, "F": 0.281, "G": 0.272},
    "other": {"S": 1.0},
}
BROAD = tuple(DETAIL)
# Groups other than White are younger: odds by age of the household's head (RM032).
YOUNGER = {"young": 1.3, "middle": 1.0, "old": 0.42}
MIXED_COUPLES = 0.12


@dataclass(frozen=True)
class Crowd:
    """Arrays per person (days since 1970; left may be STILL), then per household.

    mother, partner, twin_of: index of the person or -1. first_area: row of world.areas.
    """

    born: np.ndarray
    female: np.ndarray
    household: np.ndarray
    mother: np.ndarray
    partner: np.ndarray
    twin_of: np.ndarray
    arrived: np.ndarray
    left: np.ndarray
    ethnicity: np.ndarray
    first_area: np.ndarray
    head_age: np.ndarray
    care_household: np.ndarray


def gather(world: World, n: int, window: tuple[int, int], seed: int) -> Crowd:
    """Everyone of the window (first, last day), about `n` of them there at its end."""
    rng = rng_for(seed, "crowd")
    years = (window[1] - window[0]) / DAYS_PER_YEAR
    growth = 1 + years * (BIRTHS - DEATHS + ARRIVALS - LEAVERS)
    first = round(n / growth)
    ages = np.array(world.ages) if world.ages else AGES_ENGLAND
    residents = make_households(first, ages, rng, round(years))
    comers = make_households(round(first * ARRIVALS * years), AGES_ARRIVING, rng)
    both = _together(residents, comers)
    total = len(both.age_years)
    comer = np.arange(total) >= first
    come_on = rng.integers(window[0] + 1, window[1], both.household.max() + 1)
    arrived = np.where(comer, come_on[both.household], window[0])
    birthday = rng.integers(0, 365, total)
    born = arrived - (both.age_years * DAYS_PER_YEAR).astype(int) - birthday
    twins = both.twin_of >= 0
    born[twins] = born[both.twin_of[twins]]
    left = _leaving(both, arrived, window, years, rng)
    head_age = np.zeros(both.household.max() + 1, dtype=int)
    head_age[both.household] = both.age_years[both.head]
    area = _areas(world, head_age, rng)
    ethnicity = _ethnicities(world, both, area, head_age, rng)
    care = np.zeros(len(area), dtype=bool)
    care[both.household[both.care_home]] = True
    crowd = Crowd(
        born=born,
        female=both.female,
        household=both.household,
        mother=both.mother,
        partner=both.partner,
        twin_of=both.twin_of,
        arrived=arrived,
        left=left,
        ethnicity=ethnicity,
        first_area=area,
        head_age=head_age,
        care_household=care,
    )
    return _with_births(crowd, round(first * BIRTHS * years), window, rng)


def _together(one: Households, two: Households) -> Households:
    n, homes = len(one.age_years), one.household.max() + 1

    def after(name: str, shift: int) -> np.ndarray:
        second = getattr(two, name)
        return np.concatenate(
            [getattr(one, name), np.where(second >= 0, second + shift, -1)]
        )

    return Households(
        age_years=after("age_years", 0),
        female=np.concatenate([one.female, two.female]),
        household=after("household", homes),
        mother=after("mother", n),
        partner=after("partner", n),
        head=after("head", n),
        twin_of=after("twin_of", n),
        care_home=np.concatenate([one.care_home, two.care_home]),
    )


def _leaving(
    people: Households,
    arrived: np.ndarray,
    window: tuple[int, int],
    years: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Day each person leaves for good (with the household, or to study), or STILL."""
    homes = people.household.max() + 1
    head_age = people.age_years[people.head]
    rate = LEAVING[np.searchsorted(LEAVING_AGES[1:], head_age, side="right")]
    chance = np.zeros(homes)
    chance[people.household] = rate
    # Students leave besides, and comers as well as first residents.
    chance *= 0.85 * LEAVERS * years / np.average(chance[people.household])
    # Whoever came lately has had less time to leave.
    exposed = 0.5 + 0.5 * (window[1] - arrived) / (window[1] - window[0])
    goes = (rng.random(homes) < chance)[people.household]
    goes &= rng.random(homes)[people.household] < exposed
    share = rng.random(homes)[people.household]
    student = (
        (people.mother >= 0)
        & (people.age_years >= 16)
        & (people.age_years < 22)
        & (rng.random(len(goes)) < STUDENTS_LEAVING)
    )
    share = np.where(student, rng.random(len(goes)), share)
    day = arrived + 60 + (share * np.maximum(window[1] - arrived - 60, 0)).astype(int)
    return np.where((goes | student) & (day < window[1]), day, int(STILL))


def _areas(world: World, head_age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """First home of each household, as a row of world.areas, by age of its head."""
    area = np.zeros(len(head_age), dtype=np.int64)
    for band, low, high in (("young", 0, 40), ("middle", 40, 65), ("old", 65, 200)):
        mine = (head_age >= low) & (head_age < high)
        weight = world.areas[band].to_numpy()
        area[mine] = rng.choice(len(weight), mine.sum(), p=weight / weight.sum())
    return area


def _ethnicities(
    world: World,
    people: Households,
    area: np.ndarray,
    head_age: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """NHS 16+1 letter of each person: by area and age, alike within families."""
    n = len(people.age_years)
    shares = world.areas.select(BROAD).to_numpy()[area]
    odds = np.select(
        [head_age < 40, head_age < 65], [YOUNGER["young"], YOUNGER["middle"]],
        YOUNGER["old"],
    )  # fmt: skip
    shares[:, 1:] *= odds[:, None]
    own = _letters(draw_from(shares, people.household, rng.random(n)), rng)
    partner = people.partner
    follows = (
        (partner >= 0) & (partner < np.arange(n)) & (rng.random(n) > MIXED_COUPLES)
    )
    own[follows] = own[partner[follows]]
    child = np.flatnonzero(people.mother >= 0)
    own[child] = _child_of(own, people.mother[child], partner, rng)
    return own


def _letters(broad: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    letter = np.full(len(broad), "A", dtype="U1")
    for number, group in enumerate(BROAD):
        mine = np.flatnonzero(broad == number)
        detail = DETAIL[group]
        chance = np.array(list(detail.values()))
        letter[mine] = rng.choice(list(detail), len(mine), p=chance / chance.sum())
    return letter


def _child_of(
    own: np.ndarray, mother: np.ndarray, partner: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The mother's letter, or a mixed one where her partner's broad group differs."""
    group_of = {letter: g for g in BROAD for letter in DETAIL[g]}
    letters = sorted(group_of)
    broad = np.array([group_of[x] for x in letters])
    first = own[mother]
    second = np.where(partner[mother] >= 0, own[partner[mother]], first)
    groups = (
        broad[np.searchsorted(letters, first)],
        broad[np.searchsorted(letters, second)],
    )
    white = (groups[0] == "white") | (groups[1] == "white")
    pair = white & (groups[0] != groups[1])
    is_black = (groups[0] == "black") | (groups[1] == "black")
    is_asian = (groups[0] == "asian") | (groups[1] == "asian")
    caribbean = (first == "M") | (second == "M")
    mixed = np.select(
        [pair & is_black & caribbean, pair & is_black, pair & is_asian],
        ["D", "E", "F"],
        "G",
    )
    return np.where(groups[0] == groups[1], first, mixed)


def _with_births(
    crowd: Crowd, births: int, window: tuple[int, int], rng: np.random.Generator
) -> Crowd:
    """Add children born in the window, to women who then live here: one birth each."""
    n = len(crowd.born)
    day = rng.integers(window[0], window[1], n)
    age = (day - crowd.born) / DAYS_PER_YEAR
    able = (
        crowd.female
        & (crowd.mother < 0)
        & (age >= FERTILE_AGES[0])
        & (age < FERTILE_AGES[1])
        & (crowd.arrived < day)
        & (day < crowd.left)
    )
    women = np.flatnonzero(able)
    likely = np.exp(-(((age[women] - 30.9) / 7.5) ** 2)) + 0.01
    likely *= np.where(crowd.partner[women] >= 0, 1.0, 0.35)
    mother = rng.choice(
        women, size=min(births, len(women) // 2), replace=False, p=likely / likely.sum()
    )
    twin = np.flatnonzero(rng.random(len(mother)) < TWIN_BIRTHS)
    twin_of = np.concatenate([np.full(len(mother), -1), n + twin])
    mother = np.concatenate([mother, mother[twin]])
    born = day[mother]

    def grown(old: np.ndarray, new: np.ndarray | int) -> np.ndarray:
        return np.concatenate([old, np.broadcast_to(new, len(mother))])

    return Crowd(
        born=grown(crowd.born, born),
        female=grown(crowd.female, rng.random(len(mother)) < 0.488),
        household=grown(crowd.household, crowd.household[mother]),
        mother=grown(crowd.mother, mother),
        partner=grown(crowd.partner, -1),
        twin_of=np.concatenate([crowd.twin_of, twin_of]),
        arrived=grown(crowd.arrived, born),
        left=grown(crowd.left, crowd.left[mother]),
        ethnicity=grown(
            crowd.ethnicity, _child_of(crowd.ethnicity, mother, crowd.partner, rng)
        ),
        first_area=crowd.first_area,
        head_age=crowd.head_age,
        care_household=crowd.care_household,
    )
