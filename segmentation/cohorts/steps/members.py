"""Boolean algebra over sets of people: a rule and a scope in, who is left out.

The scope is the first AND and every later step works inside it, so that no way of
writing a rule reaches a person outside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import itemgetter, or_
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

# Fewer people than a sixteenth are kept as lists of numbers, and asked one by one.
FEW = 16


class People(Sets, Protocol):
    """One release's people as sets."""

    @property
    def as_of(self) -> date: ...
    @property
    def everyone(self) -> BitMap: ...
    def sets(self, attribute: str, values: Iterable[str]) -> list[BitMap]: ...
    def is_scanned(self, attribute: str) -> bool: ...
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
    kept = _kept(rule, people)
    if kept is not None:
        return _any(kept, people, scope)
    match rule:
        case Who() | AllOf():
            return _all(inside(rule), people, scope)
        case AnyOf():
            return union([members(each, people, scope) for each in rule.any_of])
        case NoneOf():
            # Whose record may not be asked is not somebody who has none of it.
            found = scope - people.unanswered(rule)
            for each in rule.none_of:
                kept = _kept(each, people)
                for having in [members(each, people, found)] if kept is None else kept:
                    found -= having
            return found
        case FeatureTest():
            return people.within(rule.feature, scope, *bounds(rule))
    return scope & everyone_with(rule, people)


def _all(rules: Iterable[Rule], people: People, scope: BitMap) -> BitMap:
    """Narrow by scope and rules: the smallest sets first, then what costs more.

    The order changes nothing but the time: each meets the few whom those before it
    left. The scope is one of the sets, and what costs more works inside it.
    """
    sets = [(len(scope), [scope])]
    costly: list[tuple[int, Rule]] = []
    for rule in rules:
        kept = _kept(rule, people)
        if kept is not None:
            sets.append((sum(map(len, kept)), kept))
            continue
        match rule:
            case FeatureTest():
                costly.append((int(people.is_scanned(rule.feature)), rule))
            case NoneOf():
                costly.append((2, rule))
            case AllOf() | AnyOf():
                costly.append((3, rule))
            case _:
                made = everyone_with(rule, people)
                sets.append((len(made), [made]))
    (_, first), *more = sorted(sets, key=itemgetter(0))
    found = union(first)
    for _, having in more:
        found = _any(having, people, found)
    for _, rule in sorted(costly, key=itemgetter(0)):
        found = members(rule, people, found)
    return found if found is not scope else scope.copy()


def _kept(rule: Rule | Who, people: People) -> list[BitMap] | None:
    """Return the sets that a release keeps for a rule; None where it keeps none."""
    match rule:
        case FeatureTest() if not rule.bounded:
            values = ("yes",) if rule.any_of is None else rule.any_of
            return people.sets(rule.feature, values)
        case AnyOf():
            parts = [_kept(each, people) for each in rule.any_of]
            sets = [each for part in parts if part is not None for each in part]
            return None if any(part is None for part in parts) else sets
    return None


def _any(sets: Sequence[BitMap], people: People, scope: BitMap) -> BitMap:
    """Return who of a scope is in any of some sets; of few, each set is asked."""
    if len(scope) * FEW > len(people.everyone):
        return scope & union(sets)
    return union([scope & each for each in sets])


def union(sets: Sequence[BitMap]) -> BitMap:
    """Return who is in any of some sets.

    One by one: roaring's union of many takes twice as long for sets kept as lists.
    """
    return reduce(or_, sets) if sets else BitMap()


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
