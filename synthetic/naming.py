"""Gives people names: by ethnic group, sex and year of birth, and by family custom."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

NAMES = Path(__file__).parent / "data" / "names.csv"
# NHS 16+1 letter to the group whose names people of it mostly carry.
NAME_GROUP = {
    "A": "white_british", "B": "white_british", "C": "white_other",
    "D": "white_british", "E": "white_british", "F": "white_british",
    "G": "white_british", "H": "indian", "J": "pak_bang", "K": "pak_bang",
    "L": "indian", "M": "white_british", "N": "black_african", "P": "white_british",
    "R": "chinese", "S": "pak_bang",
}  # fmt: skip
# A woman takes her husband's surname: most British wives did, fewer now
# (Valetas 2001), rarely where custom is different.
TAKES_SURNAME = {
    "white_british": 0.72, "white_other": 0.6, "pak_bang": 0.1, "indian": 0.35,
    "black_african": 0.35, "chinese": 0.15,
}  # fmt: skip
COMPOSED = {"white_british": 0.6, "white_other": 0.5}
SINGH_AND_KAUR = 0.35
BEGUM = 0.35
BEGUMS = ("Begum", "Bibi", "Akhtar", "Khatun", "Kausar", "Parveen")
SAME_NAME_SONS = 0.03
HYPHENATED = 0.04
MIDDLE_NAME = 0.7


@dataclass(frozen=True)
class Names:
    """Arrays of text, one per person; a middle name may be empty."""

    forename: np.ndarray
    middle: np.ndarray
    surname: np.ndarray
    birth_surname: np.ndarray


def name_people(
    ethnicity: np.ndarray,
    female: np.ndarray,
    birth_year: np.ndarray,
    mother: np.ndarray,
    partner: np.ndarray,
    twin_of: np.ndarray,
    rng: np.random.Generator,
) -> Names:
    """Name everyone; `mother`, `partner`, `twin_of` are indices, -1 where none.

    Parents come with names of their own before children take one of them, so a mother
    must not be somebody's child here; grown children at home are named like the rest.
    """
    letters = sorted(NAME_GROUP)
    group = np.array([NAME_GROUP[letter] for letter in letters])[
        np.searchsorted(letters, ethnicity)
    ]
    n = len(group)
    forename, middle = _forenames(group, female, birth_year, rng)
    middle[rng.random(n) >= MIDDLE_NAME] = ""
    birth_surname = _surnames(group, female, rng)
    surname = birth_surname.copy()
    takes = _by_group(TAKES_SURNAME, group)
    has_husband = female & (partner >= 0)
    has_husband[has_husband] = ~female[partner[has_husband]]
    wife = has_husband & (rng.random(n) < takes) & (birth_surname != "Kaur")
    surname[wife] = birth_surname[partner[wife]]
    both = wife & (rng.random(n) < HYPHENATED)
    surname[both] = birth_surname[both] + "-" + surname[both]
    child = np.flatnonzero(mother >= 0)
    parent = mother[child]
    father = np.where(partner[parent] >= 0, partner[parent], parent)
    named_after = np.where(female[father], parent, father)
    family = surname[named_after]
    daughters_of_singh = female[child] & (family == "Singh")
    family = np.where(daughters_of_singh, "Kaur", family)
    surname[child], birth_surname[child] = family, family
    same = (
        ~female[child]
        & ~female[named_after]
        & (rng.random(len(child)) < SAME_NAME_SONS)
    )
    forename[child[same]] = forename[named_after[same]]
    twin = np.flatnonzero(twin_of >= 0)
    alike = twin[forename[twin] == forename[twin_of[twin]]]
    forename[alike] = np.where(female[alike], "Anna", "Luca")
    return Names(forename, middle, surname, birth_surname)


def _by_group(value: dict[str, float], group: np.ndarray) -> np.ndarray:
    names = sorted(value)
    at = np.searchsorted(names, group).clip(0, len(names) - 1)
    known = np.array(names)[at] == group
    return np.where(known, np.array([value[name] for name in names])[at], 0.0)


@cache
def _lists() -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Names and the year they were most given in (NaN: any), by group and kind."""
    table = pl.read_csv(NAMES, schema_overrides={"heyday_year": pl.Float64})
    return {
        (str(group), str(kind)): (
            part["name"].to_numpy().astype(object),
            part["heyday_year"].fill_null(float("nan")).to_numpy(),
        )
        for (group, kind), part in table.group_by("name_group", "kind")
    }


def _commonness(count: int, power: float) -> np.ndarray:
    """Few names are common and many rare, as in any register (Zipf)."""
    weight = 1 / np.arange(1, count + 1) ** power
    return weight / weight.sum()


def _forenames(
    group: np.ndarray,
    female: np.ndarray,
    birth_year: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.full(len(group), "", object), np.full(len(group), "", object)
    cohort = birth_year // 15
    for (name_group, kind), (names, heyday) in sorted(_lists().items()):
        if kind not in ("female", "male"):
            continue
        mine = (group == name_group) & (female == (kind == "female"))
        for years in np.unique(cohort[mine]):
            who = np.flatnonzero(mine & (cohort == years))
            fashion = np.exp(-(((heyday - (years * 15 + 7)) / 22) ** 2)) + 0.03
            weight = _commonness(len(names), 0.6) * np.where(
                np.isnan(heyday), 1.0, fashion
            )
            weight /= weight.sum()
            first[who] = rng.choice(names, size=len(who), p=weight)
            second[who] = rng.choice(names, size=len(who), p=weight)
    return first, second


def _surnames(
    group: np.ndarray, female: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Surnames from birth: listed ones, or (for a long tail) composed of two parts."""
    surname = np.full(len(group), "", object)
    lists = _lists()
    for name_group in TAKES_SURNAME:
        who = np.flatnonzero(group == name_group)
        names = lists[name_group, "surname"][0]
        chosen = rng.choice(names, size=len(who), p=_commonness(len(names), 0.6))
        if name_group in COMPOSED:
            starts = lists[name_group, "surname_start"][0]
            ends = lists[name_group, "surname_end"][0]
            rare = rng.random(len(who)) < COMPOSED[name_group]
            composed = rng.choice(starts, len(who)) + rng.choice(ends, len(who))
            chosen = np.where(rare, composed, chosen)
        surname[who] = chosen
    sikh = (group == "indian") & (rng.random(len(group)) < SINGH_AND_KAUR)
    surname[sikh] = np.where(female[sikh], "Kaur", "Singh")
    begum = (group == "pak_bang") & female & (rng.random(len(group)) < BEGUM)
    surname[begum] = rng.choice(np.array(BEGUMS, object), size=begum.sum())
    return surname
