"""Random cohorts of five terms, as a definition and as SQL that means the same."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.cohort_parts.columns import (
    AGE_BANDS,
    CONDITIONS,
    COSTS,
    COUNTS,
    GROUPS,
    SEGMENTS,
    VALUES,
)

TERMS = 5
# The columns that questions draw from: the wide table holds and indexes them all.
FLAGS = (*(f"has_condition_{n}" for n in range(CONDITIONS)), "lives_alone")
CHOICES = {
    "sex": ("F", "M"),
    "age_band": tuple(AGE_BANDS),
    "ethnicity_group": GROUPS,
    "imd_fifth": tuple("12345"),
    "segment": SEGMENTS,
    "frailty_recorded": ("none", "mild", "moderate", "severe"),
}
NUMBERS = ("age_years", *COUNTS[:9], *COSTS, *VALUES[:6])


@dataclass(frozen=True)
class Question:
    """One cohort: its definition, and the SQL condition over the wide table."""

    who: dict[str, Any]
    sql: str


# In words of the lattice: catalogued values, and the catalogue's own edges.
EDGES = {"age_years": (5, 18, 25, 40, 50, 65, 75, 85)} | dict.fromkeys(
    COUNTS[:9], (1, 2, 5, 8, 10)
)
# Protected figures know four things at most; what is left is for figures' own cuts.
PROTECTED_TERMS = (1, 2, 2, 3, 3, 3, 4)


def protected_questions(count: int, seed: int) -> list[dict[str, Any]]:
    """Return random cohorts that may be asked of protected figures, as definitions."""
    rng = Random(seed)
    made = []
    for _ in range(count):
        things = rng.sample((*FLAGS, *CHOICES, *EDGES), rng.choice(PROTECTED_TERMS))
        made.append({"all_of": [_plainly(name, rng) for name in things]})
    return made


def _plainly(name: str, rng: Random) -> dict[str, Any]:
    if name in CHOICES:
        values = rng.sample(CHOICES[name], max(1, len(CHOICES[name]) // 2))
        return {"feature": name, "any_of": values}
    if name in EDGES:
        return {"feature": name, "at_least": rng.choice(EDGES[name])}
    return {"feature": name}


def questions(count: int, seed: int) -> list[Question]:
    """Return random cohorts; the same seed gives the same ones."""
    rng = Random(seed)
    made = []
    for _ in range(count):
        terms = [rng.choice(KINDS)(rng) for _ in range(TERMS)]
        rules = [rule for rule, _ in terms]
        condition = " AND ".join(["is_registered", *(sql for _, sql in terms)])
        made.append(Question({"all_of": rules}, condition))
    return made


Term = tuple[dict[str, Any], str]


def _flag(rng: Random) -> Term:
    name = rng.choice(FLAGS)
    return {"feature": name}, name


def _not(rng: Random) -> Term:
    name = rng.choice(FLAGS)
    return {"none_of": [{"feature": name}]}, f"NOT {name}"


def _either(rng: Random) -> Term:
    names = rng.sample(FLAGS, 3)
    rules = [{"feature": name} for name in names]
    return {"any_of": rules}, f"({' OR '.join(names)})"


def _category(rng: Random) -> Term:
    name = rng.choice(sorted(CHOICES))
    values = rng.sample(CHOICES[name], max(1, len(CHOICES[name]) // 2))
    listed = ", ".join(f"'{value}'" for value in values)
    return {"feature": name, "any_of": values}, f"{name} IN ({listed})"


def _number(rng: Random) -> Term:
    name = rng.choice(NUMBERS)
    low = rng.choice(_typed(name))
    if rng.random() < 0.5:
        return {"feature": name, "at_least": low}, f"{name} >= {low}"
    high = low + rng.choice((5, 10, 20))
    rule = {"feature": name, "at_least": low, "below": high}
    return rule, f"{name} >= {low} AND {name} < {high}"


def _typed(name: str) -> tuple[float, ...]:
    """The thresholds that people type for a number."""
    if name == "age_years":
        return tuple(range(16, 90))
    if name in COSTS:
        return (50, 100, 250, 500, 750, 1000, 2500, 5000, 1234.5)
    if name in VALUES:
        return tuple(n / 2 for n in range(60, 180))
    return tuple(range(1, 9))


KINDS: tuple[Callable[[Random], Term], ...] = (
    _flag,
    _not,
    _either,
    _category,
    _number,
)
