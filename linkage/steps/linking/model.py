"""The frozen models of linkage: what each agreement and disagreement weighs, as data.

One YAML file for each identifier tier and version under linkage/link_models. `m` is the
share of pairs of one person's records that fall on a level, `u` that of pairs of two
people's; a level weighs log2(m/u) bits. Levels are tried in their order.
"""

from functools import cache
from math import log2
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, model_validator

from governance.specs import Definition, Strict

FOLDER = Path(__file__).resolve().parents[2] / "link_models"
# The model that each tier uses; a new version is a new file and a change here.
IN_USE = {"names": "names_2026_2", "national": "national_2026_2"}
LEAST_PERSONS = 10_000  # a list is drawn from a population, however short it is

Field_ = Literal["forename", "surname", "born", "postcode", "sex"]
Kind = Literal[
    "same",
    "swapped",  # forename and surname, or day and month, exchanged
    "half_swapped",  # one's forename is the other's surname
    "another_form",
    "close_spelling",
    "shared_part",
    "initial",
    "second_name",
    "similar_spelling",
    "short_slip",  # one letter differs in a name of two or three
    "distant_spelling",
    "womans_other_name",  # marriage changes the surname of women far oftener
    "day_or_month_differs",
    "year_slip",  # day and month agree, and the year but for a slip of one digit
    "year_differs",
    "first_of_january",
    "same_first_of_january",  # the day given to those who do not know theirs
    "same_year",
    "same_district",
    "same_area",
    "different",
]


class Level(Strict):
    """One outcome of a comparison. `frequent` weighs a value by how common it is here,
    never as rarer than `least_share`: the value of the field, or of `frequent_of`."""

    kind: Kind
    words: str
    agreement: Literal["agrees", "close", "differs"]
    m: float = Field(gt=0, le=1)
    u: float = Field(gt=0, le=1)
    fixed: bool = False  # a judgement, which training leaves alone
    frequent: bool = False
    frequent_of: Literal["district", "area"] | None = None
    least_share: float = Field(default=0.0, ge=0, lt=1)

    def counted(self, field: str) -> str | None:
        """The column whose values are weighed by how common they are, if any."""
        return (self.frequent_of or field) if self.frequent else None

    @property
    def bits(self) -> float:
        return log2(self.m / self.u)


class Comparison(Strict):
    """How one thing that two records say is compared."""

    field: Field_
    words: str
    levels: tuple[Level, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _ends_different(self) -> Self:
        if self.levels[-1].kind != "different":
            raise ValueError("the last level must be 'different'")
        weights = {round(level.bits, 6) for level in self.levels}
        if len(weights) < len(self.levels) or 0.0 in weights:
            raise ValueError(f"levels of {self.field} must weigh apart, none of them 0")
        return self


class LinkModel(Definition):
    """A frozen model. accept_bits: the least weight of a link; clear_bits: by how much
    the best person must lead the second. most_known_bits: at most so much more, where
    nearly all who were looked for have been found (`cluster.known_bits`)."""

    tier: Literal["names", "national"]
    accept_bits: float
    clear_bits: float
    most_known_bits: float = Field(default=0.0, ge=0)
    trained_on: str
    comparisons: tuple[Comparison, ...]

    def prior_bits(self, persons: int) -> float:
        """The weight before anything is compared: any one of `persons` might be it."""
        return -log2(max(persons, LEAST_PERSONS))

    def has(self, field: str) -> bool:
        return any(each.field == field for each in self.comparisons)

    def level(self, field: str, kind: str) -> int:
        """The place of a level within its comparison; -2 where there is none."""
        for comparison in self.comparisons:
            if comparison.field == field:
                for n, level in enumerate(comparison.levels):
                    if level.kind == kind:
                        return n
        return -2


@cache
def load_model(name: str) -> LinkModel:
    """Read one model by its file name, without the ending."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return LinkModel.model_validate(yaml.safe_load(text))


def model_in_use(tier: str) -> LinkModel:
    """The model of a tier (names, national)."""
    return load_model(IN_USE[tier])
