"""Care gaps by rule, and how much could be done beside others of the same place."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from risk.definitions import GAPS, IMPACT
from risk.steps.gaps import COUNT, gaps
from risk.steps.impact import impact

AS_OF = date(2026, 9, 30)
SPEC = IMPACT["adults"]


def found(**known) -> dict:
    """The gaps of one person of whom only this is known."""
    kinds = {"since": pl.Date, "on": pl.Date}
    columns = {}
    for spec in GAPS.values():
        for feature in spec.features:
            kind = kinds.get(feature.rpartition("_")[2], pl.Float64)
            if feature.startswith(("has_", "had_", "takes_")):
                kind = pl.Boolean
            columns[feature] = pl.lit(known.get(feature), kind)
    frame = pl.DataFrame({"person_no": [1]}).with_columns(**columns)
    return gaps(frame, GAPS, as_of=AS_OF).row(0, named=True)


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


def test_a_value_in_the_diabetic_range_without_diabetes_is_a_gap() -> None:
    value = {"latest_hba1c": 48.0, "latest_hba1c_on": ago(730)}
    assert found(**value)["gap_undiagnosed_diabetes"]
    assert found(**value)[COUNT] == 1
    assert not found(**value, has_diabetes_type2=True)["gap_undiagnosed_diabetes"]
    assert not found(latest_hba1c=47.9, latest_hba1c_on=ago(5))[COUNT]
    assert not found(latest_hba1c=60.0, latest_hba1c_on=ago(731))[COUNT]
    assert found()[COUNT] == 0


def test_disease_without_its_monitoring_is_a_gap_also_if_never_measured() -> None:
    assert found(has_diabetes_type2=True)["gap_diabetes_no_hba1c"]
    seen = found(has_diabetes_type2=True, latest_hba1c=50.0, latest_hba1c_on=ago(457))
    assert not seen["gap_diabetes_no_hba1c"]


def test_disease_without_its_treatment_is_a_gap() -> None:
    ill = {"has_atrial_fibrillation": True, "age_years": 65.0}
    assert found(**ill)["gap_fibrillation_no_anticoagulant"]
    treated = found(**ill, takes_anticoagulants=True)
    assert not treated["gap_fibrillation_no_anticoagulant"]
    young = found(**ill | {"age_years": 64.0})
    assert not young["gap_fibrillation_no_anticoagulant"]


@pytest.fixture
def people() -> pl.DataFrame:
    random = np.random.default_rng(1)
    n = 4000
    numbers = {
        feature: random.poisson(2, n).astype(float)
        for feature in SPEC.features
        if feature not in ("neighbourhood_code", "imd_fifth")
    }
    flags = {
        feature: random.random(n) < 0.2
        for feature in SPEC.features
        if feature.startswith(("gap_", "lives", "is_", "needs"))
    }
    place = np.where(np.arange(n) < 1000, "A", "B")
    # One place records twice as much of everything.
    numbers |= {
        "medicines_12m": np.where(place == "A", 8.0, 2.0) + random.poisson(2, n)
    }
    return pl.DataFrame(
        {"person_no": np.arange(n, dtype=np.int32)}
        | numbers
        | flags
        | {
            "age_years": random.integers(10, 100, n),
            "neighbourhood_code": place,
            "imd_fifth": random.integers(1, 6, n).astype(str),
        }
    )


def test_everybody_is_rated_beside_their_own_place(people) -> None:
    made = impact(people, SPEC).join(people, on="person_no")
    adults = made.filter(pl.col("age_years") >= 18)
    by_place = adults.group_by("neighbourhood_code").agg(
        pl.col("impact_medication").mean()
    )
    assert by_place["impact_medication"].to_list() == pytest.approx([50, 50], abs=1)
    assert adults["impact"].is_between(0, 100).all()
    assert made.filter(pl.col("age_years") < 18)["impact"].null_count() == (
        made.filter(pl.col("age_years") < 18).height
    )


def test_more_to_be_done_is_a_higher_rating(people) -> None:
    more = people.with_columns(
        care_gaps=pl.when(pl.col("person_no") == 1500).then(6.0).otherwise(0.0)
    )
    made = impact(more, SPEC)
    top = made.sort("impact_care_gaps").drop_nulls().row(-1, named=True)
    assert top["person_no"] == 1500
    assert top["impact_care_gaps"] == 100


def test_a_place_without_differences_is_in_the_middle(people) -> None:
    same = people.with_columns(care_gaps=pl.lit(2.0))
    made = impact(same, SPEC)["impact_care_gaps"].drop_nulls()
    assert set(made) == {50.0}
