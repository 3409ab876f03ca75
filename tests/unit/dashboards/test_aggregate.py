"""Indicators by groups: the same answers by sets as by frames and by hand."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from dashboards.definitions import INDICATORS
from dashboards.specs import IndicatorSpec
from dashboards.steps.aggregate import aggregate, matching
from linkage.release.catalogue import Attribute
from linkage.steps.holds import CountTest, FeatureTest, holds
from tests.builders import release_view

ATTRIBUTES = [
    Attribute("has_asthma", "Asthma", "flag"),
    Attribute("frailty", "Frailty", "category", values=("mild", "severe")),
    Attribute("admissions", "Admissions", "number"),
]
HEAD = {"title": "T", "owner": "O", "source": "S", "review_by": date(2027, 1, 1)}
WORDS = {"so_what": "w", "ask": "a", "caveat": "c", "completeness": "k"}
WORDS |= {"among_words": "all", "period": "p", "better": "lower", "by": ("pcn",)}


def release(rows):
    frame = pl.DataFrame(
        {
            "person_no": list(range(1, len(rows) + 1)),
            "has_asthma": [row[0] for row in rows],
            "frailty": [row[1] for row in rows],
            "admissions": [row[2] for row in rows],
        },
        schema={
            "person_no": pl.Int32,
            "has_asthma": pl.Boolean,
            "frailty": pl.String,
            "admissions": pl.Float64,
        },
    )
    return frame, release_view(frame, ATTRIBUTES)


def indicator(**given):
    return IndicatorSpec.model_validate(HEAD | WORDS | {"per": 1000} | given)


PEOPLE = [
    (True, "mild", 2.0),
    (False, None, 0.0),
    (None, "severe", None),
    (True, None, 1.0),
]


def test_people_are_counted_among_those_who_meet_every_test():
    _, view = release(PEOPLE)
    spec = indicator(
        count={"feature": "frailty", "any_of": ["mild"]},
        among=[{"feature": "has_asthma"}],
    )
    (cell,) = aggregate(view, spec, [({"pcn": "U1"}, BitMap([1, 2, 3, 4]))])
    assert (set(cell.population), set(cell.having)) == ({1, 4}, {1})
    assert cell.amount is None


def test_a_sum_knows_its_contributors_and_ignores_the_unknown():
    _, view = release(PEOPLE)
    spec = indicator(count={"sum_of": "admissions"}, unit="admissions")
    (cell,) = aggregate(view, spec, [({}, BitMap([1, 2, 3]))])
    assert (cell.amount, set(cell.having), len(cell.population)) == (2.0, {1}, 3)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([True, False, None]),
        st.sampled_from(["mild", "severe", None]),
        st.sampled_from([0.0, 0.1, 1.0, 2.0, None]),
    ),
    min_size=1,
    max_size=12,
)
BOUND = st.sampled_from([None, 0.0, 0.1, 1.0, 2.0])


@given(ROWS, BOUND, BOUND, BOUND, BOUND)
def test_sets_answer_as_frames_do(rows, at_least, above, below, at_most):
    """The one vocabulary has two readers: frames of features, sets of a release."""
    frame, view = release(rows)
    frame = frame.with_columns(pl.col("admissions").cast(pl.Float32))
    bounds = {"at_least": at_least, "above": above, "below": below, "at_most": at_most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    tests = [
        FeatureTest(feature="has_asthma"),
        FeatureTest(feature="frailty", any_of=("severe",)),
    ]
    if given:
        tests.append(FeatureTest(feature="admissions", **given))
    for test in tests:
        expected = frame.filter(holds(test))["person_no"].to_list()
        assert list(matching(view, test)) == expected, test


FLAGS = ("a", "b", "c")


@given(
    st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=10),
    st.integers(1, 3),
    st.none() | st.integers(1, 3),
)
def test_flags_are_counted_as_frames_count_them(rows, at_least, at_most):
    frame = pl.DataFrame(rows, schema=list(FLAGS), orient="row").with_columns(
        person_no=pl.int_range(1, len(rows) + 1, dtype=pl.Int32)
    )
    view = release_view(frame, [Attribute(flag, flag, "flag") for flag in FLAGS])
    most = at_most and max(at_least, at_most)
    test = CountTest(count=FLAGS, at_least=at_least, at_most=most)
    expected = frame.filter(holds(test))["person_no"].to_list()
    assert list(matching(view, test)) == expected


@pytest.mark.parametrize(("least", "most"), [(0, None), (2, 1), (4, None), (1, 4)])
def test_a_count_of_flags_that_cannot_be_is_no_definition(least, most):
    with pytest.raises(ValueError, match="at_least|cannot be set"):
        CountTest(count=("a", "b", "c"), at_least=least, at_most=most)


def test_whose_record_is_closed_is_in_no_denominator_made_of_it():
    _, view = release(PEOPLE)
    view.gone_from_gp = BitMap([4])
    spec = indicator(count={"feature": "has_asthma"}, per=100)
    (cell,) = aggregate(view, spec, [({}, BitMap([1, 2, 3, 4]))])
    assert (set(cell.population), set(cell.having)) == ({1, 2, 3}, {1})


def test_a_count_and_its_unit_must_agree():
    with pytest.raises(ValueError, match="counts people"):
        indicator(count={"feature": "has_asthma"}, unit="admissions")
    with pytest.raises(ValueError, match="Extra inputs"):
        indicator(count={"feature": "has_asthma"}, sql="SELECT 1")


def test_every_indicator_says_what_to_do_with_it():
    for name, spec in INDICATORS.items():
        assert spec.ask.endswith("?"), name
        assert spec.title[0].isupper(), name
