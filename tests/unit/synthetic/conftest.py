"""One small demo ICS, made once for all tests of the generator."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthetic import clinical_feeds, fictional, geography, lives
from synthetic.geography import World
from synthetic.people import People, make_people
from synthetic.progress import Progress

AS_OF = date(2026, 9, 30)
SEED = 11


@dataclass(frozen=True)
class FewLives:
    """Deaths and sightings enough for the identity feeds, made without any life."""

    deaths: pl.DataFrame
    seen_at: pl.DataFrame


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    fictional.draw_reference(folder, 8_000, SEED)
    return folder


@pytest.fixture(scope="session")
def world(reference: Path) -> World:
    return geography.read_world(reference)


@pytest.fixture(scope="session")
def people(world: World) -> People:
    return make_people(world, 8_000, SEED, AS_OF)


@pytest.fixture(scope="session")
def few_lives(people: People) -> FewLives:
    rng = np.random.default_rng(SEED)
    persons = people.persons.filter(pl.col("left_on").is_null())
    dead = (
        persons.sample(300, seed=SEED)
        .sort("person")
        .select(
            "person",
            died_on=pl.max_horizontal(
                pl.col("arrived_on") + pl.duration(days=30), pl.lit(date(2024, 5, 17))
            ),
            cause_icd10=pl.lit("I251"),
            place=pl.lit("hospital"),
        )
    )
    seen = [
        persons.filter(pl.Series(rng.random(persons.height) < share)).select(
            "person",
            source=pl.lit(source),
            first_on=pl.lit(date(2022, 6, 1)),
            last_on=pl.lit(date(2025, 6, 1)),
        )
        for source, share in (
            ("RZ1", 0.4), ("RZ2", 0.3), ("RZ3", 0.1), ("RZ4", 0.2), ("990", 0.05),
            ("991", 0.05),
        )
    ]  # fmt: skip
    return FewLives(dead, pl.concat(seen))


@pytest.fixture(scope="session")
def lived(people: People, world: World) -> lives.Lives:
    return lives.simulate(people, world, SEED, AS_OF, Progress(quiet=True))


@pytest.fixture(scope="session")
def clinical(
    people: People,
    world: World,
    lived: lives.Lives,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A delivery folder with the clinical feeds and their truth."""
    out = tmp_path_factory.mktemp("clinical")
    clinical_feeds.write(lived, people, world, out, SEED, Progress(quiet=True))
    return out
