"""Lives: risk factors, conditions, admissions, deaths; what is true of each person."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from synthetic import chance
from synthetic.geography import World
from synthetic.lives.course import (
    PROGRAMME,
    PROGRAMME_MONTHS,
    PROGRAMME_RATE_RATIO,
    Course,
    run_course,
)
from synthetic.lives.endings import draw_endings
from synthetic.lives.further import EVERY, draw_further
from synthetic.lives.onset import KEYS, draw_onsets
from synthetic.lives.spells import draw_spells
from synthetic.lives.traits import FAR, Traits, draw_traits
from synthetic.people import People
from synthetic.progress import Progress

__all__ = ["CHUNK_PERSONS", "EVERY", "KEYS", "Chunk", "Lives", "simulate"]

CHUNK_PERSONS = 50_000
PRACTICES_OFFERING_PROGRAMME = 0.5
# When true chances are noted, in days before `as_of`; models are tried 395 days before,
# so that late records of a whole year have come.
HAZARD_DAYS = (730, 395, 365, 0)


@dataclass(frozen=True)
class Chunk:
    """What is known of CHUNK_PERSONS consecutive persons; rows count from `first`.

    onset: day number per person and condition of KEYS (FAR: never).
    every: the same for EVERY, the conditions of KEYS and those that move no rate.
    palliative: day number from which palliative care was recognised, FAR for never.
    here_from, here_to: first and last day (number) alive and living here, to as_of.
    spells: emergency spells (row, admitted, discharged, reason, died).
    """

    first: int
    traits: Traits
    onset: np.ndarray
    every: np.ndarray
    palliative: np.ndarray
    here_from: np.ndarray
    here_to: np.ndarray
    enrolled: np.ndarray
    spells: pl.DataFrame


@dataclass
class Lives:
    """Everything simulated, and what the clinical feeds have shown of it.

    deaths: person, died_on, cause_icd10, place ("hospital", "own_home", ...).
    conditions: person, condition, onset_on.
    hazards: person, as_of, emergency_admission_12m.
    programme_effects: person, programme, enrolled_on, rate_ratio, months.
    """

    window: tuple[date, date]
    chunks: list[Chunk]
    deaths: pl.DataFrame
    conditions: pl.DataFrame
    hazards: pl.DataFrame
    programme_effects: pl.DataFrame
    sightings: list[pl.DataFrame] = field(default_factory=list)

    def saw(self, rows: pl.DataFrame) -> None:
        """Note rows (person, source, on) of a feed, for `seen_at`."""
        self.sightings.append(
            rows.group_by("person", "source").agg(
                pl.col("on").min().alias("first_on"),
                pl.col("on").max().alias("last_on"),
            )
        )

    @property
    def seen_at(self) -> pl.DataFrame:
        """person, source, first_on, last_on: who has been seen by which provider."""
        return (
            pl.concat(self.sightings)
            .group_by("person", "source")
            .agg(pl.col("first_on").min(), pl.col("last_on").max())
            .sort("person", "source")
        )


def simulate(
    people: People, world: World, seed: int, as_of: date, progress: Progress
) -> Lives:
    """Live every person's life to `as_of` (and, unseen by any feed, a year on)."""
    start_day, as_of_day = _number(people.window[0]), _number(as_of)
    hazard_dates = tuple(as_of - timedelta(days=days) for days in HAZARD_DAYS)
    offering = _practices_offering(world, seed)
    persons = people.persons
    chunks, deaths, hazards, effects = [], [], [], []
    for first in range(0, persons.height, CHUNK_PERSONS):
        part = persons.slice(first, CHUNK_PERSONS)
        traits = draw_traits(part, seed, as_of_day)
        onset = draw_onsets(traits, seed)
        offered = part["practice_code"].is_in(offering).fill_null(False).to_numpy()
        course = run_course(
            traits,
            onset,
            offered,
            seed,
            start_day,
            as_of_day,
            tuple(_number(day) for day in hazard_dates),
        )
        spells = draw_spells(traits, onset, course, seed)
        chunk, died = _chunk(traits, onset, course, spells, seed, start_day, as_of_day)
        chunks.append(chunk)
        deaths.append(died)
        hazards.append(_hazards(traits, course, chunk))
        effects.append(_programme(traits, chunk, as_of_day))
        done = min(first + CHUNK_PERSONS, persons.height)
        progress("lives", done, persons.height, "people")
    return Lives(
        window=(people.window[0], as_of),
        chunks=chunks,
        deaths=pl.concat(deaths),
        conditions=pl.concat([_conditions(chunk, as_of_day) for chunk in chunks]),
        hazards=pl.concat(hazards),
        programme_effects=pl.concat(effects),
    )


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _practices_offering(world: World, seed: int) -> list[str]:
    codes = world.practices["practice_code"].to_list()
    luck = chance.uniform(np.arange(len(codes)), seed, "programme")
    rank = np.argsort(luck)
    keep = max(1, round(len(codes) * PRACTICES_OFFERING_PROGRAMME))
    return [codes[i] for i in rank[:keep]]


def _chunk(
    traits: Traits,
    onset: np.ndarray,
    course: Course,
    spells: pl.DataFrame,
    seed: int,
    start_day: int,
    as_of_day: int,
) -> tuple[Chunk, pl.DataFrame]:
    in_hospital = np.zeros(len(traits), dtype=bool)
    in_hospital[spells.filter("died")["row"].to_numpy()] = True
    endings = draw_endings(traits, onset, course.death_day, in_hospital, seed)
    palliative = np.full(len(traits), FAR, dtype=np.int32)
    palliative[endings["row"].to_numpy()] = endings["palliative_from"].to_numpy()
    here_to = np.minimum(np.minimum(course.death_day, traits.left), as_of_day)
    chunk = Chunk(
        first=int(traits.person[0]),
        traits=traits,
        onset=np.maximum(onset, traits.born[:, None]),
        every=np.maximum(
            np.column_stack([onset, draw_further(traits, seed)]), traits.born[:, None]
        ),
        palliative=palliative,
        here_from=np.maximum(np.maximum(traits.arrived, traits.born), start_day),
        here_to=here_to.astype(np.int32),
        enrolled=course.enrolled_day,
        spells=spells.filter(pl.col("admitted") <= as_of_day),
    )
    died = endings.filter(pl.col("died") <= as_of_day).select(
        person=pl.col("row") + chunk.first,
        died_on=pl.col("died").cast(pl.Date),
        cause_icd10="cause_icd10",
        place="place",
    )
    return chunk, died


def _conditions(chunk: Chunk, as_of_day: int) -> pl.DataFrame:
    """Conditions begun by the end of each person's time here, long."""
    onset = np.column_stack([chunk.every, chunk.palliative])
    row, what = np.nonzero(onset <= chunk.here_to[:, None])
    keys = pl.Series([*EVERY, "palliative_care"])
    return pl.DataFrame(
        {
            "person": chunk.traits.person[row],
            "condition": keys.gather(what),
            "onset_on": pl.Series(onset[row, what]).cast(pl.Date),
        }
    )


def _hazards(traits: Traits, course: Course, chunk: Chunk) -> pl.DataFrame:
    parts = []
    for day, probability in course.probability.items():
        here = (chunk.here_from <= day) & (chunk.here_to >= day)
        parts.append(
            pl.DataFrame(
                {
                    "person": traits.person[here],
                    "as_of": pl.Series([day], dtype=pl.Int32)
                    .cast(pl.Date)
                    .gather(np.zeros(here.sum(), dtype=np.uint32)),
                    "emergency_admission_12m": probability[here],
                }
            )
        )
    return pl.concat(parts)


def _programme(traits: Traits, chunk: Chunk, as_of_day: int) -> pl.DataFrame:
    row = np.flatnonzero(chunk.enrolled <= as_of_day)
    return pl.DataFrame(
        {
            "person": traits.person[row],
            "enrolled_on": pl.Series(chunk.enrolled[row]).cast(pl.Date),
        }
    ).select(
        "person",
        pl.lit(PROGRAMME).alias("programme"),
        "enrolled_on",
        pl.lit(PROGRAMME_RATE_RATIO).alias("rate_ratio"),
        pl.lit(PROGRAMME_MONTHS).alias("months"),
    )
