"""Which records are tried without their number, and what became of them."""

import polars as pl
import pytest

from linkage.steps.check_links import (
    AGE_BANDS,
    NOT_KNOWN,
    age_band,
    choose,
    link_rate,
    numbered,
    outcomes,
)


def records(n: int, **given) -> pl.DataFrame:
    usual = {"feed": "a", "ethnicity_group": "White", "imd_fifth": "1"}
    usual |= {"age_band": "0-17"} | given
    first = given.get("first", 0)
    keys = pl.Series("subject_key", range(first, first + n), dtype=pl.Int64)
    frame = pl.DataFrame({"subject_key": keys, "person_no": keys.cast(pl.Int32)})
    columns = {k: pl.lit(v) for k, v in usual.items() if k != "first"}
    return frame.with_columns(**columns)


def test_each_stratum_gives_its_share_and_small_ones_give_one() -> None:
    everyone = pl.concat(
        [
            records(1000),
            records(250, feed="b", first=1000),
            records(3, ethnicity_group="Asian", first=2000),
        ]
    )
    chosen = choose(everyone, one_in=100, seed="2026-09-30")
    counts = chosen.group_by("feed", "ethnicity_group").len()
    assert sorted(counts.iter_rows()) == [
        ("a", "Asian", 1),
        ("a", "White", 10),
        ("b", "White", 3),
    ]


def test_the_same_seed_chooses_the_same_whatever_the_order() -> None:
    everyone = records(1000)
    once = choose(everyone, one_in=10, seed="x")
    assert choose(everyone.reverse(), one_in=10, seed="x").equals(once)
    other = choose(everyone, one_in=10, seed="y")
    assert set(other["subject_key"]) != set(once["subject_key"])


def test_a_person_is_tried_once() -> None:
    several = records(100).with_columns(person_no=pl.lit(7, dtype=pl.Int32))
    assert choose(several, one_in=1, seed="x").height == 1


def test_an_outcome_is_right_wrong_or_missed() -> None:
    tried = pl.DataFrame(
        {"subject_key": [1, 2, 3], "person_no": [1, 2, 3]},
        schema={"subject_key": pl.Int64, "person_no": pl.Int32},
    )
    found = pl.DataFrame(
        {"subject_key": [1, 2], "person_no": [1, 9]},
        schema={"subject_key": pl.Int64, "person_no": pl.Int32},
    )
    assert outcomes(tried, found)["outcome"].to_list() == ["right", "wrong", "missed"]


def test_ages_fall_into_the_bands_and_none_is_not_known() -> None:
    ages = pl.DataFrame({"years": [0.0, 17.9, 18.0, 64.0, 65.0, 80.0, 110.0, None]})
    found = ages.select(age_band(pl.col("years")))["literal"].to_list()
    names = [words for _, words in AGE_BANDS]
    assert found == [*[names[0]] * 2, *names[1:4], names[4], names[4], NOT_KNOWN]


def test_records_with_and_without_a_number_are_counted_by_group() -> None:
    agreed = records(5).with_columns(number_agreed=pl.lit(value=True))
    bare = records(3, ethnicity_group="Asian").with_columns(
        number_agreed=pl.Series([True, False, False])
    )
    assert numbered(pl.concat([agreed, bare])) == [
        {"division": "ethnicity_group", "group": "Asian", "agreed": 1, "without": 2},
        {"division": "ethnicity_group", "group": "White", "agreed": 5, "without": 0},
        {"division": "imd_fifth", "group": "1", "agreed": 6, "without": 2},
    ]


@pytest.mark.parametrize(
    ("agreed", "without", "found_again", "rate"),
    [
        (100, 0, 0.5, 1.0),  # who all bear a number are all linked
        (90, 8, 0.8, 0.98),  # ten came without, of whom eight were found
        (0, 8, 0.8, 0.8),
        (10, 0, 0.0, 1.0),
    ],
)
def test_a_link_rate_reckons_those_who_were_not_found(
    agreed: int, without: int, found_again: float, rate: float
) -> None:
    assert link_rate(agreed, without, found_again) == pytest.approx(rate)
