"""The shapes of a feed's definition: what a supplier's file means, as data.

Facts only: headers suppliers have used, codes put right, what identifies, and how a
row becomes registrations, residences, events and activity. No expressions.
"""

from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from governance.specs import Definition, Strict

ColumnType = Literal[
    "text",
    "name",
    "date",
    "nhs_number",
    "postcode",
    "sex",
    "ethnicity",
    "integer",
    "number",
    "flag",
    "presence",  # true where anything is written, false where nothing is
    "organisation",
    "trust",  # an organisation code cut to the trust's three characters
    "snomed",
    "icd10",
    "opcs4",
    "bnf",
]
Tier = Literal["names", "national", "token", "reference", "vault_only"]
Cadence = Literal["daily", "weekly", "monthly", "quarterly", "yearly", "as needed"]

# Columns with these names describe the person and go to the vault only.
IDENTITY = (
    "nhs_number",
    "born_on",
    "sex",
    "surname",
    "forename",
    "postcode",
    "line1",
)
STATEMENTS = (
    "ethnicity",
    "died_on",
    "language",
    "needs_interpreter",
    "in_care_home",
)
Conditions = dict[str, tuple[str, ...]]


class ColumnSpec(Strict):
    """One column: the headers seen for it, its type, and what its values mean.

    A required column with nothing usable sends the row to quarantine; any other is
    left blank, and the run counts how often. `repeat` stands for numbered columns:
    `##` in the header becomes 01, 02 …
    """

    headers: tuple[str, ...] = Field(min_length=1)
    type: ColumnType = "text"
    required: bool = False
    missing: tuple[str, ...] = ()
    values: dict[str, str] = {}
    formats: tuple[str, ...] = ("%Y-%m-%d",)
    may_be_future: bool = False
    repeat: int = 0


class LocalId(Strict):
    """What a source calls a person: a namespace, and the columns unique within it."""

    namespace: str
    of: tuple[str, ...] = Field(min_length=1)


class RegistrationSpec(Strict):
    practice: str
    start: str
    end: str | None = None
    end_reason: str | None = None


class ResidenceSpec(Strict):
    postcode: str
    start: str
    end: str | None = None
    care_home: str | None = None
    # The first line of the address: with the postcode it says who shares a home.
    line: str | None = None


class EventSpec(Strict):
    """A dated code. `code` names one column, or a repeated one (all its numbers)."""

    kind: Literal[
        "observation",
        "diagnosis",
        "procedure",
        "prescription",
        "immunisation",
        "status",
        "death",
    ]
    system: Literal["snomed", "icd10", "opcs4", "bnf", "dmd", "local"]
    code: str
    date: str
    recorded: str | None = None
    value: str | None = None
    unit: str | None = None
    unit_is: str | None = None
    when: Conditions = {}
    unless: Conditions = {}


class CostSpec(Strict):
    """What one activity costs: a column in pounds, or a row of unit_costs.csv.

    `detail` names the column that picks the row; `detail_is` says it outright. The
    column's pounds are of the year of `priced_on`, else of the activity's start.
    """

    column: str | None = None
    priced_on: str | None = None
    detail: str | None = None
    detail_is: str | None = None


class ActivitySpec(Strict):
    """One use of a service. `once_per` makes one activity of several rows (a spell of
    its episodes), taking the row that is lowest in `first_by`. `seen_by` is who saw the
    person, in the provider's own words, for continuity of care."""

    setting: Literal[
        "gp",
        "outpatient",
        "emergency",
        "admitted",
        "mental_health",
        "community",
        "social_care",
        "prescribing",
        "urgent",
        "ambulance",
        "maternity",
        "waiting",
    ]
    kind: Literal[
        "appointment",
        "attendance",
        "spell",
        "contact",
        "referral",
        "ward_stay",
        "request",
        "assessment",
        "service",
        "review",
        "prescription",
        "call",
        "incident",
        "booking",
        "delivery",
        "pathway",
        "episode",
    ]
    start: str
    end: str | None = None
    recorded: str | None = None
    urgency: str | None = None
    urgency_is: Literal["emergency", "elective", "maternity", "other"] | None = None
    provider: str | None = None
    specialty: str | None = None
    outcome: str | None = None
    reason: str | None = None
    seen_by: str | None = None
    cost: CostSpec | None = None
    once_per: tuple[str, ...] = ()
    first_by: str | None = None
    when: Conditions = {}
    unless: Conditions = {}


class OptOutSpec(Strict):
    """Codes that say, and take back, that a person opts out at their practice."""

    code: str
    date: str
    opted_out: tuple[str, ...]
    withdrawn: tuple[str, ...]


class GateSpec(Strict):
    """When a delivery waits for a person before it is taken in; shares from 0 to 1.

    volume_within: how far its rows may lie from the median of the supplier's last six
    files (None: never judged, as for a file that grows through its year). most_missing:
    rows without a needed value; most_unusable: rows with a value of one column that the
    definition does not know or cannot read; most_rejected: rows that break any rule.
    limits: of single fields, by header. Shares are judged from `judged_from_rows` on.
    """

    volume_within: float | None = Field(default=0.3, gt=0)
    judged_from_rows: int = Field(default=200, ge=1)
    most_missing: float = Field(default=0.01, ge=0, le=1)
    most_unusable: float = Field(default=0.1, ge=0, le=1)
    most_rejected: float = Field(default=0.2, ge=0, le=1)
    limits: dict[str, float] = {}


class ReadingLimits(Strict):
    """How far a packed delivery may unpack, in total: files, bytes, times its size."""

    members: int = Field(default=20, ge=1)
    out_bytes: int = Field(default=5_000_000_000, ge=1)
    ratio: int = Field(default=100, ge=1)


class CheckSpec(Strict):
    """A rule between columns of one row, or between a row and another feed.

    earlier_than: `column` lies before `other`, which may not be. needs: `column` is
    there and `other` is not. not_with: both are there. out_of_range: outside `at_least`
    to `at_most`. none_of_these: no column of `any_of` is there. not_delivered: no
    loaded row of `feed` has these values (`column`, then `any_of`) as its key.
    then: hold the row in quarantine, or load it and count what was noted.
    """

    rule: Literal[
        "earlier_than",
        "needs",
        "not_with",
        "out_of_range",
        "none_of_these",
        "not_delivered",
    ]
    column: str = ""
    other: str = ""
    any_of: tuple[str, ...] = ()
    feed: str = ""
    at_least: float | None = None
    at_most: float | None = None
    when: Conditions = {}
    then: Literal["hold", "note"] = "hold"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(n for n in (self.column, self.other, *self.any_of) if n)


class FeedSpec(Definition):
    """One feed: where its files are, what its columns mean, what its rows become.

    tier: "names" (name and address), "national" (NHS number, birth date, postcode,
    sex, local id), "token" (made elsewhere; `token` names the crosswalk's namespace),
    "reference" (someone another feed introduced), "vault_only" (`keeps` says what).
    number: the small number that facts carry; never reused for another feed.
    order: load_landing takes feeds in this order (those who introduce people first).
    named: where a file's name says which period it is of and which in the row of its
    corrections ("sus_apc_*_{period}_{sequence}"); two files that say the same of both
    are never both taken in.
    cadence: how often it comes. controller: who answers for the data under UK GDPR.
    submitted_by: the column that names who submitted a row, for quality by provider.
    workflows: MESH workflow ids under which its files come.
    uses: the values that make a row one that the product uses; others are left out.
    key: the row's natural key; `latest_by` is the date by which a later row with the
    same key replaces an earlier one.
    """

    number: int = Field(ge=1, le=99)
    order: int
    tier: Tier
    layout: str
    cadence: Cadence = "as needed"
    controller: str = ""
    submitted_by: str = ""
    files: tuple[str, ...] = ()
    named: str = ""
    workflows: tuple[str, ...] = ()
    reader: Literal["csv", "parquet", "mesh", "fhir_r4"] = "csv"
    key: tuple[str, ...] = Field(min_length=1)
    latest_by: str | None = None
    local_ids: tuple[LocalId, ...] = ()
    introduces: bool = False
    token: str | None = None
    keeps: Literal["crosswalk", "national_opt_out", "national_opt_out_reply"] | None = (
        None
    )
    seen: str | None = None
    prepare: bool = False
    uses: Conditions = {}
    columns: dict[str, ColumnSpec]
    registrations: tuple[RegistrationSpec, ...] = ()
    residences: tuple[ResidenceSpec, ...] = ()
    events: tuple[EventSpec, ...] = ()
    activities: tuple[ActivitySpec, ...] = ()
    opt_out: OptOutSpec | None = None
    checks: tuple[CheckSpec, ...] = ()
    gate: GateSpec = GateSpec()
    reading: ReadingLimits = ReadingLimits()

    @cached_property
    def expanded(self) -> dict[str, ColumnSpec]:
        """The columns with each repeated one written out: diagnosis_01, _02 …"""
        found: dict[str, ColumnSpec] = {}
        for name, column in self.columns.items():
            if not column.repeat:
                found[name] = column
            for n in range(1, column.repeat + 1):
                headers = tuple(h.replace("##", f"{n:02d}") for h in column.headers)
                found[f"{name}_{n:02d}"] = column.model_copy(
                    update={"headers": headers, "repeat": 0}
                )
        return found

    def numbered(self, name: str) -> list[str]:
        """The columns behind a name: itself, or the numbered ones of a repeated one."""
        column = self.columns.get(name)
        if column is None or not column.repeat:
            return [name]
        return [f"{name}_{n:02d}" for n in range(1, column.repeat + 1)]

    @property
    def keyed_by_row(self) -> bool:
        """Whether every fact goes by the key of the one row that made it."""
        shared = any(activity.once_per for activity in self.activities)
        return not (shared or self.registrations or self.residences)

    def of_type(self, *types: ColumnType) -> list[str]:
        return [name for name, c in self.expanded.items() if c.type in types]

    @model_validator(mode="after")
    def says_both(self) -> Self:
        """Refuse a name that holds one of period and sequence, or either twice."""
        places = [self.named.count(each) for each in ("{period}", "{sequence}")]
        if self.named and places != [1, 1]:
            raise ValueError("named: {period} and {sequence} once each")
        return self

    @model_validator(mode="after")
    def names_exist(self) -> Self:
        """Refuse a definition that speaks of columns it does not have."""
        if self.prepare:  # the feed's own prepare() may add columns
            return self
        for name in self.spoken_of():
            if name not in self.columns and name not in self.expanded:
                raise ValueError(
                    f"speaks of the column {name!r} and does not define it"
                )
        return self

    def spoken_of(self) -> set[str]:
        """Every column name that the rest of the definition uses."""
        names = {*self.key, self.latest_by, self.seen, self.submitted_by, *self.uses}
        for local in self.local_ids:
            names |= set(local.of)
        parts = (*self.registrations, *self.residences, *self.events)
        for part in parts:
            names |= {
                value
                for field, value in part
                if isinstance(value, str) and field not in {"kind", "system", "unit_is"}
            }
        for activity in self.activities:
            names |= {
                activity.start,
                activity.end,
                activity.recorded,
                activity.urgency,
                activity.provider,
                activity.specialty,
                activity.outcome,
                activity.reason,
                activity.seen_by,
                activity.first_by,
                *activity.once_per,
                *activity.when,
                *activity.unless,
            }
            if activity.cost:
                cost = activity.cost
                names |= {cost.column, cost.priced_on, cost.detail}
        for event in self.events:
            names |= {*event.when, *event.unless}
        for check in self.checks:
            names |= {*check.columns, *check.when}
        if self.opt_out:
            names |= {self.opt_out.code, self.opt_out.date}
        return {name for name in names if name}
