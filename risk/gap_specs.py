"""The shapes of care gaps and of impactability: rules a clinician can read."""

from typing import Literal

from pydantic import Field, model_validator

from governance.specs import Definition, Strict
from linkage.steps.holds import FeatureTest


class GapTest(FeatureTest):
    """A question to a feature; `within_days` asks a date how long ago it is."""

    within_days: int | None = None

    @model_validator(mode="after")
    def asks_a_date_alone(self) -> "GapTest":
        if self.within_days is not None and (self.bounded or self.any_of is not None):
            raise ValueError(f"{self.feature}: within_days stands alone")
        return self


class GapSpec(Definition):
    """Something found by rule and not by chance that care has left open.

    `undiagnosed`: values that meet a diagnosis without its code. `monitoring`,
    `treatment`: coded disease without what should follow. It is open where every test
    of `all_of` holds and none of `none_of`; what is not known does not hold. `words`
    name features in braces.
    """

    kind: Literal["undiagnosed", "monitoring", "treatment"]
    attribute: str
    words: str
    next_step: str
    all_of: tuple[GapTest, ...] = Field(min_length=1)
    none_of: tuple[GapTest, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        asked = (test.feature for test in (*self.all_of, *self.none_of))
        return tuple(dict.fromkeys(asked))


class Points(Strict):
    """What one thing adds to a domain: so many points where the test holds, or `each`
    times the feature's number, at most `most`."""

    test: FeatureTest | None = None
    each: str | None = None
    points: float
    most: float | None = None

    @model_validator(mode="after")
    def asks_one_thing(self) -> "Points":
        if (self.test is None) == (self.each is None):
            raise ValueError("points come from a test or from each of a number")
        return self


class DomainSpec(Strict):
    """One of the domains: what could be done about it, and what adds to it."""

    title: str
    words: str
    adds: tuple[Points, ...] = Field(min_length=1)


class ImpactSpec(Definition):
    """Impactability: what could be done for a person, beside how likely an event is.

    Each domain's points are standardised within `within` (an attribute of place),
    clipped at `clip` deviations and set on 0 to 100; `attribute` is their mean, times
    the age's multiplier: from 1 - `age_share` at the youngest to 1 + `age_share`.
    """

    attribute: str
    words: str
    within: str
    clip: float
    age_share: float
    ages: tuple[int, int]
    domains: dict[str, DomainSpec]

    @property
    def features(self) -> tuple[str, ...]:
        asked = [self.within, "age_years"]
        for domain in self.domains.values():
            for each in domain.adds:
                asked.append(each.test.feature if each.test else each.each or "")
        return tuple(dict.fromkeys(asked))

    def column(self, domain: str) -> str:
        return f"{self.attribute}_{domain}"
