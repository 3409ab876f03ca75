"""A population's columns, made directly: no person, no record, only their values.

Every column is drawn from its own seed, so that any one can be made alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from linkage.release.catalogue import Attribute
from segmentation.definitions import SCHEMES

AGE_BANDS = [f"{age:02d}-{age + 4:02d}" for age in range(0, 90, 5)] + ["90+"]
GROUPS = ("White", "Mixed", "Asian", "Black", "Other", "Not known")
SEGMENTS = tuple(s.name for s in SCHEMES["bridges_to_health"].segments)
FRAILTY = ("none", "mild", "moderate", "severe")
PRACTICES, PCNS, PLACES, LSOAS = 200, 40, 4, 900
CONDITIONS, OTHER_FLAGS, CATEGORIES = 45, 95, 15
COUNTS = (
    "gp_appointments_12m",
    "outpatient_attendances_12m",
    "emergency_attendances_12m",
    "emergency_admissions_12m",
    "elective_admissions_12m",
    "community_contacts_12m",
    "mental_health_contacts_12m",
    "medicines_12m",
    "condition_count",
    *(f"count_{n}" for n in range(16)),
)
COSTS = tuple(
    f"cost_{name}_12m"
    for name in ("gp", "outpatient", "emergency", "admitted", "total")
)
VALUES = tuple(f"latest_{n}" for n in range(12))


@dataclass(frozen=True)
class Crowd:
    """How many people there are; `columns()` gives each attribute with its values."""

    people: int
    seed: int = 11

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *name.encode()])

    @property
    def numbers(self) -> np.ndarray:
        """The people's numbers: dense, with a gap for every twentieth who is gone."""
        span = self.people + self.people // 20
        gone = self._rng("gone").random(span) < 1 / 21
        kept = np.flatnonzero(~gone)[: self.people] + 1
        return kept.astype(np.uint32)

    @property
    def size(self) -> int:
        return len(self.numbers)

    def ages(self) -> np.ndarray:
        drawn = self._rng("age").gamma(2.6, 16, self.size)
        return np.clip(drawn, 0, 99).astype(np.int64)

    def practices(self) -> np.ndarray:
        return self._rng("practice").integers(0, PRACTICES, self.size)

    def columns(self) -> Iterator[tuple[Attribute, pl.Series]]:
        """Give every attribute and its column, in catalogue order."""
        practice = self.practices()
        for name, prefix, places in (
            ("practice_code", "Z8", practice),
            ("pcn_code", "U", practice // (PRACTICES // PCNS)),
            ("place_code", "P", practice // (PRACTICES // PLACES)),
            ("icb_code", "Q", practice * 0),
            ("lsoa_code", "E01", self._rng("lsoa").integers(0, LSOAS, self.size)),
        ):
            yield category(name, codes(prefix, int(places.max()) + 1), places)
        for name, share in (("is_registered", 0.985), ("is_resident", 0.96)):
            yield flag(name, self._rng(name).random(self.size) < share)
        age = self.ages()
        yield number("age_years", age, "years", (5, 18, 25, 40, 50, 65, 75, 85))
        yield category("age_band", AGE_BANDS, np.minimum(age // 5, 18))
        for name, values, shares in (
            ("sex", ("F", "M"), (0.51, 0.49)),
            ("ethnicity_group", GROUPS, (0.7, 0.05, 0.1, 0.05, 0.05, 0.05)),
            ("imd_fifth", tuple("12345"), (0.25, 0.22, 0.2, 0.18, 0.15)),
            ("imd_decile", tuple(str(n) for n in range(1, 11)), None),
            ("segment", SEGMENTS, None),
            ("frailty_recorded", FRAILTY, (0.85, 0.08, 0.05, 0.02)),
        ):
            yield category(name, values, self._drawn(name, len(values), shares))
        for n in range(CATEGORIES):
            values = tuple(f"value_{v}" for v in range(3 + n % 6))
            name = f"category_{n}"
            yield category(name, values, self._drawn(name, len(values), None))
        yield from self._flags(age)
        yield from self._numbers(age)

    def _drawn(
        self, name: str, values: int, shares: tuple[float, ...] | None
    ) -> np.ndarray:
        """Draw positions of values, by their shares or all alike."""
        rng = self._rng(name)
        if shares is None:
            return rng.integers(0, values, self.size)
        return np.searchsorted(np.cumsum(shares)[:-1], rng.random(self.size))

    def _flags(self, age: np.ndarray) -> Iterator[tuple[Attribute, pl.Series]]:
        names = [f"has_condition_{n}" for n in range(CONDITIONS)]
        names += ["lives_alone", *(f"flag_{n}" for n in range(OTHER_FLAGS))]
        for n, name in enumerate(names):
            share = 0.001 * 1.4 ** (n % 15) * (0.2 + age / 50)
            yield flag(name, self._rng(name).random(self.size) < share)

    def _numbers(self, age: np.ndarray) -> Iterator[tuple[Attribute, pl.Series]]:
        for n, name in enumerate(COUNTS):
            mean = (0.15 + 0.25 * (n % 8)) * (0.3 + age / 40)
            yield number(name, self._rng(name).poisson(mean), "", (1, 2, 5, 8, 10, 15))
        for name in COSTS:
            drawn = self._rng(name).lognormal(5, 1.6, self.size)
            used = self._rng(name + "used").random(self.size) < 0.6
            yield number(name, np.where(used, drawn, 0), "£", (1, 100, 500, 1000, 5000))
        for name in VALUES:
            drawn = self._rng(name).normal(60, 15, self.size).round(1)
            drawn[self._rng(name + "known").random(self.size) < 0.4] = np.nan
            yield number(name, drawn, "", (30, 45, 60, 75, 90))


def codes(prefix: str, count: int) -> list[str]:
    """Return places' codes: "Z80001", "U001"."""
    width = 6 - len(prefix) if len(prefix) > 1 else 3
    return [f"{prefix}{n:0{width}d}" for n in range(count)]


def category(
    name: str, values: Sequence[str], places: np.ndarray
) -> tuple[Attribute, pl.Series]:
    title = name.replace("_", " ").capitalize()
    words = pl.Series(name, list(values)).gather(pl.Series(places))
    return Attribute(name, title, "category", values=tuple(values)), words


def flag(name: str, values: np.ndarray) -> tuple[Attribute, pl.Series]:
    title = name.removeprefix("has_").replace("_", " ").capitalize()
    return Attribute(name, title, "flag"), pl.Series(name, values)


def number(
    name: str, values: np.ndarray, unit: str, bins: tuple[float, ...]
) -> tuple[Attribute, pl.Series]:
    title = name.removesuffix("_12m").replace("_", " ").capitalize()
    column = pl.Series(name, values.astype(np.float32), nan_to_null=True)
    return Attribute(name, title, "number", unit=unit, bins=bins), column
