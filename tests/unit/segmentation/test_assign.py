"""Segments: one each, the first that matches, and a reason for every one."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.exceptions import ColumnNotFoundError

from segmentation.definitions import LENSES, PLUS, SCHEMES
from segmentation.specs import SchemeSpec
from segmentation.steps.assign import assign
from segmentation.steps.explain import Evidence, explain
from segmentation.steps.lens import lenses
from tests.segment_people import KNOWN, TYPES, frame_of, people_with

KIND = {name: TYPES[attribute.kind]() for name, attribute in KNOWN.items()}
SCHEME = SCHEMES["bridges_to_health"]


def people(*known: dict) -> pl.DataFrame:
    """One row per person, with every feature of the scheme; null unless given."""
    return frame_of([{"age_years": 50.0} | row for row in known], SCHEME.features)


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


@pytest.mark.parametrize("name", list(SCHEMES))
def test_explaining_agrees_with_assigning(name: str) -> None:
    scheme = SCHEMES[name]

    @settings(max_examples=15, deadline=None)
    @given(people_with(scheme.features))
    def agrees(known: list[dict]) -> None:
        frame = frame_of(known, scheme.features)
        assigned = assign(frame, scheme, every=True)
        attribute = scheme.attribute
        for person, row in zip(
            frame.iter_rows(named=True), assigned.iter_rows(named=True), strict=True
        ):
            found = explain(person, scheme)
            assert found.segment == row[attribute]
            elements = row[f"{attribute}_elements"]
            assert [r.element for r in found.reasons] == elements
            deciding = [r.decides for r in found.reasons]
            assert deciding == [i == 0 for i in range(len(found.reasons))]
            if found.reasons:
                assert found.reasons[0].element == row[f"{attribute}_sub"]
                assert found.reasons[0].evidence

    agrees()


@pytest.mark.parametrize("name", list(SCHEMES))
def test_another_precedence_moves_people_only_between_their_elements(
    name: str,
) -> None:
    scheme = SCHEMES[name]
    rest = scheme.segments[-1]

    @settings(max_examples=12, deadline=None)
    @given(people_with(scheme.features), st.permutations(scheme.segments[:-1]))
    def moves(known: list[dict], order: list) -> None:
        turned = SchemeSpec.model_validate(
            scheme.model_dump() | {"segments": (*order, rest)}
        )
        frame = frame_of(known, scheme.features)
        before = assign(frame, scheme, every=True)
        after = assign(frame, turned, every=True)
        # What is true of a person does not depend on the order; where they are shown
        # does.
        elements = f"{scheme.attribute}_elements"
        met = [set(names) for names in before[elements]]
        assert [set(names) for names in after[elements]] == met
        of = {e.name: s.name for s in scheme.segments for e in s.elements}
        for segment, mine in zip(after[scheme.attribute], met, strict=True):
            theirs = {of[each] for each in mine} or {rest.name}
            assert segment == next(s.name for s in turned.segments if s.name in theirs)

    moves()


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
    only = {"core20": LENSES["core20"]}
    frame = pl.DataFrame({"imd_decile": ["1", "2", "3", "10", None]})
    frame = frame.with_row_index("person_no").with_columns(
        *(pl.lit(None, KIND[n]).alias(n) for n in PLUS["default"].tested)
    )
    found = lenses(frame, only, PLUS["default"])["core20"]
    assert found.to_list() == [True, True, False, False, None]


def test_a_lens_within_a_lens_that_does_not_exist_is_an_error() -> None:
    lost = LENSES["core20plus"].model_copy(update={"within": ("nobody",)})
    with pytest.raises(LookupError, match="nobody"):
        lenses(pl.DataFrame({"person_no": [1]}), {"lost": lost}, PLUS["default"])


def test_lenses_within_each_other_are_an_error() -> None:
    one = LENSES["core20plus"].model_copy(update={"within": ("core20plus",)})
    with pytest.raises(LookupError, match="circle"):
        lenses(pl.DataFrame({"person_no": [1]}), {"one": one}, PLUS["default"])
