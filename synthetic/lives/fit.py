"""Fit normalisers.csv: `python -m synthetic.lives.fit --people 100000`.

People with conditions and frailty have more admissions and deaths than others. So
that all together have the published rates of their age, a rate is divided by a
normaliser; after a change to effects it is found again by simulating, comparing and
correcting, a few times over.
"""

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from synthetic.__main__ import AS_OF, make_world
from synthetic.geography import World
from synthetic.lives import calibration, check, simulate
from synthetic.people import People, make_people
from synthetic.progress import Progress

MEASURES = {"emergency_per_1000": "emergency", "deaths_per_1000": "deaths"}
ROUNDS = 5
# Fewer events than this say little, and a correction by them would be chance.
LEAST_EVENTS = 150.0
FILE = calibration.FOLDER / "normalisers.csv"


def fit(
    people: People, world: World, seed: int, as_of: date, rounds: int
) -> pl.DataFrame:
    """Correct the file's normalisers until the rates by age are the published ones."""
    progress = Progress(quiet=True)
    for _ in range(rounds):
        lived = simulate(people, world, seed, as_of, progress)
        achieved = check.by_age(lived)
        frame = pl.read_csv(FILE)
        for measure, name in MEASURES.items():
            ratio = (achieved[name] / achieved[f"{name}_target"]).to_numpy()
            events = (achieved[name] * achieved["years"] / 1000).to_numpy()
            ratio = np.where(events > LEAST_EVENTS, ratio, 1.0)
            frame = frame.with_columns(
                pl.when(pl.col("measure") == measure)
                .then(pl.col(f"age_{knot:g}") * ratio[i])
                .otherwise(pl.col(f"age_{knot:g}"))
                .round(4)
                for i, knot in enumerate(achieved["age"])
            )
        frame.write_csv(FILE)
        calibration.table.cache_clear()
    return frame


def main(argv: list[str] | None = None) -> int:
    """Make people, fit, and write the file; the published rates stay as they are."""
    parser = argparse.ArgumentParser(prog="python -m synthetic.lives.fit")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder) / "reference", asked.people, asked.seed, None)
        people = make_people(
            world, asked.people, asked.seed, AS_OF, Progress(quiet=True)
        )
        fit(people, world, asked.seed, AS_OF, asked.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
