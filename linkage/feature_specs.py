"""The shape of codelists and features: a closed vocabulary, compiled by `derive`.

One YAML file states one rule and makes one column, or a few that belong together
(a register gives `has_<name>` and `<name>_since`). Every rule is read as at a date:
nothing dated or recorded after it counts.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from governance.specs import Definition, Strict
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, SYSTEMS, URGENCIES

Days = Annotated[int, Field(gt=0)]
Lists = Annotated[tuple[str, ...], Field(min_length=1)]


class CodelistSpec(Strict):
    """One codelist of `codelists/index.yaml`; its codes are in `<name>.csv`.

    `match: prefix` also takes every code that begins with a listed one, which is how
    ICD-10 (J44 takes J449) and BNF codes are meant.
    """

    title: str
    system: str
    match: Literal["exact", "prefix"] = "exact"
    source: str

    @model_validator(mode="after")
    def _known_system(self) -> "CodelistSpec":
        if self.system not in SYSTEMS:
            raise ValueError(f"system {self.system!r} is none of {', '.join(SYSTEMS)}")
        return self


class CodelistIndex(Definition):
    """What every codelist is and where it comes from."""

    lists: dict[str, CodelistSpec]


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


class LatestValue(Strict):
    """The latest plausible value and its date: `<name>` and `<name>_on`.

    `convert` turns values under another unit into ours: value * times + plus.
    Several values on one day give their mean.
    """

    kind: Literal["latest_value"]
    codes: Lists
    low: float
    high: float
    within_days: Days | None = None
    convert: dict[str, tuple[float, float]] = {}

    @model_validator(mode="after")
    def _in_order(self) -> "LatestValue":
        if self.low >= self.high:
            raise ValueError("low must be under high")
        return self


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


class DistinctCodes(Strict):
    """How many different codes, taken to a length, in the days before the date."""

    kind: Literal["distinct_codes"]
    system: str
    length: int = Field(gt=0)
    within_days: Days
    leave_out: tuple[str, ...] = ()


class Use(Strict):
    """Which activity counts. Absent keys take all."""

    settings: Lists
    kinds: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    not_outcomes: tuple[str, ...] = ()
    specialties: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_words(self) -> "Use":
        checks = (
            (self.settings, SETTINGS),
            (self.kinds, ACTIVITY_KINDS),
            (self.urgencies, URGENCIES),
        )
        for words, known in checks:
            if lost := set(words) - set(known):
                raise ValueError(f"{', '.join(sorted(lost))}: none of {list(known)}")
        return self


class CountActivity(Strict):
    """How much activity began (or, for days, fell) in a span of days before the date.

    `take: bed_days` counts nights between start and end inside the span. `cost` sums
    estimated pounds; an activity of many days bears its cost evenly over its days up
    to the date, and the days inside the span count.
    """

    kind: Literal["count_activity"]
    use: Use
    take: Literal["count", "bed_days", "cost"] = "count"
    from_days: int = 0
    to_days: Days

    @model_validator(mode="after")
    def _in_order(self) -> "CountActivity":
        if self.from_days >= self.to_days:
            raise ValueError("from_days must be under to_days")
        return self


class DaysSinceActivity(Strict):
    """Days since the latest activity began; not known where there is none."""

    kind: Literal["days_since_activity"]
    use: Use


class OpenActivity(Strict):
    """Whether an activity lasts at the date."""

    kind: Literal["open_activity"]
    use: Use


PersonTrait = Literal[
    "sex",
    "age_years",
    "age_band",
    "ethnicity",
    "ethnicity_group",
    "imd_decile",
    "imd_fifth",
    "is_registered",
    "is_resident",
    "in_care_home",
    "needs_interpreter",
    "type1_opt_out",
    "national_opt_out",
]


class Person(Strict):
    """Something that the person's own row, registration or address says."""

    kind: Literal["person"]
    of: PersonTrait


class CountOf(Strict):
    """How many of some flags are true."""

    kind: Literal["count_of"]
    features: Lists


class AnyOf(Strict):
    """Whether any of some flags is true."""

    kind: Literal["any_of"]
    features: Lists


class SumOf(Strict):
    """The sum of some numbers; those not known add nothing."""

    kind: Literal["sum_of"]
    features: Lists


Rule = Annotated[
    Register
    | HasCode
    | LatestValue
    | LatestCode
    | LatestDate
    | DaysSinceCode
    | DistinctCodes
    | CountActivity
    | DaysSinceActivity
    | OpenActivity
    | Person
    | CountOf
    | AnyOf
    | SumOf,
    Field(discriminator="kind"),
]


class FeatureSpec(Definition):
    """One feature: what it is called, its unit and display bins, and its rule."""

    unit: str = ""
    bins: tuple[float, ...] = ()
    rule: Rule

    @property
    def codelists(self) -> frozenset[str]:
        """The names of every codelist that the rule reads."""
        rule = self.rule
        names: set[str] = set()
        if isinstance(rule, Register):
            names.update(rule.codes, rule.resolved, rule.hospital)
            names.update(rule.or_sustained.values if rule.or_sustained else ())
            names.update(rule.or_latest.values if rule.or_latest else ())
        elif isinstance(rule, HasCode):
            names.update(rule.codes, rule.ended_by)
        elif isinstance(rule, LatestValue | LatestDate | DaysSinceCode):
            names.update(rule.codes)
        elif isinstance(rule, LatestCode):
            names.update(*rule.groups.values())
        elif isinstance(rule, DistinctCodes):
            names.update(rule.leave_out)
        return frozenset(names)

    @property
    def built_on(self) -> tuple[str, ...]:
        """The columns of other features that the rule reads."""
        rule = self.rule
        if isinstance(rule, CountOf | AnyOf | SumOf):
            return rule.features
        return ()

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns that the feature called `name` makes."""
        if isinstance(self.rule, Register):
            return f"has_{name}", f"{name}_since"
        if isinstance(self.rule, LatestValue | LatestCode):
            return name, f"{name}_on"
        return (name,)
