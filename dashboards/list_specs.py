"""The shape of a programme: who, who not and why, in which order, and what next."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import yaml
from pydantic import Field, model_validator

from governance.specs import Definition, Strict

Number = int | float
# What the two sides of a comparison are compared by, beside the order itself.
BALANCE = ("age_years", "condition_count", "emergency_admissions_12m")
SHARED = Path(__file__).parent / "lists" / "shared"


class Is(Strict):
    """The attribute is one of these values ("yes" for a flag)."""

    kind: Literal["is"] = "is"
    attribute: str
    among: tuple[str, ...] = ("yes",)


class AtLeast(Strict):
    kind: Literal["at_least"] = "at_least"
    attribute: str
    at_least: Number


class MoreThan(Strict):
    """One number is greater than another, such as this year's use than last year's."""

    kind: Literal["more_than"] = "more_than"
    attribute: str
    more_than: str
    by: Number = 0


class Below(Strict):
    """A known number lies under a bound."""

    kind: Literal["below"] = "below"
    attribute: str
    below: Number


class Within(Strict):
    """A date lies within so many days before the release's date."""

    kind: Literal["within_days"] = "within_days"
    attribute: str
    within_days: int


class NotWithin(Strict):
    """A date lies longer ago than so many days, or is not recorded at all."""

    kind: Literal["not_within_days"] = "not_within_days"
    attribute: str
    not_within_days: int


class NotKnown(Strict):
    """Nothing is recorded."""

    kind: Literal["not_known"] = "not_known"
    attribute: str
    not_known: Literal[True]


class AnyOf(Strict):
    any_of: tuple["Rule", ...] = Field(min_length=1)


class AllOf(Strict):
    all_of: tuple["Rule", ...] = Field(min_length=1)


Rule = Annotated[
    Union[  # noqa: UP007
        AnyOf, AllOf, AtLeast, MoreThan, Below, Within, NotWithin, NotKnown, Is
    ],
    Field(union_mode="left_to_right"),
]
One = AtLeast | MoreThan | Below | Within | NotWithin | NotKnown | Is


class Reason(Strict):
    """One sentence of why: shown where its rule holds.

    `text` names attributes in braces; they are written as numbers with thousands
    commas, dates as "3 March 2026". No expression is possible.
    """

    when: Rule
    text: str
    changed: str | None = None


class Exclusion(Strict):
    name: str
    when: Rule
    because: str
    route: str = ""


class Known(Strict):
    when: Rule
    text: str


class Step(Strict):
    """A suggested next step; the first whose rule holds is suggested.

    `eligible` says in words who may have it, `hours` are of the team's time and
    `cost_gbp` what a person costs. `code` is suggested for writing it back to the GP
    record; it stands in the code list `code_list`.
    """

    name: str
    title: str
    when: Rule | None = None
    hours: float = Field(gt=0)
    cost_gbp: float = Field(ge=0)
    eligible: str
    due_in_days: int = Field(ge=1)
    code_list: str = ""
    code: str = ""


class OtherOrder(Strict):
    """Another order that a team may choose for a list: by a number, the highest first.

    `words` stand on a card in the place of the list's own, with attributes in braces;
    `why` says what the order is for. It neither adds people nor drops any.
    """

    name: str
    title: str
    by: str
    words: str
    why: str

    @property
    def attributes(self) -> frozenset[str]:
        return frozenset({self.by, *placeholders(self.words)})


class Plain(Strict):
    """What the public register says of a programme, for a reader of 9 to 11."""

    purpose: str
    considered: str
    offered: str


class Reported(Strict):
    """A measure that people tell of themselves, between two bounds."""

    name: str
    title: str
    low: float
    high: float
    better: Literal["lower", "higher"]


class Comparison(Strict):
    """How it will be known whether the programme helped: prepared from the start.

    `by` person: `share` of those who come onto the list are offered it at once, the
    others after `until`. `by` practice: practices start in `steps` equal groups, one
    every `days_a_step` from `start_on`. Both by lot, from `seed`, so that anyone can
    draw the lot again.
    """

    by: Literal["person", "practice"]
    share: float = Field(default=0.5, gt=0, lt=1)
    steps: int = Field(default=4, ge=2)
    days_a_step: int = Field(default=56, ge=7)
    seed: int
    start_on: date
    until: date
    why: str


class Choice(Strict):
    """Reason codes that a decision may carry."""

    accept: dict[str, str]
    decline: dict[str, str]
    already_known: dict[str, str]
    later: dict[str, str]


class ListSpec(Definition):
    """A programme's worklist."""

    purpose: str
    lawful_basis: str
    honours_opt_outs: tuple[Literal["type1_opt_out", "national_opt_out"], ...]
    capacity_per_week: int = Field(ge=1)
    team: str
    who: AllOf
    but_not: tuple[Exclusion, ...]
    order_by: str
    order_is: Literal["chance", "number"] = "chance"
    order_words: str = ""
    why_order: str
    other_orders: tuple[OtherOrder, ...] = ()
    in_plain_words: Plain
    reasons: tuple[Reason, ...]
    known: tuple[Known, ...]
    needs: tuple[Known, ...]
    next_steps: tuple[Step, ...] = Field(min_length=1)
    choices: Choice
    later_days: int = 28
    recheck_days: int = 180
    outcomes: tuple[str, ...]
    reported: tuple[Reported, ...] = ()
    comparison: Comparison | None = None
    team_roles: tuple[str, ...] = (
        "GP",
        "Clinical pharmacist",
        "Social prescriber",
        "Care co-ordinator",
    )
    coding_check: tuple[str, ...] = ()
    approved_on: date | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_shared_parts(cls, given: Any) -> Any:
        """Put shared exclusions and choices in the place of their names alone."""
        if not isinstance(given, dict):
            return given
        exclusions, choices = shared("exclusions"), shared("choices")
        orders = [
            {"name": item} | shared("orders").get(item, {})
            if isinstance(item, str)
            else item
            for item in given.get("other_orders", ())
        ]
        listed = [
            {"name": item} | exclusions[item]
            if isinstance(item, str) and item in exclusions
            else item
            for item in given.get("but_not", ())
        ]
        named = given.get("choices")
        chosen = choices.get(named, named) if isinstance(named, str) else named
        return given | {"but_not": listed, "choices": chosen, "other_orders": orders}

    @model_validator(mode="after")
    def _a_number_is_said_in_words(self) -> "ListSpec":
        if (self.order_is == "number") != bool(self.order_words):
            raise ValueError("an order by a number has `order_words`, a chance has not")
        return self

    @model_validator(mode="after")
    def _orders_have_names_of_their_own(self) -> "ListSpec":
        names = ["own", "fair", *(order.name for order in self.other_orders)]
        if len(set(names)) != len(names):
            raise ValueError("two orders of one name (own and fair are taken)")
        return self

    @model_validator(mode="after")
    def _last_step_is_for_everyone(self) -> "ListSpec":
        if self.next_steps[-1].when is not None:
            raise ValueError("the last next step must be without `when`, for the rest")
        return self

    @property
    def watched(self) -> frozenset[str]:
        """The attributes whose change since the refresh before it tells."""
        return frozenset(r.changed for r in self.reasons if r.changed)

    @property
    def decisive(self) -> frozenset[str]:
        """The attributes that decide who is on the list."""
        return asked_by([self.who, *(e.when for e in self.but_not)])

    @property
    def attributes(self) -> frozenset[str]:
        """Every attribute the programme reads."""
        found: set[str] = {self.order_by, *self.outcomes, *self.honours_opt_outs}
        if self.comparison is not None:
            found |= set(BALANCE)
        rules: list[Rule] = [r.when for r in self.reasons]
        rules += [k.when for k in (*self.known, *self.needs)]
        rules += [s.when for s in self.next_steps if s.when]
        found |= self.decisive | asked_by(rules)
        found |= set(placeholders(self.order_words))
        for reason in self.reasons:
            found |= {*placeholders(reason.text), *filter(None, [reason.changed])}
        return frozenset(found)


Held = Literal[
    "nhs_number",
    "reference",
    "practice_code",
    "programme",
    "data_to",
    "rank",
    "reasons",
    "next_step",
    "code",
    "decision",
    "decided_on",
    "done_on",
]


class FileColumn(Strict):
    """One column of an import file: its header, and what stands in it."""

    header: str
    holds: Held


class FileSpec(Definition):
    """A form of import file for a GP system. No column can hold a note.

    `only` done takes those alone whose step was done: what is entered into records in
    bulk must not say of anybody what has not happened.
    """

    only: Literal["everyone", "done"] = "everyone"
    columns: tuple[FileColumn, ...] = Field(min_length=1)


def asked_by(rules: Iterable[Rule]) -> frozenset[str]:
    """Return every attribute that some rules ask."""
    found: set[str] = set()
    for rule in rules:
        for each in flat(rule):
            found.add(each.attribute)
            if isinstance(each, MoreThan):
                found.add(each.more_than)
    return frozenset(found)


def flat(rule: Rule) -> list[One]:
    """Return the single conditions of a rule."""
    if isinstance(rule, AllOf):
        return [one for part in rule.all_of for one in flat(part)]
    if isinstance(rule, AnyOf):
        return [one for part in rule.any_of for one in flat(part)]
    return [rule]


@cache
def shared(kind: Literal["exclusions", "choices", "orders"]) -> dict[str, Any]:
    """Return what several programmes share, by name, as `lists/shared` has it."""
    text = (SHARED / f"{kind}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def placeholders(text: str) -> list[str]:
    """Return the attribute names in braces of a sentence."""
    names, rest = [], text
    while "{" in rest:
        _, _, rest = rest.partition("{")
        name, _, rest = rest.partition("}")
        names.append(name)
    return names
