"""What a release shows of a model: shifts, breakage, drift, and when lists stop."""

import numpy as np
import polars as pl
import pytest

from risk.specs import LimitSpec
from risk.steps.assess import watched
from risk.steps.monitor import alerts, drift, monitor, stability
from tests.unit.risk.model_people import SPEC, learnt

LIMITS = LimitSpec()


@pytest.fixture(scope="module")
def before() -> dict:
    people = learnt(5000, seed=3)
    return watched(people, people["chance"].to_numpy(), SPEC)


def told(people: pl.DataFrame, before: dict, values=None) -> dict:
    chance = people["chance"].to_numpy() if values is None else values
    return monitor(people, chance, before, SPEC)


def test_stability_is_the_published_sum() -> None:
    # (0.6-0.5) ln(0.6/0.5) + (0.4-0.5) ln(0.4/0.5)
    assert stability([0.5, 0.5], [0.6, 0.4]) == pytest.approx(0.0405465, abs=1e-6)
    assert stability([0.2] * 5, [0.2] * 5) == 0


def test_the_same_law_raises_no_alert(before) -> None:
    found = told(learnt(5000, seed=4), before)
    assert found["stability"] < 0.02
    assert alerts(found, LIMITS) == []


def test_figures_that_shift_stop_the_lists(before) -> None:
    people = learnt(5000, seed=4)
    found = told(people, before, np.clip(people["chance"].to_numpy() * 2.5, 0, 1))
    (alert,) = alerts(found, LIMITS)
    assert alert["stops"]
    assert "shifted" in alert["words"]


def test_an_input_that_is_lost_stops_and_one_that_shifts_warns(before) -> None:
    people = learnt(5000, seed=4)
    lost = told(people.with_columns(latest_egfr=pl.lit(None, pl.Float64)), before)
    assert [a["stops"] for a in alerts(lost, LIMITS)] == [True]
    assert "latest_egfr" in alerts(lost, LIMITS)[0]["words"]
    older = told(people.with_columns(age_years=pl.col("age_years") + 15), before)
    assert [a["stops"] for a in alerts(older, LIMITS)] == [False]


def test_drift_in_one_group_is_seen_though_the_whole_is_level() -> None:
    people = learnt(30_000, seed=5)
    outcome = people["outcome"].to_numpy()
    level = people["chance"].to_numpy()
    fine = {"stability": 0, "input_stability": {}, "known_fell": {}}
    found = fine | {"drift": drift(outcome, level, people, LIMITS)}
    assert alerts(found, LIMITS) == []
    forgot = outcome & ~(
        (people["imd_fifth"] == "1").to_numpy()
        & (people["person_no"] % 2 == 0).to_numpy()
    )
    found = fine | {"drift": drift(forgot, level, people, LIMITS)}
    (alert,) = alerts(found, LIMITS)
    assert "imd_fifth is 1" in alert["words"]
    assert alert["stops"]
