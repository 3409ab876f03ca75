"""What every clinical feed needs of the chunk of people it writes about."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from synthetic import chance
from synthetic.clinical_feeds.delivery import Delivery
from synthetic.geography import World
from synthetic.lives import KEYS, Chunk, Lives
from synthetic.lives.frailty import deficit_share
from synthetic.people import People

_PERSON_BITS = 20  # of a day number in a person-and-day key
_DAY_SHIFT = 500_000  # day numbers before 1970 are negative


class Registrations:
    """Who was registered where, looked up by person and day."""

    def __init__(self, people: People) -> None:
        frame = people.registrations.sort("person", "start_on")
        self.practice_code = frame["practice_code"]
        self.patient_id = frame["patient_id"]
        self._person = frame["person"].to_numpy().astype(np.int64)
        self._key = _key(self._person, frame["start_on"].cast(pl.Int32).to_numpy())

    def at(self, person: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Row of the registration on a day; the first one before it; -1 for none."""
        at = np.searchsorted(self._key, _key(person, day), side="right") - 1
        first = np.searchsorted(self._person, person)
        at = np.maximum(at, first)
        known = (first < len(self._person)) & (
            self._person[np.minimum(first, len(self._person) - 1)] == person
        )
        return np.where(known, at, -1)


def _key(person: np.ndarray, day: np.ndarray) -> np.ndarray:
    return (person.astype(np.int64) << _PERSON_BITS) + day.astype(np.int64) + _DAY_SHIFT


@dataclass(frozen=True)
class Year:
    """A chunk's people in one year of the window.

    from_day: first day. share: of the year spent here (float, 0-1). age: years at its
    middle. has: bool, persons x KEYS, conditions begun by its middle. conditions: their
    number. frailty: share of deficits.
    """

    from_day: int
    share: np.ndarray
    age: np.ndarray
    has: np.ndarray
    conditions: np.ndarray
    frailty: np.ndarray

    def with_(self, key: str) -> np.ndarray:
        """Who has a condition in this year (bool)."""
        return self.has[:, KEYS.index(key)]


@dataclass
class Context:
    """One chunk of people on its way into the feeds."""

    delivery: Delivery
    people: People
    world: World
    lives: Lives
    chunk: Chunk
    registrations: Registrations
    seed: int
    home_trust: np.ndarray
    coding: dict[str, np.ndarray]

    def rng(self, *what: object) -> np.random.Generator:
        """A generator of its own for a named part of this chunk."""
        return chance.rng_for(self.seed, "feeds", *what, self.chunk.first)

    @property
    def as_of_day(self) -> int:
        return day_number(self.lives.window[1])

    @property
    def start_day(self) -> int:
        return day_number(self.lives.window[0])

    @property
    def persons(self) -> pl.DataFrame:
        return self.people.persons.slice(self.chunk.first, len(self.chunk.traits))

    def years(self) -> list[Year]:
        """The window in years, the last one ending at as_of."""
        traits, chunk = self.chunk.traits, self.chunk
        found = []
        count = round((self.as_of_day - self.start_day) / 365.25)
        for i in range(count):
            first = round(self.start_day + i * 365.25)
            middle = first + 182
            last = min(first + 365, self.as_of_day)
            here = np.minimum(chunk.here_to, last) - np.maximum(chunk.here_from, first)
            age = traits.age_at(middle)
            has = chunk.onset <= middle
            number = has.sum(axis=1)
            frail = deficit_share(traits, age, number)
            share = (here.clip(0) / 365.25).astype(np.float32)
            found.append(Year(first, share, age, has, number, frail))
        return found

    def happen(
        self, year: Year, rate: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows and days of Poisson events at `rate` a year while people are here."""
        times = rng.poisson(rate * year.share)
        row = np.repeat(np.arange(len(times)), times)
        begin = np.maximum(self.chunk.here_from[row], year.from_day)
        end = np.minimum(self.chunk.here_to[row], year.from_day + 365)
        day = begin + (rng.random(len(row)) * (end - begin)).astype(np.int32)
        return row, day.astype(np.int32)

    def person(self, row: np.ndarray) -> np.ndarray:
        """Person numbers (int32) of rows of the chunk."""
        return self.chunk.traits.person[row]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days
