"""Thousands of random people, scored here and by pycomorb."""

import numpy as np
import polars as pl
import pycomorb
import pytest
from polars.testing import assert_series_equal

from risk.definitions import points_table, tables_of
from risk.steps.score import score
from tests.unit.risk.score_people import AS_OF, FEEDS, admitted, coded, features

CODED = (
    "charlson",
    "charlson_1987",
    "hospital_frailty",
    "elixhauser",
    "elixhauser_swiss",
    "shmi",
)


@pytest.fixture(scope="module")
def diagnoses() -> pl.DataFrame:
    """3,000 people with some nine codes each: half of any kind, half that score."""
    random = np.random.default_rng(20260930)
    n = 27_000
    anything = [
        f"{chr(65 + a)}{b:02d}{c}"
        for a, b, c in zip(
            random.integers(0, 26, n),
            random.integers(0, 100, n),
            random.integers(0, 10, n),
            strict=True,
        )
    ]
    stems = [s for name in CODED for s in points_table(name).stems if len(s) >= 3]
    scoring = [(stem + "0")[:4] for stem in random.choice(stems, n)]
    chosen = np.where(random.random(n) < 0.5, anything, scoring)
    people = random.integers(0, 3000, n).tolist()
    return coded([(p, c, AS_OF) for p, c in zip(people, chosen.tolist(), strict=True)])


def test_every_person_scores_as_in_pycomorb(diagnoses: pl.DataFrame) -> None:
    people = diagnoses["person_no"].unique().sort().to_list()
    ours = score(
        features(dict.fromkeys(people, 80)),
        diagnoses,
        admitted([]),
        tables=tables_of(CODED),
        feeds=FEEDS,
        as_of=AS_OF,
    )
    frame = diagnoses.select(id="person_no", code="code").with_columns(age=pl.lit(80))
    asked = {
        "charlson": {"score": "charlson", "weights": "quan"},
        "charlson_1987": {"score": "charlson", "weights": "charlson"},
        "hfrs": {"score": "hfrs"},
        "elixhauser": {"score": "elixhauser", "weights": "van_walraven"},
        "elixhauser_swiss": {"score": "elixhauser", "weights": "swiss"},
        "shmi_comorbidity": {
            "score": "charlson",
            "weights": "uk_shmi",
            "implementation": "uk_shmi",
        },
    }
    for ours_named, how in asked.items():
        theirs = pycomorb.comorbidity(df=frame, **how)
        # The age-adjusted column stands beside the index; the index is the second.
        value = theirs.columns[1]
        both = ours.select("person_no", ours=ours_named).join(
            theirs.select(person_no="id", theirs=pl.col(value).cast(pl.Float64)),
            on="person_no",
        )
        assert both.height == len(people)
        assert_series_equal(
            both["ours"], both["theirs"], check_names=False, abs_tol=1e-9
        )
        assert both["ours"].n_unique() > 8
