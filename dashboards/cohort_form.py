"""The builder's form: fields of an address to a definition, and back again.

Criteria are numbered: `c1=feature:has_copd`, then `c1-group`, `c1-not` and what its
kind asks (`-is`, `-low`, `-high`, `-days`, `-since`, `-until`, …). `g1=any_of` says
how group 1 joins its criteria. A group of "all" or "none" gives one step for each of
its criteria; a group of "any" is one step.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from linkage.release.catalogue import Attribute, Catalogue
from linkage.steps.holds import FeatureTest
from segmentation.cohorts.specs import (
    JOINS,
    AnyOf,
    Coded,
    Dated,
    Group,
    Known,
    Listed,
    NoneOf,
    Rule,
    Saved,
    Who,
    inside,
)

JOIN_WORDS = {"all_of": "All of these", "any_of": "Any of these", "none_of": "None"}
# Ticked for "nothing is recorded", beside the values of a flag or category.
NOT_RECORDED = "(not recorded)"
RULES: TypeAdapter[Any] = TypeAdapter(Rule)
NUMBERED = re.compile(r"c(\d{1,3})")
FIELDS = ("is", "low", "high", "days", "ago", "since", "until", "codelist", "system")
FIELDS += ("codes", "rule")


class Query(Protocol):
    """Fields with one or many values, as Django's QueryDict gives them."""

    def get(self, key: str, default: str = "") -> Any: ...
    def getlist(self, key: str) -> list[Any]: ...
    def keys(self) -> Any: ...


class FieldProblem(ValueError):
    """What a criterion's fields say makes no sense; in words for who typed it."""


@dataclass(frozen=True)
class Row:
    """One criterion as typed: its number, kind, subject, group, and its fields."""

    number: int
    kind: str
    name: str
    group: int
    negated: bool
    fields: Mapping[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        return next(iter(self.fields.get(name, [])), "").strip()

    def all(self, name: str) -> list[str]:
        return [value for value in self.fields.get(name, []) if value]


@dataclass(frozen=True)
class Draft:
    """What the builder holds: criteria in order, and how each group joins them."""

    rows: tuple[Row, ...] = ()
    joins: Mapping[int, str] = field(default_factory=dict)

    @property
    def groups(self) -> list[int]:
        return sorted({row.group for row in self.rows})

    def of_group(self, group: int) -> list[Row]:
        return [row for row in self.rows if row.group == group]

    def join(self, group: int) -> str:
        return self.joins.get(group, "all_of")

    def with_row(self, kind: str, name: str, group: int) -> "Draft":
        """Return the draft with one more criterion, last in its group."""
        number = max((row.number for row in self.rows), default=0) + 1
        return Draft((*self.rows, Row(number, kind, name, group, False)), self.joins)

    def without(self, number: int) -> "Draft":
        kept = tuple(row for row in self.rows if row.number != number)
        return Draft(kept, self.joins)

    def as_query(self) -> dict[str, Any]:
        """Return the fields that say the same, for an address."""
        query: dict[str, Any] = {
            f"g{group}": self.join(group)
            for group in self.groups
            if self.join(group) != "all_of"
        }
        for row in self.rows:
            query[f"c{row.number}"] = f"{row.kind}:{row.name}"
            if row.group != 1:
                query[f"c{row.number}-group"] = str(row.group)
            if row.negated:
                query[f"c{row.number}-not"] = "1"
            for name, values in row.fields.items():
                if any(values):
                    query[f"c{row.number}-{name}"] = [v for v in values if v]
        return query


def draft_of(query: Query) -> Draft:
    """Read the draft that an address holds; what is not of the form is passed over."""
    rows = []
    for key in query.keys():  # noqa: SIM118 (a QueryDict's keys, in order)
        found = NUMBERED.fullmatch(key)
        kind, _, name = str(query.get(key) or "").partition(":")
        if found is None or kind not in KINDS:
            continue
        group = str(query.get(f"{key}-group") or "1")
        fields = {each: query.getlist(f"{key}-{each}") for each in FIELDS}
        rows.append(
            Row(
                number=int(found[1]),
                kind=kind,
                name=name,
                group=int(group) if group.isdecimal() and len(group) < 3 else 1,
                negated=query.get(f"{key}-not") == "1",
                fields={each: values for each, values in fields.items() if values},
            )
        )
    rows.sort(key=lambda row: (row.group, row.number))
    joins = {
        group: query.get(f"g{group}")
        for group in {row.group for row in rows}
        if query.get(f"g{group}") in JOINS
    }
    return Draft(tuple(rows), joins)


def who_of(draft: Draft, catalogue: Catalogue) -> tuple[Who, dict[int, str]]:
    """Return the definition, and by row what is left out since it makes no sense."""
    steps: list[Rule] = []
    problems: dict[int, str] = {}
    for group in draft.groups:
        rules: list[Rule] = []
        for row in draft.of_group(group):
            try:
                rules.append(rule_of(row, catalogue))
            except (FieldProblem, ValidationError) as error:
                problems[row.number] = _words(error)
        join = draft.join(group)
        if join == "any_of":
            steps += [AnyOf(any_of=tuple(rules))] if len(rules) > 1 else rules
        elif join == "none_of":
            steps += [_not(rule) for rule in rules]
        else:
            steps += rules
    return Who(all_of=tuple(steps)), problems


def rule_of(row: Row, catalogue: Catalogue) -> Rule:
    """Return what one criterion's fields say; FieldProblem says what they lack."""
    rule = KINDS[row.kind](row, catalogue)
    return _not(rule) if row.negated else rule


def _not(rule: Rule) -> Rule:
    return NoneOf(none_of=(rule,))


def _feature(row: Row, catalogue: Catalogue) -> Rule:
    if row.name not in catalogue:
        raise FieldProblem("This release holds no such feature")
    attribute = catalogue[row.name]
    if attribute.kind == "number":
        return _number(row)
    if attribute.kind == "date":
        return _date(row)
    ticked = row.all("is") or (["yes"] if attribute.kind == "flag" else [])
    values = tuple(v for v in attribute.bitmap_values if v in ticked)
    if attribute.kind == "flag" and values == ("yes",):
        test: Rule = FeatureTest(feature=row.name)
    else:
        test = FeatureTest(feature=row.name, any_of=values)
    if NOT_RECORDED not in ticked:
        return test if values else Known(feature=row.name, known=True)
    nothing = Known(feature=row.name, known=False)
    return AnyOf(any_of=(test, nothing)) if values else nothing


def _number(row: Row) -> Rule:
    low, high = _decimal(row.one("low")), _decimal(row.one("high"))
    if low is None and high is None:
        return Known(feature=row.name, known=NOT_RECORDED not in row.all("is"))
    if low is not None and high is not None and low > high:
        raise FieldProblem("“At least” is more than “at most”: nobody can be both")
    return FeatureTest(feature=row.name, at_least=low, at_most=high)


def _decimal(text: str) -> float | None:
    plain = text.replace(",", "").replace("£", "").strip()
    if not plain:
        return None
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,6})?", plain):
        raise FieldProblem(f"“{text[:20]}” is not a number")
    return float(plain)


def _date(row: Row) -> Rule:
    given = {name: row.one(name) or None for name in ("since", "until")}
    days = {"within_days": row.one("days"), "more_than_days_ago": row.one("ago")}
    for text in days.values():
        if text and not text.isdecimal():
            raise FieldProblem(f"“{text[:20]}” is not a number of days")
    moving = {name: text for name, text in days.items() if text}
    if not moving and not any(given.values()):
        return Known(feature=row.name, known=NOT_RECORDED not in row.all("is"))
    return Dated.model_validate({"feature": row.name, **given, **moving})


def _codes(row: Row, catalogue: Catalogue) -> Rule:
    since, until = row.one("since"), row.one("until")
    codes = re.split(r"[\s,;]+", row.one("codes"))
    if not since or not until:
        raise FieldProblem("Give the first and the last day to search")
    if not row.one("codelist") and not any(codes):
        raise FieldProblem("Choose a code list, or type codes")
    if row.one("codelist"):
        return Coded.model_validate(
            {"codelist": row.one("codelist"), "since": since, "until": until}
        )
    return Coded.model_validate(
        {
            "codes": codes,
            "system": row.one("system") or None,
            "since": since,
            "until": until,
        }
    )


def _listed(row: Row, catalogue: Catalogue) -> Rule:
    if not row.name.isdecimal():
        raise FieldProblem("There is no such list")
    return Listed(imported_list=int(row.name))


def _saved(row: Row, catalogue: Catalogue) -> Rule:
    cohort, _, version = row.name.partition(".")
    if not (cohort.isdecimal() and version.isdecimal()):
        raise FieldProblem("There is no such cohort")
    return Saved(cohort=int(cohort), version=int(version))


def _whole(row: Row, catalogue: Catalogue) -> Rule:
    """A rule that the form has no fields for is carried along as it is."""
    try:
        rule: Rule = RULES.validate_json(row.one("rule"))
    except ValidationError as error:
        raise FieldProblem("This criterion cannot be read") from error
    return rule


KINDS = {
    "feature": _feature,
    "codes": _codes,
    "list": _listed,
    "cohort": _saved,
    "rule": _whole,
}


def _words(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        said = str(error.errors()[0]["msg"])
        return said.removeprefix("Value error, ")
    return str(error)


def draft_from(who: Who, catalogue: Catalogue) -> Draft:
    """Return the form of a definition, so that it can be changed in the builder."""
    rows: list[Row] = []
    joins: dict[int, str] = {}
    for rule in who.all_of:
        group = 1
        if isinstance(rule, AnyOf):
            group = 2 + len(joins)
            joins[group] = "any_of"
        for each in rule.any_of if isinstance(rule, AnyOf) else (rule,):
            rows.append(_row(len(rows) + 1, each, group, catalogue))
    return Draft(tuple(sorted(rows, key=lambda row: (row.group, row.number))), joins)


def _row(number: int, rule: Rule, group: int, catalogue: Catalogue) -> Row:
    negated = isinstance(rule, NoneOf) and len(rule.none_of) == 1
    plain = inside(rule)[0] if negated else rule
    kind, name, fields = _fields(plain, catalogue)
    made = Row(number, kind, name, group, negated, fields)
    # Only a form that says exactly the same may stand for a rule.
    try:
        same = KINDS[kind](made, catalogue) == plain
    except (FieldProblem, ValidationError):
        same = False
    if same:
        return made
    text = json.dumps(plain.model_dump(mode="json", exclude_none=True))
    return Row(number, "rule", "", group, negated, {"rule": [text]})


def _fields(
    rule: Rule | Group, catalogue: Catalogue
) -> tuple[str, str, dict[str, list[str]]]:
    match rule:
        case FeatureTest():
            values = list(rule.any_of or ())
            bounds = {"low": [_plain(rule.at_least)], "high": [_plain(rule.at_most)]}
            return "feature", rule.feature, {"is": values, **bounds}
        case Known():
            ticked = [] if rule.known else [NOT_RECORDED]
            return "feature", rule.feature, {"is": ticked}
        case Dated():
            return "feature", rule.feature, _dated_fields(rule)
        case Coded():
            days = {
                "since": [rule.since.isoformat()],
                "until": [rule.until.isoformat()],
            }
            if rule.codelist:
                return "codes", "", {"codelist": [rule.codelist], **days}
            codes = {"codes": [" ".join(rule.codes)], "system": [rule.system or ""]}
            return "codes", "", codes | days
        case Listed():
            return "list", str(rule.imported_list), {}
        case Saved():
            return "cohort", f"{rule.cohort}.{rule.version}", {}
    return "rule", "", {}


def _dated_fields(rule: Dated) -> dict[str, list[str]]:
    given = {
        "days": rule.within_days,
        "ago": rule.more_than_days_ago,
        "since": rule.since and rule.since.isoformat(),
        "until": rule.until and rule.until.isoformat(),
    }
    return {name: [str(value)] for name, value in given.items() if value is not None}


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:.10g}"


def matching(catalogue: Catalogue, asked: str, most: int = 12) -> list[Attribute]:
    """Return the features whose words hold every word that was typed, best first."""
    words = re.findall(r"[\w£%]+", asked.lower())
    if not words:
        return []
    found: list[tuple[int, int, Attribute]] = []
    for place, attribute in enumerate(catalogue.values()):
        title = attribute.title.lower()
        values = attribute.values if len(attribute.values) <= 20 else ()
        text = " ".join([title, attribute.name.replace("_", " "), *values]).lower()
        if all(_stands(word, text) for word in words):
            in_title = all(_stands(word, title) for word in words)
            found.append((0 if in_title else 1, place, attribute))
    return [attribute for _, _, attribute in sorted(found, key=lambda e: e[:2])[:most]]


def _stands(word: str, text: str) -> bool:
    """Whether a word begins one of a text's words; its plural is the same word."""
    stem = word[:-1] if len(word) > 4 and word.endswith("s") else word
    return re.search(rf"(^|[^a-z0-9]){re.escape(stem)}", text) is not None
