"""A criterion as a sentence, and a group as the sentences it joins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from linkage.release.catalogue import Attribute
from linkage.steps.holds import CountTest, FeatureTest
from segmentation.cohorts.specs import (
    AllOf,
    AnyOf,
    Coded,
    Dated,
    Known,
    Listed,
    NoneOf,
    Rule,
    Saved,
    inside,
)

JOINED: dict[type, str] = {AllOf: "all of", AnyOf: "any of", NoneOf: "none of"}
Label = Callable[[str, str], str]


@dataclass(frozen=True)
class Names:
    """What sentences call things: attributes, their values, lists and cohorts."""

    attributes: Mapping[str, Attribute]
    label: Label
    codelists: Mapping[str, str] = field(default_factory=dict)
    imported: Mapping[int, str] = field(default_factory=dict)
    cohorts: Mapping[int, str] = field(default_factory=dict)

    def title(self, attribute: str) -> str:
        known = self.attributes.get(attribute)
        return attribute.replace("_", " ") if known is None else known.title


def sentence(rule: Rule, names: Names) -> str:
    """Say a rule in words: "Age: from 65 to under 75 years"."""
    match rule:
        case AllOf() | AnyOf() | NoneOf():
            parts = [sentence(each, names) for each in inside(rule)]
            if len(parts) == 1 and not isinstance(rule, NoneOf):
                return parts[0]
            if len(parts) == 1:
                return f"Not: {_lower(parts[0])}"
            return f"{JOINED[type(rule)].capitalize()}: {'; '.join(parts)}"
        case FeatureTest():
            return _feature(rule, names)
        case CountTest():
            flags = ", ".join(names.title(flag) for flag in rule.count)
            most = f" and at most {rule.at_most}" if rule.at_most is not None else ""
            return f"At least {rule.at_least}{most} of: {flags}"
        case Dated():
            return f"{names.title(rule.feature)}: {_window(rule)}"
        case Known():
            state = "recorded" if rule.known else "not recorded"
            return f"{names.title(rule.feature)}: {state}"
        case Coded():
            return f"{_codes(rule, names)}, {_between(rule.since, rule.until)}"
        case Listed():
            title = names.imported.get(rule.imported_list, str(rule.imported_list))
            return f"On the imported list “{title}”"
        case Saved():
            title = names.cohorts.get(rule.cohort, str(rule.cohort))
            return f"In the cohort “{title}”, version {rule.version}"


def _feature(test: FeatureTest, names: Names) -> str:
    title = names.title(test.feature)
    if test.any_of is not None:
        words = [names.label(test.feature, value) for value in test.any_of]
        if words == ["no"]:
            return f"{title}: no"
        return f"{title}: {_either(words)}"
    if not test.bounded:
        return title
    known = names.attributes.get(test.feature)
    return f"{title}: {_range(test, known.unit if known else '')}"


def _range(test: FeatureTest, unit: str) -> str:
    parts = []
    if test.at_least is not None:
        parts.append(f"{_number(test.at_least, unit)} or more")
    if test.above is not None:
        parts.append(f"more than {_number(test.above, unit)}")
    if test.below is not None:
        parts.append(f"under {_number(test.below, unit)}")
    if test.at_most is not None:
        parts.append(f"{_number(test.at_most, unit)} or fewer")
    ending = f" {unit}" if unit and unit != "£" else ""
    return " and ".join(parts) + ending


def _number(value: float, unit: str) -> str:
    shown = f"{value:,.10g}"
    return f"£{shown}" if unit == "£" else shown


def _either(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _window(asked: Dated) -> str:
    parts = []
    if asked.within_days is not None:
        parts.append(f"in the {asked.within_days:,} days up to the data date")
    if asked.more_than_days_ago is not None:
        parts.append(f"more than {asked.more_than_days_ago:,} days before it")
    return " and ".join(parts) or _between(asked.since, asked.until)


def _between(since: date | None, until: date | None) -> str:
    if since and until:
        return f"from {_day(since)} to {_day(until)}"
    if since:
        return f"on or after {_day(since)}"
    return f"on or before {_day(until)}" if until else "at any time"


def _day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


def _codes(asked: Coded, names: Names) -> str:
    if asked.codelist is not None:
        title = names.codelists.get(asked.codelist, asked.codelist)
        return f"A code of the list “{title}”"
    shown = ", ".join(asked.codes[:3])
    more = f" and {len(asked.codes) - 3} others" if len(asked.codes) > 3 else ""
    return f"A {asked.system} code of {shown}{more}"


def _lower(words: str) -> str:
    first, _, rest = words.partition(" ")
    return f"{first.lower()} {rest}" if first[1:].islower() and rest else words
