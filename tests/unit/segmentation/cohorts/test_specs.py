from datetime import date

import pytest
from pydantic import ValidationError

from linkage.steps.holds import CountTest, FeatureTest
from segmentation.cohorts.specs import (
    MOST_CRITERIA,
    AnyOf,
    Coded,
    Dated,
    Known,
    Listed,
    NoneOf,
    Saved,
    Who,
    criteria,
)

EVERY_KIND = [
    ({"feature": "has_copd"}, FeatureTest),
    ({"feature": "sex", "any_of": ["F"]}, FeatureTest),
    ({"feature": "age_years", "at_least": 65, "below": 75}, FeatureTest),
    ({"count": ["has_copd", "has_asthma"], "at_least": 2}, CountTest),
    ({"feature": "seen_on", "within_days": 90}, Dated),
    ({"feature": "seen_on", "since": "2026-01-01"}, Dated),
    ({"feature": "latest_bmi", "known": False}, Known),
    (
        {"codelist": "falls", "since": "2025-01-01", "until": "2025-12-31"},
        Coded,
    ),
    (
        {
            "codes": ["I21.4", " I22"],
            "system": "icd10",
            "since": "2025-01-01",
            "until": "2025-12-31",
        },
        Coded,
    ),
    ({"imported_list": 3}, Listed),
    ({"cohort": 2, "version": 1}, Saved),
    ({"any_of": [{"feature": "has_copd"}]}, AnyOf),
    ({"none_of": [{"any_of": [{"feature": "has_copd"}]}]}, NoneOf),
]


@pytest.mark.parametrize(("given", "kind"), EVERY_KIND)
def test_every_kind_is_told_by_its_words_and_survives_json(given, kind):
    who = Who.model_validate({"all_of": [given]})
    assert type(who.all_of[0]) is kind
    again = Who.model_validate_json(who.model_dump_json(exclude_none=True))
    assert again == who


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"feature": "x", "or_sql": "1=1"}, "Extra inputs"),
        ({"feature": "x", "any_of": ["a"], "below": 3}, "cannot be mixed"),
        ({"feature": "x", "within_days": 3, "since": "2026-01-01"}, "not both"),
        ({"feature": "x", "within_days": 9_999_999}, "at most 73,050 days"),
        ({"feature": "x", "more_than_days_ago": 73_051}, "at most 73,050 days"),
        (
            {"feature": "x", "since": "2026-02-01", "until": "2026-01-01"},
            "ends before it begins",
        ),
        ({"since": "2025-01-01", "until": "2025-12-31"}, "name a codelist"),
        (
            {
                "codes": ["1' OR '1"],
                "system": "snomed",
                "since": "2025-01-01",
                "until": "2025-12-31",
            },
            "letters and digits",
        ),
        (
            {"codes": ["1"], "since": "2025-01-01", "until": "2025-12-31"},
            "need their system",
        ),
        ({"any_of": []}, "at least 1 item"),
        ({}, "Field required"),
    ],
)
def test_what_the_vocabulary_does_not_hold_is_refused(given, words):
    with pytest.raises(ValidationError, match=words):
        Who.model_validate({"all_of": [given]})


def test_codes_are_cleaned_and_kept_once():
    asked = Coded(
        codes=("I21.4", " I214 ", "", "I22"),
        system="icd10",
        since=date(2025, 1, 1),
        until=date(2025, 12, 31),
    )
    assert asked.codes == ("I214", "I22")


def test_a_cohort_stays_readable():
    many = [{"feature": f"f{n}"} for n in range(MOST_CRITERIA + 1)]
    with pytest.raises(ValidationError, match="at most 60 criteria"):
        Who.model_validate({"all_of": [{"any_of": many}]})
    deep = {"feature": "x"}
    for _ in range(7):
        deep = {"none_of": [deep]}
    with pytest.raises(ValidationError, match="groups stand at most"):
        Who.model_validate({"all_of": [deep]})


def test_criteria_come_in_reading_order():
    who = Who.model_validate(
        {"all_of": [{"feature": "a"}, {"any_of": [{"feature": "b"}, {"feature": "c"}]}]}
    )
    assert [each.feature for each in criteria(who)] == ["a", "b", "c"]
