"""Hospital scores: golden values, known traps, and when there is no score at all."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from risk.definitions import score_tables, tables_of
from risk.steps.score import score
from tests.unit.risk.score_people import (
    AS_OF,
    FEEDS,
    OUTPATIENT,
    admitted,
    coded,
    features,
)

GOLDEN = Path(__file__).parents[2] / "data" / "risk" / "comorbidity.json"


def scored(
    codes: dict[str, date] | list[str],
    *,
    age: int = 80,
    admissions: list[date] | None = None,
) -> dict:
    """Score one person who has these codes, a month ago unless dated."""
    recent = AS_OF - timedelta(days=30)
    dated = codes if isinstance(codes, dict) else dict.fromkeys(codes, recent)
    found = score(
        features({1: age}),
        coded([(1, code, on) for code, on in dated.items()]),
        admitted([(1, on) for on in admissions or []]),
        tables=score_tables(),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    return found.row(0, named=True)


def test_scores_agree_with_independent_implementations() -> None:
    people = json.loads(GOLDEN.read_text())["persons"]
    recent = AS_OF - timedelta(days=30)
    found = score(
        features(dict.fromkeys((p["id"] for p in people), 80)),
        coded([(p["id"], code, recent) for p in people for code in p["codes"]]),
        admitted([(p["id"], recent) for p in people]),
        tables=score_tables(),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    expected = pl.DataFrame(
        {
            "person_no": [p["id"] for p in people],
            "charlson": [float(p["charlson_quan2011"]) for p in people],
            "charlson_1987": [float(p["charlson_1987"]) for p in people],
            "hfrs": [float(p["hfrs"]) for p in people],
            "elixhauser": [float(p["elixhauser_vw"]) for p in people],
            "elixhauser_swiss": [float(p["elixhauser_swiss"]) for p in people],
            "shmi_comorbidity": [float(p["shmi_score"]) for p in people],
        },
        schema_overrides={"person_no": pl.Int32},
    )
    assert_frame_equal(found.select(expected.columns), expected, abs_tol=1e-9)


def test_a_frailty_stem_counts_once_however_many_codes_share_it() -> None:
    # E870 and E871 are both stem E87 (2.3 points); a published library says 4.6.
    assert scored(["E870", "E871"])["hfrs"] == 2.3


def test_hiv_weighs_4_in_the_weights_of_2011_and_6_in_those_of_1987() -> None:
    found = scored(["B20"])
    assert (found["charlson"], found["charlson_1987"]) == (4, 6)


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        (["C50", "C79"], 6),  # metastatic silences cancer
        (["E119", "E112"], 1),  # with complication silences without
        (["K700", "K704"], 4),  # severe liver disease silences mild
        (["C509", "c50.1"], 2),  # one group, whatever the spelling
    ],
)
def test_the_graver_condition_silences_the_milder(codes, points) -> None:
    assert scored(codes)["charlson"] == points


def test_a_person_never_admitted_has_no_hospital_score() -> None:
    found = scored([])
    assert found["hfrs"] is None
    assert found["hfrs_band"] is None
    assert found["charlson"] is None


def test_an_admission_without_any_scoring_code_is_a_score_of_zero() -> None:
    found = scored(["Z000"], admissions=[AS_OF - timedelta(days=10)])
    assert (found["hfrs"], found["hfrs_band"], found["charlson"]) == (0, "low", 0)


def test_hospital_frailty_looks_back_two_years_and_not_into_the_future() -> None:
    inside, outside = AS_OF - timedelta(days=729), AS_OF - timedelta(days=730)
    assert scored({"F00": inside})["hfrs"] == 7.1
    assert scored({"F00": outside})["hfrs"] is None
    assert scored({"F00": outside}, admissions=[AS_OF])["hfrs"] == 0
    assert scored({"F00": AS_OF + timedelta(days=1)})["hfrs"] is None


def test_scores_are_refused_outside_the_ages_they_were_made_for() -> None:
    assert scored(["F00"], age=64)["hfrs"] is None
    assert scored(["F00"], age=65)["hfrs"] == 7.1
    assert scored(["F00"], age=17)["charlson"] is None


@pytest.mark.parametrize(
    ("codes", "band"),
    [
        (["F32"], "low"),
        (["G81", "R50"], "low"),  # 4.5
        (["G81", "R79"], "intermediate"),  # 5.0
        (["F00", "G81", "R63", "R26"], "intermediate"),  # 15.0
        (["F00", "G81", "R63", "R26", "R50"], "high"),  # 15.1
    ],
)
def test_hospital_frailty_bands_meet_at_5_and_15(codes, band) -> None:
    assert scored(codes)["hfrs_band"] == band


def test_a_score_says_what_added_to_it() -> None:
    found = scored(["E119", "E112", "I21", "B20"])
    # A heart attack weighs nothing in 2011 and diabetes is silenced.
    assert found["charlson_terms"] == ["diabetes_complicated", "hiv"]


def test_codes_of_other_settings_do_not_count() -> None:
    recent = AS_OF - timedelta(days=30)
    clinic = coded([(1, "F00", recent)]).with_columns(
        feed_no=pl.lit(OUTPATIENT, pl.Int16)
    )
    found = score(
        features({1: 80}),
        clinic,
        admitted([(1, recent)]),
        tables=score_tables(),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    assert found["hfrs"].to_list() == [0]


def test_elixhauser_may_be_below_nothing_and_shmi_may_not() -> None:
    # Obesity takes 4 from Elixhauser; complicated diabetes 1 from SHMI.
    assert scored(["E66"])["elixhauser"] == -4
    assert scored(["E112"])["shmi_comorbidity"] == 0
    assert scored(["E112", "K25"])["shmi_comorbidity"] == 8


def test_scores_asked_for_alone_are_those_asked_for_together() -> None:
    recent = AS_OF - timedelta(days=30)
    people = json.loads(GOLDEN.read_text())["persons"][:50]
    frames = (
        features(dict.fromkeys((p["id"] for p in people), 80)),
        coded([(p["id"], code, recent) for p in people for code in p["codes"]]),
        admitted([]),
    )
    together = score(*frames, tables=score_tables(), feeds=FEEDS, as_of=AS_OF)
    alone = score(*frames, tables=tables_of(("shmi",)), feeds=FEEDS, as_of=AS_OF)
    assert_frame_equal(alone, together.select(alone.columns))
