"""The rules of features that read codes: registers, values, groups, medicines."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from governance.specs import Strict
from linkage.vocabulary import SYSTEMS

Days = Annotated[int, Field(gt=0)]
Lists = Annotated[tuple[str, ...], Field(min_length=1)]


class Sustained(Strict):
    """Values below a limit, from a first to the latest, at least so many days apart."""

    values: Lists
    below: float
    for_days: Days


class Latest(Strict):
    """The latest plausible value is at least a limit."""

    values: Lists
    at_least: float
    low: float
    high: float


class Register(Strict):
    """People who have a condition: `has_<name>` and `<name>_since`.

    A code of `codes` in the GP record counts when it is later than the latest of
    `resolved`. A code of either list that a hospital or A&E department gave counts the
    same way, once there is one on `hospital_days` different days: one of the two
    sources is enough. `or_sustained` and `or_latest` admit people by
    their values. Under `age_at_least` (at the date asked for) nobody is on it; codes
    dated before `not_before` do not count.
    """

    kind: Literal["register"]
    codes: Lists
    resolved: tuple[str, ...] = ()
    hospital: tuple[str, ...] = ()
    hospital_days: Days = 1
    or_sustained: Sustained | None = None
    or_latest: Latest | None = None
    age_at_least: int = 0
    not_before: date | None = None


class HasCode(Strict):
    """Whether a code was recorded, not followed by one that ends it."""

    kind: Literal["has_code"]
    codes: Lists
    ended_by: tuple[str, ...] = ()
    within_days: Days | None = None


class Values(Strict):
    """Plausible values of some codes; a rule of its own says what is made of them.

    `convert` turns values under another unit into ours: value * times + plus.
    Several values on one day give their mean.
    """

    codes: Lists
    low: float
    high: float
    convert: dict[str, tuple[float, float]] = {}

    @model_validator(mode="after")
    def _in_order(self) -> "Values":
        if self.low >= self.high:
            raise ValueError("low must be under high")
        return self


class LatestValue(Values):
    """The latest plausible value and its date: `<name>` and `<name>_on`."""

    kind: Literal["latest_value"]
    within_days: Days | None = None


class Trend(Values):
    """How fast a value changes: the slope a year of a straight line through its days.

    Least squares over the days of the window; not known with under two days or where
    first and last lie under `over_days` apart.
    """

    kind: Literal["trend"]
    within_days: Days
    over_days: Days


class LatestCode(Strict):
    """Which of several groups of codes came last: `<name>` and `<name>_on`.

    On the same day the group named later wins.
    """

    kind: Literal["latest_code"]
    groups: dict[str, Lists]
    within_days: Days | None = None


class LatestDate(Strict):
    """The date of the latest code."""

    kind: Literal["latest_date"]
    codes: Lists
    within_days: Days | None = None


class DaysSinceCode(Strict):
    """Days since the latest code; not known where there is none."""

    kind: Literal["days_since_code"]
    codes: Lists


class CountCodes(Strict):
    """On how many different days in the days before the date a code was recorded."""

    kind: Literal["count_codes"]
    codes: Lists
    within_days: Days


class DistinctCodes(Strict):
    """How many different codes, taken to a length, in the days before the date.

    Only codes on one of `codes`, where that is given; never those on `leave_out`.
    """

    kind: Literal["distinct_codes"]
    system: str
    length: int = Field(gt=0)
    within_days: Days
    codes: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()


class CodePoints(Strict):
    """The points of a person's codes in the days before the date, each stem once.

    `points`: stems of one length, by how many points they are worth, in hundredths at
    the finest. A code counts for the stem that it begins with.
    """

    kind: Literal["code_points"]
    system: str
    within_days: Days
    points: Annotated[dict[float, Lists], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_stem_once(self) -> "CodePoints":
        if self.system not in SYSTEMS:
            raise ValueError(f"system {self.system!r} is none of {', '.join(SYSTEMS)}")
        stems = [stem for listed in self.points.values() for stem in listed]
        if len(set(stems)) < len(stems):
            raise ValueError("a stem stands twice")
        if len({len(stem) for stem in stems}) > 1:
            raise ValueError("stems are of one length")
        return self


CodeRule = (
    Register
    | HasCode
    | LatestValue
    | Trend
    | LatestCode
    | LatestDate
    | DaysSinceCode
    | CountCodes
    | DistinctCodes
    | CodePoints
)


def lists_of(rule: object) -> frozenset[str]:
    """The names of every codelist that a rule reads; none for rules without codes."""
    names: set[str] = set()
    if isinstance(rule, Register):
        names.update(rule.codes, rule.resolved, rule.hospital)
        names.update(rule.or_sustained.values if rule.or_sustained else ())
        names.update(rule.or_latest.values if rule.or_latest else ())
    elif isinstance(rule, HasCode):
        names.update(rule.codes, rule.ended_by)
    elif isinstance(rule, Values | LatestDate | DaysSinceCode | CountCodes):
        names.update(rule.codes)
    elif isinstance(rule, LatestCode):
        names.update(*rule.groups.values())
    elif isinstance(rule, DistinctCodes):
        names.update(rule.codes, rule.leave_out)
    return frozenset(names)
