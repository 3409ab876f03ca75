"""The builder's form: what is typed, what it means, and the way back from a rule."""

import polars as pl
import pytest
from django.http import QueryDict
from django.utils.http import urlencode
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards import cohort_form as form
from linkage.release.catalogue import Attribute, Catalogue
from segmentation.cohorts.index import CohortIndex
from segmentation.cohorts.selectors import Reader
from segmentation.cohorts.specs import Who
from segmentation.cohorts.steps.members import members
from tests.builders import release_view

CATALOGUE = Catalogue(
    [
        Attribute("sex", "Sex", "category", values=("F", "M")),
        Attribute(
            "frailty_recorded",
            "Frailty recorded by the practice",
            "category",
            values=("mild", "moderate", "severe"),
        ),
        Attribute("lives_alone", "Lives alone", "flag"),
        Attribute("has_copd", "COPD", "flag"),
        Attribute("medicines_12m", "Different medicines in 12 months", "number"),
        Attribute("care_plan_on", "Care plan, date", "date"),
    ]
)


def read(text):
    return form.draft_of(QueryDict(text))


def who_of(text):
    who, problems = form.who_of(read(text), CATALOGUE)
    assert problems == {}
    return who.model_dump(mode="json", exclude_none=True)["all_of"]


CLINICIAN = (
    "c1=feature:frailty_recorded&c1-is=moderate&c1-is=severe"
    "&c2=feature:medicines_12m&c2-low=10&c3=feature:lives_alone"
)


def test_the_clinicians_cohort_is_three_steps():
    assert who_of(CLINICIAN) == [
        {"feature": "frailty_recorded", "any_of": ["moderate", "severe"]},
        {"feature": "medicines_12m", "at_least": 10.0},
        {"feature": "lives_alone"},
    ]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (
            "c1=feature:lives_alone&c1-is=no",
            {"feature": "lives_alone", "any_of": ["no"]},
        ),
        (
            "c1=feature:lives_alone&c1-is=(not recorded)",
            {"feature": "lives_alone", "known": False},
        ),
        ("c1=feature:sex", {"feature": "sex", "known": True}),
        ("c1=feature:medicines_12m", {"feature": "medicines_12m", "known": True}),
        (
            "c1=feature:medicines_12m&c1-low=1,000&c1-high=2000.5",
            {"feature": "medicines_12m", "at_least": 1000.0, "at_most": 2000.5},
        ),
        (
            "c1=feature:care_plan_on&c1-days=90",
            {"feature": "care_plan_on", "within_days": 90},
        ),
        (
            "c1=feature:care_plan_on&c1-since=2026-01-01",
            {"feature": "care_plan_on", "since": "2026-01-01"},
        ),
        (
            "c1=feature:has_copd&c1-not=1",
            {"none_of": [{"feature": "has_copd"}]},
        ),
        ("c1=cohort:7.2", {"cohort": 7, "version": 2}),
        ("c1=list:4", {"imported_list": 4}),
    ],
)
def test_what_is_typed_means(typed, meant):
    assert who_of(typed) == [meant]


def test_groups_are_joined_as_they_say():
    text = (
        "g2=any_of&c1=feature:sex&c1-is=F&c2=feature:has_copd&c2-group=2"
        "&c3=feature:lives_alone&c3-group=2&g3=none_of&c4=feature:sex&c4-is=M&c4-group=3"
    )
    assert who_of(text) == [
        {"feature": "sex", "any_of": ["F"]},
        {"any_of": [{"feature": "has_copd"}, {"feature": "lives_alone"}]},
        {"none_of": [{"feature": "sex", "any_of": ["M"]}]},
    ]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("c1=feature:nothing", "no such feature"),
        ("c1=feature:medicines_12m&c1-low=ten", "“ten” is not a number"),
        ("c1=feature:medicines_12m&c1-low=9&c1-high=3", "nobody can be both"),
        ("c1=feature:care_plan_on&c1-days=soon", "not a number of days"),
        ("c1=codes:&c1-since=2026-01-01", "first and the last day"),
        ("c1=codes:&c1-since=2026-01-01&c1-until=2026-02-01", "Choose a code list"),
        (
            "c1=codes:&c1-since=2026-01-01&c1-until=2026-02-01&c1-codes=1",
            "codes need their system",
        ),
        ("c1=cohort:7", "no such cohort"),
        ("c1=rule:&c1-rule={", "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_said_and_left_out(typed, words):
    who, problems = form.who_of(read(f"{typed}&c2=feature:has_copd"), CATALOGUE)
    assert words in problems[1]
    assert [each.feature for each in who.all_of] == ["has_copd"]


def test_what_is_not_of_the_form_is_passed_over():
    assert read("c1=sql:drop&cx=feature:sex&c1000=feature:sex&g1=xor").rows == ()


def test_an_address_holds_the_whole_draft():
    draft = read(CLINICIAN + "&g1=none_of&c9=feature:sex&c9-group=4&g4=any_of&c9-not=1")
    again = read(urlencode(draft.as_query(), doseq=True))
    assert again == draft


FLAGS = [{"feature": "has_copd"}, {"feature": "lives_alone"}]
LEAVES = st.sampled_from(
    [
        *FLAGS,
        {"feature": "lives_alone", "any_of": ["no"]},
        {"feature": "sex", "any_of": ["M"]},
        {"feature": "medicines_12m", "at_least": 3},
        {"feature": "medicines_12m", "above": 3, "below": 9},
        {"feature": "medicines_12m", "known": False},
        {"count": ["has_copd", "lives_alone"], "at_least": 1},
        {"imported_list": 1},
        {"feature": "care_plan_on", "within_days": 100},
    ]
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda some, key=key: {key: some})
        for key in ("all_of", "any_of", "none_of")
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(RULES, max_size=4))
def test_a_definition_goes_through_the_form_and_comes_back_the_same_people(rules):
    who = Who.model_validate({"all_of": rules})
    query = form.draft_from(who, CATALOGUE).as_query()
    again, problems = form.who_of(read(urlencode(query, doseq=True)), CATALOGUE)
    assert problems == {}
    reader = everybody()
    assert members(again, reader, reader.everyone) == members(
        who, reader, reader.everyone
    )


def everybody():
    """Every combination of the catalogue's values, once."""
    rows = [
        {"sex": sex, "lives_alone": alone, "has_copd": copd, "medicines_12m": n}
        for sex in ("F", "M", None)
        for alone in (True, False, None)
        for copd in (True, False)
        for n in (None, 2.0, 3.0, 4.0, 9.0)
    ]
    frame = pl.DataFrame(rows).with_columns(
        person_no=pl.int_range(1, len(rows) + 1, dtype=pl.Int32),
        frailty_recorded=pl.lit(None, dtype=pl.String),
        care_plan_on=pl.lit(None, dtype=pl.Date),
    )
    view = release_view(frame, CATALOGUE.values())
    return Reader(CohortIndex(view), lambda criterion: view.bitmap("sex", "F"))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("frail", ["frailty_recorded"]),
        ("medicine", ["medicines_12m"]),
        ("medicines", ["medicines_12m"]),
        ("alone", ["lives_alone"]),
        ("severe", ["frailty_recorded"]),
        ("care plan", ["care_plan_on"]),
        ("edicines", []),
        ("", []),
    ],
)
def test_words_find_the_features_that_hold_them(words, found):
    assert [each.name for each in form.matching(CATALOGUE, words)] == found
