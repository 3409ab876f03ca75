"""Conditions that shape no hazard: they are there to be found, and to be planned for.

The conditions of prevalence.csv move admissions, deaths and frailty, whose rates are
fitted with them. Those of further.csv begin by the same rule (a rank among people
alike) and leave every rate as it is.
"""

from functools import cache

import numpy as np

from synthetic import chance
from synthetic.lives import calibration
from synthetic.lives.onset import KEYS, LOADINGS, onset_day, rank_of
from synthetic.lives.traits import Traits

FILE = "further"


@cache
def further() -> tuple[str, ...]:
    """The keys of further.csv, in file order."""
    return tuple(calibration.table(FILE)["condition"].unique(maintain_order=True))


EVERY = (*KEYS, *further())


def draw_further(traits: Traits, seed: int) -> np.ndarray:
    """Day number of onset (int32, persons x `further()`); FAR where it never comes."""
    rng = chance.rng_for(seed, "further", int(traits.person[0]))
    frame = calibration.table(FILE)
    columns = []
    for key in further():
        row = frame.filter(condition=key).row(0, named=True)
        loadings = {trait: row[column] for trait, column in LOADINGS.items()}
        rank = rank_of(traits, loadings, rng)
        curves = {sex: calibration.prevalence(key, sex, FILE) for sex in ("M", "F")}
        columns.append(onset_day(traits, row["deprivation_ratio"], curves, rank, rng))
    return np.column_stack(columns)
