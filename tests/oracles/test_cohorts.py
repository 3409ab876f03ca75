"""Cohorts beside a slow second implementation: one person at a time, no bitmap."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from linkage.release.catalogue import Attribute
from linkage.steps.holds import CountTest, FeatureTest
from segmentation.cohorts.index import CohortIndex
from segmentation.cohorts.selectors import Reader
from segmentation.cohorts.specs import (
    AllOf,
    AnyOf,
    Dated,
    Known,
    Listed,
    NoneOf,
    Who,
    inside,
)
from segmentation.cohorts.steps import members as algebra
from segmentation.cohorts.steps.members import attrition, members
from tests.builders import AS_OF, release_view

SEXES, BANDS = ("F", "M", "U"), ("mild", "moderate", "severe")
FLAGS = ("has_copd", "has_dementia", "lives_alone")
ATTRIBUTES = [
    Attribute("sex", "Sex", "category", values=SEXES),
    Attribute("frailty", "Frailty", "category", values=BANDS),
    *(Attribute(flag, flag, "flag") for flag in FLAGS),
    Attribute("age_years", "Age", "number", unit="years", bins=(18, 65)),
    Attribute("cost", "Cost", "number", unit="£"),
    Attribute("seen_on", "Seen", "date"),
]
IMPORTED = BitMap([2, 3, 5, 7, 11, 999])
PERSON = st.fixed_dictionaries(
    {
        "sex": st.sampled_from([*SEXES, None]),
        "frailty": st.sampled_from([*BANDS, None]),
        **{flag: st.sampled_from([True, False, None]) for flag in FLAGS},
        "age_years": st.none() | st.integers(0, 100).map(float),
        "cost": st.none() | st.floats(0, 5000, width=32),
        "seen_on": st.none()
        | st.dates(AS_OF - timedelta(days=900), AS_OF).filter(bool),
    }
)
BOUND = st.none() | st.integers(0, 100).map(float)
TESTS = st.one_of(
    st.sampled_from(FLAGS).map(lambda flag: FeatureTest(feature=flag)),
    st.lists(st.sampled_from(SEXES), max_size=2).map(
        lambda values: FeatureTest(feature="sex", any_of=tuple(values))
    ),
    st.lists(st.sampled_from(BANDS), max_size=3).map(
        lambda values: FeatureTest(feature="frailty", any_of=tuple(values))
    ),
    st.builds(
        FeatureTest,
        feature=st.sampled_from(["age_years", "cost"]),
        at_least=BOUND,
        above=BOUND,
        below=BOUND,
        at_most=BOUND,
    ).filter(lambda test: test.bounded),
    st.integers(1, 3).map(lambda n: CountTest(count=FLAGS, at_least=n)),
    st.integers(0, 900).map(lambda n: Dated(feature="seen_on", within_days=n)),
    st.integers(0, 900).map(lambda n: Dated(feature="seen_on", more_than_days_ago=n)),
    st.dates(date(2024, 1, 1), AS_OF).map(
        lambda day: Dated(feature="seen_on", since=day)
    ),
    st.builds(
        Known, feature=st.sampled_from([*FLAGS, "cost", "sex"]), known=st.booleans()
    ),
    st.just(Listed(imported_list=1)),
)


def joined(rules):
    some = st.lists(rules, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        some.map(lambda given: AllOf(all_of=given)),
        some.map(lambda given: AnyOf(any_of=given)),
        some.map(lambda given: NoneOf(none_of=given)),
    )


RULES = st.recursive(TESTS, joined, max_leaves=8)


def is_in(rule, row):
    """One person, one rule, in the plainest Python."""
    match rule:
        case AllOf():
            return all(is_in(each, row) for each in rule.all_of)
        case AnyOf():
            return any(is_in(each, row) for each in rule.any_of)
        case NoneOf():
            return not any(is_in(each, row) for each in rule.none_of)
        case Listed():
            return row["person_no"] in {2, 3, 5, 7, 11, 999}
        case CountTest():
            return sum(row[flag] is True for flag in rule.count) >= rule.at_least
        case Known():
            return (row[rule.feature] is not None) == rule.known
    value = row[rule.feature]
    if value is None:
        return False
    if isinstance(rule, Dated):
        days = (AS_OF - value).days
        if rule.within_days is not None:
            return 0 <= days <= rule.within_days
        if rule.more_than_days_ago is not None:
            return days > rule.more_than_days_ago
        return value >= rule.since
    if rule.any_of is not None:
        return value in rule.any_of
    if not rule.bounded:
        return value is True
    return (
        (rule.at_least is None or value >= rule.at_least)
        and (rule.above is None or value > rule.above)
        and (rule.below is None or value < rule.below)
        and (rule.at_most is None or value <= rule.at_most)
    )


def reader_of(rows):
    schema = {"person_no": pl.Int32} | {
        a.name: {"flag": pl.Boolean, "category": pl.String, "date": pl.Date}.get(
            a.kind, pl.Float32
        )
        for a in ATTRIBUTES
    }
    frame = pl.DataFrame(rows, schema=schema)
    view = release_view(frame, ATTRIBUTES)
    return Reader(CohortIndex(view), lambda criterion: IMPORTED)


def numbered(people):
    # With a gap, so that a place in a column is not simply the number.
    return [{"person_no": n + 1 + 3 * (n > 4)} | row for n, row in enumerate(people)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PERSON, min_size=1, max_size=12),
    st.lists(RULES, max_size=4),
    st.sets(st.integers(1, 16)),
)
def test_a_cohort_is_whom_the_slow_oracle_finds_inside_the_scope(
    people, rules, allowed
):
    rows = numbered(people)
    reader = reader_of(rows)
    who = Who(all_of=tuple(rules))
    scope = BitMap(allowed) & reader.everyone
    wanted = BitMap(
        row["person_no"]
        for row in rows
        if row["person_no"] in allowed and all(is_in(rule, row) for rule in rules)
    )
    assert members(who, reader, scope) == wanted
    steps = attrition(who, reader, scope)
    assert (steps[-1].left if steps else scope) == wanted
    for step in steps:
        assert step.alone.issubset(scope)
        assert step.alone == BitMap(
            row["person_no"]
            for row in rows
            if row["person_no"] in allowed and is_in(step.rule, row)
        )


@settings(max_examples=100, deadline=None)
@given(st.lists(PERSON, min_size=4, max_size=12), RULES)
def test_the_order_of_a_groups_rules_does_not_matter(people, rule):
    reader = reader_of(numbered(people))
    turned = rule
    if inside(rule):
        key = next(iter(type(rule).model_fields))
        turned = type(rule)(**{key: tuple(reversed(inside(rule)))})
    everyone = reader.everyone
    assert members(rule, reader, everyone) == members(turned, reader, everyone)


@pytest.mark.parametrize(
    "rule",
    [
        Listed(imported_list=1),
        NoneOf(none_of=(FeatureTest(feature="has_copd"),)),
        Known(feature="cost", known=False),
        AnyOf(any_of=(Listed(imported_list=1), FeatureTest(feature="lives_alone"))),
    ],
)
def test_no_rule_reaches_beyond_the_scope(rule, monkeypatch):
    """The mutation: with the scope dropped, the same assertion fails."""
    blank = dict.fromkeys((a.name for a in ATTRIBUTES), None) | {"lives_alone": True}
    reader = reader_of([{"person_no": n} | blank for n in range(1, 12)])
    scope = BitMap([1, 2, 4])
    assert members(Who(all_of=(rule,)), reader, scope).issubset(scope)

    everyone = reader.everyone | IMPORTED
    unscoped = algebra.members
    monkeypatch.setattr(
        algebra, "members", lambda rule, people, scope: unscoped(rule, people, everyone)
    )
    assert not algebra.members(Who(all_of=(rule,)), reader, scope).issubset(scope)
