"""The closed vocabulary in which definitions ask something of a person's features.

Segment schemes and scores say `{feature: has_copd}` or `{feature: latest_egfr,
below: 15}`; nothing else can be said, so that a clinician can read all of it.
"""

from functools import reduce
from operator import and_

import polars as pl
from pydantic import Field, model_validator

from governance.specs import Strict


class FeatureTest(Strict):
    """One question to one feature; without more words: is the flag set?

    `any_of` compares a category with some of its values; `at_least`, `above`,
    `below` and `at_most` bound a number and may be given together.
    """

    feature: str
    any_of: tuple[str, ...] | None = None
    at_least: float | None = None
    above: float | None = None
    below: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def asks_one_kind_of_thing(self) -> "FeatureTest":
        if self.any_of is not None and self.bounded:
            raise ValueError(f"{self.feature}: any_of cannot be mixed with bounds")
        return self

    @property
    def bounded(self) -> bool:
        return not (
            self.at_least is None
            and self.above is None
            and self.below is None
            and self.at_most is None
        )

    @property
    def features(self) -> tuple[str, ...]:
        return (self.feature,)


class CountTest(Strict):
    """Are at least `at_least`, and at most `at_most`, of these flags set?"""

    count: tuple[str, ...]
    at_least: int = Field(ge=1)
    at_most: int | None = None

    @model_validator(mode="after")
    def can_hold(self) -> "CountTest":
        most = len(self.count) if self.at_most is None else self.at_most
        if not self.at_least <= most <= len(self.count):
            raise ValueError(
                f"of {len(self.count)} flags {self.at_least} to {most} cannot be set"
            )
        return self

    @property
    def features(self) -> tuple[str, ...]:
        return self.count


Test = FeatureTest | CountTest


def holds(test: Test) -> pl.Expr:
    """Return the test as a Boolean expression over a frame of features.

    A feature that is not known never holds, whichever way the test is put: a person
    without a blood test does not have a low result.
    """
    return _asked(test).fill_null(value=False)


def _asked(test: Test) -> pl.Expr:
    if isinstance(test, CountTest):
        flags = [pl.col(flag).fill_null(value=False) for flag in test.count]
        found = pl.sum_horizontal([flag.cast(pl.Int32) for flag in flags])
        return found.is_between(test.at_least, test.at_most or len(flags))
    column = pl.col(test.feature)
    if test.any_of is not None:
        return column.cast(pl.String).is_in(list(test.any_of))
    if not test.bounded:
        return column.cast(pl.Boolean)
    asked: list[pl.Expr] = []
    if test.at_least is not None:
        asked.append(column >= test.at_least)
    if test.above is not None:
        asked.append(column > test.above)
    if test.below is not None:
        asked.append(column < test.below)
    if test.at_most is not None:
        asked.append(column <= test.at_most)
    return reduce(and_, asked)
