"""Invented people to train on: a law that is known, so that a model can be judged."""

from datetime import date

import numpy as np
import polars as pl

from risk.definitions import MODELS
from risk.specs import ModelSpec

FULL = MODELS["emergency_admission"]
KEPT = {
    "age_years",
    "sex",
    "imd_decile",
    "emergency_admissions_12m",
    "latest_egfr",
    "has_heart_failure",
}
# Few inputs and few rounds keep the tests quick; everything else is the real thing.
SPEC = ModelSpec.model_validate(
    FULL.model_dump()
    | {
        "inputs": [e for e in FULL.inputs if e.feature in KEPT],
        "trees": FULL.trees.model_dump() | {"most_rounds": 80, "patience": 10},
    }
)


def learnt(people: int, seed: int = 1) -> pl.DataFrame:
    """Rows as `gather` makes them; the true chance is in `chance`."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 96, people)
    decile = random.integers(1, 11, people)
    admissions = random.poisson(0.15, people)
    failing = random.random(people) < 0.03 + 0.002 * (age - 18)
    odds = (
        -3.6
        + 0.035 * (age - 50)
        + 0.7 * admissions
        + 0.8 * failing
        - 0.06 * (decile - 5)
    )
    chance = 1 / (1 + np.exp(-odds))
    egfr = pl.Series(random.normal(75, 15, people).round(1))
    return pl.DataFrame(
        {
            "person_no": pl.Series(np.arange(people), dtype=pl.Int32),
            "age_years": age,
            "sex": random.choice(["F", "M"], people),
            "imd_decile": decile.astype(str),
            "imd_fifth": ((decile + 1) // 2).astype(str),
            "age_band": (age // 5).astype(str),
            "ethnicity_group": random.choice(["White", "Asian", None], people).tolist(),
            "emergency_admissions_12m": admissions,
            "latest_egfr": egfr.set(pl.Series(random.random(people) < 0.5), None),
            "latest_egfr_on": [date(2024, 1, 1)] * people,
            "has_heart_failure": failing,
            "heart_failure_since": [date(2019, 3, 1)] * people,
            "days_since_emergency_admission": random.integers(1, 400, people),
            "practice_code": random.choice(["Z81001", "Z81002"], people),
            "pcn_code": "U81001",
            "outcome": random.random(people) < chance,
            "died_in_horizon": random.random(people) < 0.01,
            "treated": False,
            "amount_gbp": random.gamma(1.0, 2000.0, people)
            * (random.random(people) < chance),
            "chance": chance,
        }
    ).with_columns(
        index_on=pl.date(2024, 9, 30),
        outcome_days=pl.when("outcome").then(180).cast(pl.Int32),
        died_days=pl.when("died_in_horizon").then(90).cast(pl.Int32),
    )
