"""A cohort in a closed vocabulary: who is in it, said so that anyone can read it.

A criterion asks one thing of a person; groups join criteria. Nothing else can be
said: no expression, no query. The tests of features are those of segment schemes.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from governance.specs import Definition, Strict
from linkage.steps.holds import CountTest, FeatureTest
from linkage.vocabulary import SYSTEMS

MOST_CRITERIA = 60
DEEPEST = 6
# Two centuries: no record is older, and every such day is a date.
MOST_DAYS = 73_050


class Dated(Strict):
    """A date feature lies in a time window: two dates, or days before the data date."""

    feature: str
    since: date | None = None
    until: date | None = None
    within_days: int | None = Field(default=None, ge=0)
    more_than_days_ago: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def names_a_window(self) -> "Dated":
        fixed = self.since is not None or self.until is not None
        moving = self.within_days is not None or self.more_than_days_ago is not None
        if fixed == moving:
            raise ValueError(f"{self.feature}: give two dates, or days, and not both")
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"{self.feature}: the window ends before it begins")
        if max(self.within_days or 0, self.more_than_days_ago or 0) > MOST_DAYS:
            raise ValueError(f"{self.feature}: give at most {MOST_DAYS:,} days")
        return self


class Known(Strict):
    """Anything at all is recorded, or nothing is."""

    feature: str
    known: bool


class Coded(Strict):
    """A code dated in a window, in any record: what the catalogue has no feature for.

    Names a codelist, or gives codes of one code system. Answered by a job over the
    shards, as at the release's date.
    """

    codelist: str | None = None
    codes: tuple[str, ...] = ()
    system: str | None = None
    since: date
    until: date

    @field_validator("codes", mode="before")
    @classmethod
    def without_blanks(cls, given: Any) -> Any:
        cleaned = (str(code).strip().replace(".", "") for code in given)
        return tuple(dict.fromkeys(code for code in cleaned if code))

    @model_validator(mode="after")
    def names_codes_once(self) -> "Coded":
        if (self.codelist is None) == (not self.codes):
            raise ValueError("name a codelist, or give codes, and not both")
        if not all(code.isalnum() for code in self.codes):
            raise ValueError("a code is letters and digits")
        if self.codes and self.system not in SYSTEMS:
            raise ValueError(f"codes need their system: {', '.join(SYSTEMS)}")
        if self.since > self.until:
            raise ValueError("the window ends before it begins")
        return self


class Listed(Strict):
    """The person is on a list that the viewer imported (a table of persons)."""

    imported_list: int


class Saved(Strict):
    """The person is in one version of a saved cohort."""

    cohort: int
    version: int


Outside = Coded | Listed | Saved
Criterion = FeatureTest | CountTest | Dated | Known | Coded | Listed | Saved


class AllOf(Strict):
    all_of: tuple["Rule", ...] = Field(min_length=1)


class AnyOf(Strict):
    any_of: tuple["Rule", ...] = Field(min_length=1)


class NoneOf(Strict):
    none_of: tuple["Rule", ...] = Field(min_length=1)


Group = AllOf | AnyOf | NoneOf
Rule = Criterion | Group
JOINS: dict[str, type[Group]] = {"all_of": AllOf, "any_of": AnyOf, "none_of": NoneOf}
AllOf.model_rebuild()
AnyOf.model_rebuild()
NoneOf.model_rebuild()


class Who(Strict):
    """Steps in order: each narrows the people whom the ones before it left."""

    all_of: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def stays_readable(self) -> "Who":
        if sum(1 for _ in criteria(self)) > MOST_CRITERIA:
            raise ValueError(f"a cohort has at most {MOST_CRITERIA} criteria")
        if depth(self) > DEEPEST:
            raise ValueError(f"groups stand at most {DEEPEST} deep")
        return self


class CohortSpec(Definition):
    """A cohort as a file: the form in which it is exported and read back."""

    kind: Literal["cohort"] = "cohort"
    who: Who


def inside(rule: Rule | Who) -> tuple[Rule, ...]:
    """Return what a group joins; nothing for a single criterion."""
    match rule:
        case Who() | AllOf():
            return rule.all_of
        case AnyOf():
            return rule.any_of
        case NoneOf():
            return rule.none_of
    return ()


def criteria(rule: Rule | Who) -> Iterator[Criterion]:
    """Give every criterion of a rule, in reading order."""
    if isinstance(rule, Who | AllOf | AnyOf | NoneOf):
        for each in inside(rule):
            yield from criteria(each)
    else:
        yield rule


def depth(rule: Rule | Who) -> int:
    """How deep groups stand in one another; a criterion alone is 0."""
    return max((1 + depth(each) for each in inside(rule)), default=0)


def features_of(criterion: Criterion) -> tuple[str, ...]:
    """The attributes of a release that a criterion reads."""
    match criterion:
        case FeatureTest() | CountTest():
            return criterion.features
        case Dated() | Known():
            return (criterion.feature,)
    return ()
