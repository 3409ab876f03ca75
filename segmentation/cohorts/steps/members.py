"""Boolean algebra over sets of people: a rule and a scope in, who is left out.

The scope is the first AND and every later step works inside it, so that no way of
writing a rule reaches a person outside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from pyroaring import BitMap

from linkage.steps.holds import CountTest, FeatureTest
from linkage.steps.matching import Sets, bounds, matching
from segmentation.cohorts.specs import (
    AllOf,
    AnyOf,
    Criterion,
    Dated,
    Known,
    NoneOf,
    Outside,
    Rule,
    Who,
    inside,
)


class People(Sets, Protocol):
    """One release's people as sets."""

    @property
    def as_of(self) -> date: ...
    @property
    def everyone(self) -> BitMap: ...
    def known(self, attribute: str) -> BitMap: ...
    def dated(
        self, attribute: str, since: date | None = None, until: date | None = None
    ) -> BitMap: ...
    def within(
        self, attribute: str, scope: BitMap, low: float | None, high: float | None
    ) -> BitMap: ...
    def outside(self, criterion: Outside) -> BitMap: ...
    def unanswered(self, rule: Rule) -> BitMap: ...


@dataclass(frozen=True)
class Narrowing:
    """One step of a cohort: who has it in the scope, and who is left after it."""

    rule: Rule
    alone: BitMap
    left: BitMap


def members(rule: Rule | Who, people: People, scope: BitMap) -> BitMap:
    """Return who of a scope a rule holds for; always a subset of the scope."""
    match rule:
        case Who() | AllOf():
            return _all(inside(rule), people, scope)
        case AnyOf():
            return BitMap.union(*(members(each, people, scope) for each in rule.any_of))
        case NoneOf():
            # Whose record may not be asked is not somebody who has none of it.
            found = scope - people.unanswered(rule)
            for each in rule.none_of:
                found = found - members(each, people, found)
            return found
    if isinstance(rule, FeatureTest) and rule.bounded:
        return people.within(rule.feature, scope, *bounds(rule))
    return scope & everyone_with(rule, people)


def _all(rules: Iterable[Rule], people: People, scope: BitMap) -> BitMap:
    """Narrow a scope by every rule: the smallest sets first, then what costs more.

    The order changes nothing but the time: numbers and groups are asked of the few
    whom flags and categories left.
    """
    sets: list[BitMap] = []
    costly: list[Rule] = []
    for rule in rules:
        if (
            isinstance(rule, AllOf | AnyOf | NoneOf)
            or isinstance(rule, FeatureTest)
            and rule.bounded
        ):
            costly.append(rule)
        else:
            sets.append(everyone_with(rule, people))
    found = scope
    for having in sorted(sets, key=len):
        found = found & having
    for rule in sorted(costly, key=lambda rule: not isinstance(rule, FeatureTest)):
        found = members(rule, people, found)
    return found if found is not scope else scope.copy()


def everyone_with(criterion: Criterion, people: People) -> BitMap:
    """Return everyone of the release for whom one criterion holds."""
    match criterion:
        case FeatureTest() | CountTest():
            return matching(people, criterion)
        case Dated():
            since, until = window(criterion, people.as_of)
            return people.dated(criterion.feature, since, until)
        case Known():
            known = people.known(criterion.feature)
            if criterion.known:
                return known
            return people.everyone - known - people.unanswered(criterion)
    return people.outside(criterion)


def window(asked: Dated, as_of: date) -> tuple[date | None, date | None]:
    """Return the first and last day that a time window takes in."""
    if asked.within_days is None and asked.more_than_days_ago is None:
        return asked.since, asked.until
    since = until = None
    if asked.within_days is not None:
        since = as_of - timedelta(days=asked.within_days)
        until = as_of
    if asked.more_than_days_ago is not None:
        until = as_of - timedelta(days=asked.more_than_days_ago + 1)
    return since, until


def attrition(who: Who, people: People, scope: BitMap) -> Sequence[Narrowing]:
    """Return each step in order with whom it leaves; the last one's are the cohort."""
    steps: list[Narrowing] = []
    left = scope
    for rule in who.all_of:
        alone = members(rule, people, scope)
        left = left & alone
        steps.append(Narrowing(rule, alone, left))
    return steps
