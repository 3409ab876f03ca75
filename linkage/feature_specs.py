"""The shape of codelists and features: a closed vocabulary, compiled by `derive`.

One YAML file states one rule and makes one column, or a few that belong together
(a register gives `has_<name>` and `<name>_since`). Every rule is read as at a date:
nothing dated or recorded after it counts.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from governance.specs import Definition, Strict
from linkage.code_rules import (
    CodePoints,
    CountCodes,
    Days,
    DaysSinceCode,
    DistinctCodes,
    HasCode,
    LatestCode,
    LatestDate,
    LatestValue,
    Lists,
    Register,
    Trend,
    lists_of,
)
from linkage.steps.holds import Test
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, SYSTEMS, URGENCIES

__all__ = [
    "ActivityRule",
    "AnyOf",
    "BuiltRule",
    "CodePoints",
    "CodelistIndex",
    "CodelistSpec",
    "Continuity",
    "CountActivity",
    "CountCodes",
    "CountOf",
    "DaysSinceActivity",
    "DaysSinceCode",
    "DistinctActivity",
    "DistinctCodes",
    "FeatureSpec",
    "HasCode",
    "LatestCode",
    "LatestDate",
    "LatestValue",
    "OpenActivity",
    "Overdue",
    "Person",
    "Register",
    "Returns",
    "ShareOf",
    "SumOf",
    "Trend",
    "Use",
    "When",
]


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


class Use(Strict):
    """Which activity counts. Absent keys take all.

    `reason_starts` takes reasons that begin with one of its stems (ICD-10);
    `nights_at_most` those that have ended and lasted no longer.
    """

    settings: Lists
    kinds: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    not_outcomes: tuple[str, ...] = ()
    specialties: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    reason_starts: tuple[str, ...] = ()
    nights_at_most: int | None = None

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


class DistinctActivity(Strict):
    """How many different specialties, providers or settings began activity."""

    kind: Literal["distinct_activity"]
    use: Use
    of: Literal["specialty", "provider_code", "setting"]
    to_days: Days


class Continuity(Strict):
    """The share (%) of activity with the one seen most, of so many at least.

    The usual provider of care index (Breslau and Reeb, Med Care 1975): 100 where it
    was always the same. Not known under `at_least` activities or where it is not
    recorded who saw the person.
    """

    kind: Literal["continuity"]
    use: Use
    of: Literal["specialty", "provider_code", "seen_by"]
    to_days: Days
    at_least: int = Field(ge=2)


class Returns(Strict):
    """How many activities began within days of the end of an earlier one of the use.

    Those that begin in the span of days before the date are counted; the earlier one
    may lie before the span.
    """

    kind: Literal["returns"]
    use: Use
    again_within_days: Days
    to_days: Days


PersonTrait = Literal[
    "sex",
    "age_years",
    "age_band",
    "ethnicity",
    "ethnicity_group",
    "imd_decile",
    "imd_fifth",
    "imd_income",
    "imd_employment",
    "imd_education",
    "imd_health",
    "imd_crime",
    "imd_housing",
    "imd_environment",
    "rurality",
    "fuel_poverty_percent",
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


class ShareOf(Strict):
    """One number as a percentage of another; not known where the other is none."""

    kind: Literal["share_of"]
    part: str
    whole: str


class When(Strict):
    """Whether every test holds and none of `none_of` does.

    `among` says of whom it is asked; of anybody else it is not known.
    """

    kind: Literal["when"]
    all_of: tuple[Test, ...] = ()
    any_of: tuple[Test, ...] = ()
    none_of: tuple[Test, ...] = ()
    among: tuple[Test, ...] = ()

    @model_validator(mode="after")
    def _asks_something(self) -> "When":
        if not (self.all_of or self.any_of or self.none_of):
            raise ValueError("when: nothing is asked")
        return self

    @property
    def tests(self) -> tuple[Test, ...]:
        return (*self.all_of, *self.any_of, *self.none_of, *self.among)


class Overdue(Strict):
    """Whether a date lies further back than so many days, or nothing was ever done.

    `among` says of whom it is asked; of anybody else it is not known.
    """

    kind: Literal["overdue"]
    since: str
    after_days: Days
    among: tuple[Test, ...] = ()


ActivityRule = (
    CountActivity
    | DaysSinceActivity
    | OpenActivity
    | DistinctActivity
    | Continuity
    | Returns
)
BuiltRule = CountOf | AnyOf | SumOf | ShareOf | When | Overdue
Rule = Annotated[
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
    | CountActivity
    | DaysSinceActivity
    | OpenActivity
    | DistinctActivity
    | Continuity
    | Returns
    | Person
    | CountOf
    | AnyOf
    | SumOf
    | ShareOf
    | When
    | Overdue,
    Field(discriminator="kind"),
]
Group = Literal[
    "About the person",
    "Conditions",
    "Frailty",
    "Medicines",
    "Measurements and checks",
    "Use of services",
    "Cost",
    "Circumstances",
    "Inclusion health",
    "Where they live",
    "Consent",
]


class FeatureSpec(Definition):
    """One feature: what it is called, its unit and display bins, and its rule.

    `group` is where the catalogue lists it. `measure` names what is measured where
    several features measure one thing over other windows or settings: together they
    count once. `sensitive` features need a role and a purpose that see them.
    """

    group: Group
    unit: str = ""
    bins: tuple[float, ...] = ()
    measure: str = ""
    sensitive: bool = False
    rule: Rule

    @property
    def codelists(self) -> frozenset[str]:
        """The names of every codelist that the rule reads."""
        return lists_of(self.rule)

    @property
    def built_on(self) -> tuple[str, ...]:
        """The columns of other features that the rule reads."""
        rule = self.rule
        match rule:
            case CountOf() | AnyOf() | SumOf():
                return rule.features
            case ShareOf():
                return rule.part, rule.whole
            case When():
                return _asked(rule.tests)
            case Overdue():
                return tuple(dict.fromkeys([rule.since, *_asked(rule.among)]))
        return ()

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns that the feature called `name` makes."""
        if isinstance(self.rule, Register):
            return f"has_{name}", f"{name}_since"
        if isinstance(self.rule, LatestValue | LatestCode):
            return name, f"{name}_on"
        return (name,)


def _asked(tests: tuple[Test, ...]) -> tuple[str, ...]:
    """Every feature that the tests ask, once, in order."""
    return tuple(dict.fromkeys(name for test in tests for name in test.features))
