"""Made-up people for any programme: values that meet a rule, or that miss it."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from dashboards.list_specs import (
    AllOf,
    AnyOf,
    AtLeast,
    Below,
    Is,
    ListSpec,
    MoreThan,
    NotKnown,
    NotWithin,
    Rule,
    Within,
    flat,
)
from dashboards.steps.shortlist import holds
from linkage.release.catalogue import Attribute

AS_OF = date(2026, 9, 30)
LONG_AGO = AS_OF - timedelta(days=5000)
TYPES = {"flag": pl.Boolean, "category": pl.String, "date": pl.Date}
Values = dict[str, Any]


def meeting(rule: Rule, values: Values) -> Values:
    """The same person, so changed that the rule holds; of a choice, the first."""
    if isinstance(rule, AllOf):
        for part in rule.all_of:
            values = meeting(part, values)
        return values
    if isinstance(rule, AnyOf):
        return meeting(rule.any_of[0], values)
    return values | _one(rule, values)


def _one(rule: Any, values: Values) -> Values:
    now = values.get(rule.attribute)
    match rule:
        case AtLeast():
            high = now if now is not None and now >= rule.at_least else rule.at_least
            return {rule.attribute: float(high)}
        case Below():
            low = now if now is not None and now < rule.below else rule.below - 1
            return {rule.attribute: float(low)}
        case MoreThan():
            other = values.get(rule.more_than) or 0.0
            high = max(now or 0.0, other + rule.by + 1)
            return {rule.attribute: high, rule.more_than: other}
        case Within():
            return {rule.attribute: AS_OF - timedelta(days=rule.within_days)}
        case NotWithin():
            return {rule.attribute: AS_OF - timedelta(days=rule.not_within_days + 1)}
        case NotKnown():
            return {rule.attribute: None}
        case Is():
            return {rule.attribute: _valued(rule.among[-1])}
    raise TypeError(rule)


def _valued(word: str) -> Any:
    return {"yes": True, "no": False, "none": None}.get(word, word)


def missing(rule: Rule, values: Values) -> Values:
    """The same person, so changed that the rule does not hold."""
    if isinstance(rule, AllOf):
        return missing(rule.all_of[0], values)
    if isinstance(rule, AnyOf):
        for part in rule.any_of:
            values = missing(part, values)
        return values
    match rule:
        case AtLeast():
            return values | {rule.attribute: float(rule.at_least) - 1}
        case Below():
            return values | {rule.attribute: float(rule.below)}
        case MoreThan():
            return values | {
                rule.attribute: (values.get(rule.more_than) or 0) + rule.by
            }
        case Within() | NotWithin():
            days = 5000 if isinstance(rule, Within) else 1
            return values | {rule.attribute: AS_OF - timedelta(days=days)}
        case NotKnown():
            return values | {rule.attribute: 0.0}
        case Is():
            flag = {"yes", "no"} & set(rule.among)
            other = "yes" not in rule.among if flag else None
            return values | {rule.attribute: other}
    raise TypeError(rule)


def plain(spec: ListSpec, catalogue: Mapping[str, Attribute]) -> Values:
    """Somebody of whom nothing is recorded but that they are registered."""
    flags = (n for n in spec.attributes if catalogue[n].kind == "flag")
    return {
        **dict.fromkeys(spec.attributes),
        **dict.fromkeys(flags, False),
        "is_registered": True,
        "practice_code": "Z81001",
        "pcn_code": "U1",
    }


def candidate(spec: ListSpec, catalogue: Mapping[str, Attribute]) -> Values:
    """Somebody on the list of a programme, passed over by no rule."""
    return meeting(spec.who, plain(spec, catalogue))


def people(
    spec: ListSpec, catalogue: Mapping[str, Attribute], rows: Iterable[Values]
) -> pl.DataFrame:
    """One row per made-up person, with the columns of a release."""
    kinds = {n: TYPES.get(catalogue[n].kind, pl.Float64) for n in spec.attributes}
    schema = {
        "person_no": pl.Int32,
        "practice_code": pl.String,
        "pcn_code": pl.String,
    } | kinds
    given = [{"person_no": n} | row for n, row in enumerate(rows, start=1)]
    kept = [{name: row.get(name) for name in schema} for row in given]
    return pl.DataFrame(kept, schema=schema)


def is_met(rule: Rule, person: pl.DataFrame) -> bool:
    return bool(person.select(holds(rule, AS_OF)).item())


def alternatives(rule: Rule) -> list[Rule]:
    """Each way that a rule of choices can be met."""
    if isinstance(rule, AnyOf):
        return [way for part in rule.any_of for way in alternatives(part)]
    if isinstance(rule, AllOf) and len(rule.all_of) == 1:
        return alternatives(rule.all_of[0])
    return [rule]


def names(rule: Rule) -> set[str]:
    return {each.attribute for each in flat(rule)}
