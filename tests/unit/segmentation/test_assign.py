"""Segments: one each, the first that matches, and a reason for every one."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.exceptions import ColumnNotFoundError

from segmentation.definitions import LENSES, SCHEMES
from segmentation.specs import SchemeSpec
from segmentation.steps.assign import assign
from segmentation.steps.explain import Evidence, explain
from segmentation.steps.lens import lens

SCHEME = SCHEMES["bridges_to_health"]
NUMBERS = {"age_years", "latest_egfr", "emergency_admissions_12m"}
CATEGORIES = {"frailty_recorded"}


def kind_of(feature: str) -> pl.DataType:
    if feature in NUMBERS:
        return pl.Float64()
    if feature in CATEGORIES:
        return pl.String()
    return pl.Date() if feature.endswith(("_since", "_on")) else pl.Boolean()


def people(*known: dict) -> pl.DataFrame:
    """One row per person, with every feature of the scheme; null unless given."""
    schema = {"person_no": pl.Int32()} | {f: kind_of(f) for f in SCHEME.features}
    rows = [{"person_no": n, "age_years": 50.0} | row for n, row in enumerate(known)]
    return pl.DataFrame(rows, schema=schema)


def segment_of(**known) -> tuple[str, str]:
    row = assign(people(known), SCHEME).row(0, named=True)
    return row["segment"], row["segment_sub"]


@pytest.mark.parametrize(
    ("known", "segment", "sub"),
    [
        ({}, "healthy", "healthy"),
        ({"has_asthma": True}, "long_term_conditions", "one_condition"),
        (
            {"has_asthma": True, "has_depression": True, "has_copd": True},
            "long_term_conditions",
            "two_or_three_conditions",
        ),
        ({"has_heart_failure": True}, "organ_failure", "heart_failure"),
        (
            {"has_chronic_kidney_disease": True, "latest_egfr": 14.9},
            "organ_failure",
            "kidney_failure",
        ),
        # One low result without kidney disease may be an acute injury.
        ({"latest_egfr": 10.0}, "healthy", "healthy"),
        (
            {"has_chronic_kidney_disease": True, "latest_egfr": 15.0},
            "long_term_conditions",
            "one_condition",
        ),
        (
            {"has_cancer": True, "on_palliative_register": True},
            "short_decline",
            "incurable_cancer",
        ),
        ({"has_learning_disability": True}, "disability", "learning_disability"),
        ({"long_term_social_care": True}, "disability", "supported_under_65"),
        ({"long_term_social_care": True, "age_years": 65.0}, "healthy", "healthy"),
    ],
)
def test_a_person_is_in_the_segment_of_their_first_element(known, segment, sub) -> None:
    assert segment_of(**known) == (segment, sub)


def test_frailty_counts_from_65_and_stands_above_everything_else() -> None:
    frail = {"frailty_recorded": "severe", "has_heart_failure": True}
    assert segment_of(**frail, age_years=64.0)[0] == "organ_failure"
    assert segment_of(**frail, age_years=65.0) == ("frailty_dementia", "severe_frailty")
    assert segment_of(frailty_recorded="mild", age_years=80.0)[0] == "healthy"


def test_a_feature_that_is_absent_is_an_error_and_nobody_becomes_healthy() -> None:
    with pytest.raises(ColumnNotFoundError):
        assign(people({}).drop("has_dementia"), SCHEME)


def known_people() -> st.SearchStrategy[dict]:
    """Any features, known or not, near the edges that decide."""
    return st.fixed_dictionaries(
        {
            feature: st.none()
            | (
                st.sampled_from(["mild", "moderate", "severe"])
                if feature in CATEGORIES
                else st.sampled_from([0.0, 1.0, 2.0, 4.0, 14.9, 15.0, 29.9, 64.0, 65.0])
                if feature in NUMBERS
                else st.just(date(2020, 1, 1))
                if kind_of(feature) == pl.Date()
                else st.booleans()
            )
            for feature in SCHEME.features
        }
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(known_people(), min_size=1, max_size=10))
def test_explaining_agrees_with_assigning(known: list[dict]) -> None:
    frame = people(*known)
    assigned = assign(frame, SCHEME)
    for person, row in zip(
        frame.iter_rows(named=True), assigned.iter_rows(named=True), strict=True
    ):
        found = explain(person, SCHEME)
        assert found.segment == row["segment"]
        assert [r.element for r in found.reasons] == row["segment_elements"]
        assert [r.decides for r in found.reasons] == [
            i == 0 for i in range(len(found.reasons))
        ]
        if found.reasons:
            assert found.reasons[0].element == row["segment_sub"]
            assert found.reasons[0].evidence


@settings(max_examples=20, deadline=None)
@given(
    st.lists(known_people(), min_size=1, max_size=10),
    st.permutations(SCHEME.segments[:-1]),
)
def test_another_precedence_moves_people_only_between_their_elements(
    known: list[dict], order: list
) -> None:
    turned = SchemeSpec.model_validate(
        SCHEME.model_dump() | {"segments": (*order, SCHEME.segments[-1])}
    )
    frame = people(*known)
    before, after = assign(frame, SCHEME), assign(frame, turned)
    # What is true of a person does not depend on the order; where they are shown does.
    met = [set(names) for names in before["segment_elements"]]
    assert [set(names) for names in after["segment_elements"]] == met
    of = {e.name: s.name for s in SCHEME.segments for e in s.elements}
    for segment, elements in zip(after["segment"], met, strict=True):
        theirs = {of[name] for name in elements} or {"healthy"}
        assert segment == next(s.name for s in turned.segments if s.name in theirs)


def test_an_explanation_gives_the_feature_and_since_when() -> None:
    person = people(
        {"has_dementia": True, "dementia_since": date(2024, 5, 1)}
        | {"has_copd": True, "copd_since": date(2019, 3, 2)}
    ).row(0, named=True)
    found = explain(person, SCHEME)
    assert found.title == "Frailty or dementia"
    first, second = found.reasons
    assert first.title == "Dementia on the GP or hospital record"
    assert first.since == date(2024, 5, 1)
    assert first.evidence == (Evidence("has_dementia", True, None),)
    # A count names what was counted, and not what was looked for in vain.
    assert second.evidence == (Evidence("has_copd", True, date(2019, 3, 2)),)


def test_core20_is_the_two_most_deprived_tenths_and_unknown_without_a_home() -> None:
    frame = pl.DataFrame({"imd_decile": ["1", "2", "3", "10", None]})
    found = frame.select(lens(LENSES["core20"]))["core20"]
    assert found.to_list() == [True, True, False, False, None]
