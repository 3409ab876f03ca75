"""Thousands of random people, scored here and by pycomorb."""

from datetime import date

import numpy as np
import polars as pl
import pycomorb
import pytest
from polars.testing import assert_series_equal

from risk.definitions import SCORES, points_tables
from risk.steps.score import score

AS_OF = date(2026, 9, 30)
SPECS = {
    name: SCORES[name] for name in ("charlson", "charlson_1987", "hospital_frailty")
}


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
    stems = [s for t in points_tables().values() for s in t.stems if len(s) >= 3]
    scoring = [(stem + "0")[:4] for stem in random.choice(stems, n)]
    chosen = np.where(random.random(n) < 0.5, anything, scoring)
    return pl.DataFrame(
        {"person_no": random.integers(0, 3000, n).astype(np.int32), "code": chosen}
    ).with_columns(on_date=pl.lit(AS_OF), feed_no=pl.lit(8))


def test_every_person_scores_as_in_pycomorb(diagnoses: pl.DataFrame) -> None:
    people = diagnoses.select("person_no").unique().sort("person_no")
    ours = score(
        people.with_columns(age_years=pl.lit(80)),
        diagnoses,
        diagnoses.select("person_no", start_on="on_date"),
        specs=SPECS,
        tables=points_tables(),
        feeds={"sus_apc": 8, "hes_apc": 41},
        as_of=AS_OF,
    )
    frame = diagnoses.select(id="person_no", code="code").with_columns(age=pl.lit(80))
    asked = {
        "charlson": {"score": "charlson", "weights": "quan"},
        "charlson_1987": {"score": "charlson", "weights": "charlson"},
        "hfrs": {"score": "hfrs"},
    }
    for ours_named, how in asked.items():
        how |= {"implementation": "quan"} if how["score"] == "charlson" else {}
        theirs = pycomorb.comorbidity(df=frame, **how)
        # The age-adjusted column stands beside the index; the index is the second.
        value = theirs.columns[1]
        both = ours.select("person_no", ours=ours_named).join(
            theirs.select(person_no="id", theirs=pl.col(value).cast(pl.Float64)),
            on="person_no",
        )
        assert both.height == people.height
        assert_series_equal(
            both["ours"], both["theirs"], check_names=False, abs_tol=1e-9
        )
        assert both["ours"].n_unique() > 8
