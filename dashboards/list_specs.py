"""The shape of a programme: who, who not and why, in which order, and what next."""

from datetime import date
from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from governance.specs import Definition, Strict

Number = int | float


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


class Within(Strict):
    """A date lies within so many days before the release's date."""

    kind: Literal["within_days"] = "within_days"
    attribute: str
    within_days: int


class AnyOf(Strict):
    any_of: tuple["Rule", ...] = Field(min_length=1)


class AllOf(Strict):
    all_of: tuple["Rule", ...] = Field(min_length=1)


Rule = Annotated[
    Union[AnyOf, AllOf, AtLeast, MoreThan, Within, Is],  # noqa: UP007
    Field(union_mode="left_to_right"),
]


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
    """A suggested next step; the first whose rule holds is suggested."""

    name: str
    title: str
    when: Rule | None = None
    hours: float
    due_in_days: int
    note: str = ""


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
    why_order: str
    reasons: tuple[Reason, ...]
    known: tuple[Known, ...]
    needs: tuple[Known, ...]
    next_steps: tuple[Step, ...] = Field(min_length=1)
    choices: Choice
    later_days: int = 28
    recheck_days: int = 180
    outcomes: tuple[str, ...]
    coding_check: tuple[str, ...] = ()
    approved_on: date | None = None

    @model_validator(mode="after")
    def _last_step_is_for_everyone(self) -> "ListSpec":
        if self.next_steps[-1].when is not None:
            raise ValueError("the last next step must be without `when`, for the rest")
        return self

    @property
    def attributes(self) -> frozenset[str]:
        """Every attribute the programme reads."""
        found: set[str] = {self.order_by, *self.outcomes, *self.honours_opt_outs}
        rules: list[object] = [self.who]
        rules += [e.when for e in (*self.but_not, *self.reasons)]
        rules += [k.when for k in (*self.known, *self.needs)]
        rules += [s.when for s in self.next_steps if s.when]
        while rules:
            rule = rules.pop()
            if isinstance(rule, AllOf):
                rules.extend(rule.all_of)
            elif isinstance(rule, AnyOf):
                rules.extend(rule.any_of)
            elif isinstance(rule, MoreThan):
                found |= {rule.attribute, rule.more_than}
            elif isinstance(rule, Is | AtLeast | Within):
                found.add(rule.attribute)
        for reason in self.reasons:
            found |= {*placeholders(reason.text), *filter(None, [reason.changed])}
        return frozenset(found)


def placeholders(text: str) -> list[str]:
    """Return the attribute names in braces of a sentence."""
    names, rest = [], text
    while "{" in rest:
        _, _, rest = rest.partition("{")
        name, _, rest = rest.partition("}")
        names.append(name)
    return names
