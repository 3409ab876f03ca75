"""Whether a lot finds a programme's true effect, and before and after does not.

A demonstration ICS is lived once; it knows everyone's true rate of emergency
admission and by how much its programme lowers it. People come onto the list for
emergency admissions in the year before. Then, seed by seed, lots are drawn as the
product draws them, a year is lived at the true rates, and both ways are asked.
"""

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from dashboards.list_specs import Comparison
from dashboards.steps.allocate import allocate_people
from dashboards.steps.effect import before_and_after, by_lot
from synthetic import lives
from synthetic.__main__ import make_world
from synthetic.lives.course import PROGRAMME_RATE_RATIO
from synthetic.people import make_people
from synthetic.progress import Progress

AS_OF = date(2026, 9, 30)
DECIDED_ON = AS_OF - timedelta(days=365)
# Of a hundred, one that holds in 95 of 100 is below 93 every eighth time by chance.
SEEDS = 1_000


@dataclass(frozen=True)
class Coverage:
    """Of `seeds` comparisons, how many intervals held the true effect, each way."""

    seeds: int
    people: int
    true_effect: float
    lot_held: int
    before_after_held: int
    lot_mean: float
    before_after_mean: float
    lot_width: float


def coverage(people: int, seed: int = 2026) -> Coverage:
    listed = on_the_list(people, seed)
    rate = listed["rate"].to_numpy()
    before = listed["before"].to_numpy().astype(float)
    numbers = listed.select(person_no="person")
    true_effect = float(rate.mean()) * (PROGRAMME_RATE_RATIO - 1)
    lots, alone = [], []
    for each in range(SEEDS):
        comparison = Comparison(
            by="person",
            share=0.5,
            seed=each,
            start_on=DECIDED_ON,
            until=AS_OF,
            why="bench",
        )
        offered = (allocate_people(numbers, comparison)["arm"] == "offer").to_numpy()
        rng = np.random.default_rng([seed, each])
        lived = rng.poisson(np.where(offered, rate * PROGRAMME_RATE_RATIO, rate))
        after = lived.astype(float)
        lots.append(by_lot(after[offered], after[~offered]))
        alone.append(before_and_after(before[offered], after[offered]))
    return Coverage(
        seeds=SEEDS,
        people=listed.height,
        true_effect=true_effect,
        lot_held=sum(effect.holds(true_effect) for effect in lots),
        before_after_held=sum(effect.holds(true_effect) for effect in alone),
        lot_mean=float(np.mean([e.difference for e in lots])),
        before_after_mean=float(np.mean([e.difference for e in alone])),
        lot_width=float(np.mean([e.upper - e.lower for e in lots])),
    )


def on_the_list(people: int, seed: int) -> pl.DataFrame:
    """Who had an emergency admission in the year before, with their true rate.

    person, rate (emergency admissions a year to come), before (the year's count).
    """
    progress = Progress(as_json=True)
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder) / "reference", people, seed, None)
        made = make_people(world, people, seed, AS_OF, progress)
        lived = lives.simulate(made, world, seed, AS_OF, progress)
    day = (DECIDED_ON - date(1970, 1, 1)).days
    spells = pl.concat(
        chunk.spells.select(person=pl.col("row") + chunk.first, admitted="admitted")
        for chunk in lived.chunks
    )
    year = spells.filter(pl.col("admitted").is_between(day - 365, day - 1))
    counted = year.group_by("person").agg(before=pl.len()).cast({"person": pl.Int32})
    hazards = lived.hazards.filter(pl.col("as_of") == DECIDED_ON)
    chance = pl.col("emergency_admission_12m").clip(0, 0.999)
    return (
        hazards.select(pl.col("person").cast(pl.Int32), rate=-(1 - chance).log())
        .join(counted, on="person")
        .sort("person")
    )
