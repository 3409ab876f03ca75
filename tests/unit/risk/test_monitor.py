"""What a release shows of a model: shifts, breakage, drift, and when lists stop."""

import numpy as np
import polars as pl
import pytest

from risk.definitions import MODELS
from risk.steps.assess import assess, judged_rows, watched
from risk.steps.monitor import (
    alerts,
    checks,
    drift,
    drift_of_card,
    monitor,
    stability,
)
from risk.steps.train import train
from tests.unit.risk.model_people import FULL, SPEC, learnt

LIMITS = SPEC.limits


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
    assert alerts(found, SPEC) == []


def test_figures_that_shift_stop_the_lists(before) -> None:
    people = learnt(5000, seed=4)
    found = told(people, before, np.clip(people["chance"].to_numpy() * 2.5, 0, 1))
    (alert,) = alerts(found, SPEC)
    assert alert["stops"]
    assert "shifted" in alert["words"]


def test_an_input_that_is_lost_stops_and_one_that_shifts_warns(before) -> None:
    people = learnt(5000, seed=4)
    lost = told(people.with_columns(latest_egfr=pl.lit(None, pl.Float64)), before)
    assert [a["stops"] for a in alerts(lost, SPEC)] == [True]
    assert "“eGFR" in alerts(lost, SPEC)[0]["words"]
    older = told(people.with_columns(age_years=pl.col("age_years") + 15), before)
    assert [a["stops"] for a in alerts(older, SPEC)] == [False]


@pytest.mark.parametrize("share", [0.05, 0.15, 1.0])
def test_an_input_known_of_few_is_as_broken_when_it_is_lost(share) -> None:
    def some(seed: int) -> pl.DataFrame:
        people = learnt(5000, seed=seed)
        told = pl.col("person_no") % 100 < 100 * share
        return people.with_columns(latest_egfr=pl.when(told).then("latest_egfr"))

    tried = some(3)
    before = watched(tried, tried["chance"].to_numpy(), SPEC)
    assert alerts(told(some(4), before), SPEC) == []
    lost = some(4).with_columns(latest_egfr=pl.lit(None, pl.Float64))
    (alert,) = alerts(told(lost, before), SPEC)
    assert alert["stops"]
    assert "known of 100% fewer people" in alert["words"]


def test_a_register_or_a_count_that_a_feed_no_longer_fills_stops(before) -> None:
    """Nobody with heart failure is a value like any other, and no value is missing."""
    people = learnt(5000, seed=4)
    chance = people["chance"].to_numpy()
    emptied = people.with_columns(has_heart_failure=pl.lit(value=False))
    (alert,) = alerts(told(emptied, before, chance), SPEC)
    assert alert["stops"]
    assert "100% fewer people have any of the input “Heart failure”" in alert["words"]
    # One in twenty left: the rest were not sent.
    few = pl.when(pl.col("person_no") % 20 == 0).then("emergency_admissions_12m")
    thinned = people.with_columns(
        emergency_admissions_12m=few.otherwise(pl.lit(0, pl.Int64))
    )
    found = told(thinned, before, chance)
    assert [a["stops"] for a in alerts(found, SPEC)].count(True) == 1
    # What was tried before this was watched has nothing to be held against.
    earlier = {key: value for key, value in before.items() if key != "having"}
    assert not any(a["stops"] for a in alerts(told(emptied, earlier, chance), SPEC))


def test_an_input_of_few_people_may_be_rarer_by_chance(before) -> None:
    people = learnt(60, seed=4).with_columns(has_heart_failure=pl.lit(value=False))
    few = told(people, before)
    assert few["having_fell"] == {}


FINE = {
    "stability": 0,
    "input_stability": {},
    "known_fell": {},
    "having_fell": {},
}
THEN = {"foretold_on": "2025-09-30", "stops": True}


def test_drift_in_one_group_is_seen_though_the_whole_is_level() -> None:
    people = learnt(30_000, seed=5)
    level = people["chance"].to_numpy()
    found = FINE | {"drift": drift(people, level, SPEC) | THEN}
    assert alerts(found, SPEC) == []
    assert set(found["drift"]["groups"]) >= {"imd_fifth", "sex", "ethnicity_group"}
    forgot = (pl.col("imd_fifth") == "1") & (pl.col("person_no") % 2 == 0)
    worse = people.with_columns(outcome=pl.col("outcome") & ~forgot)
    found = FINE | {"drift": drift(worse, level, SPEC) | THEN}
    (alert,) = alerts(found, SPEC)
    assert "imd_fifth is 1" in alert["words"]
    assert "30 September 2025" in alert["words"]
    assert alert["stops"]
    # What was found before is told again, and stops nothing that was resumed.
    again = FINE | {"drift": found["drift"] | {"stops": False}}
    assert [each["stops"] for each in alerts(again, SPEC)] == [False]


def test_outcomes_that_are_no_longer_recorded_are_seen() -> None:
    """Nobody has it any more: no outcome to count, and most is wrong."""
    people = learnt(8000, seed=5).with_columns(outcome=pl.lit(value=False))
    told = drift(people, people["chance"].to_numpy(), SPEC)
    assert told["level"]["observed"] == 0
    assert told["level"]["expected"] > LIMITS.least_outcomes
    assert any(each["stops"] for each in alerts(FINE | {"newest": told | THEN}, SPEC))
    # Half as many of few may be chance: the interval reaches back to the limit.
    level = {"observed": 80, "expected": 104.0, "observed_over_expected": 0.77}
    little = {"level": level | {"interval": [0.61, 0.96]}, "groups": {}} | THEN
    assert alerts(FINE | {"newest": little}, SPEC) == []
    few = people.head(300)
    told = drift(few, few["chance"].to_numpy(), SPEC)
    assert alerts(FINE | {"newest": told | THEN}, SPEC) == []


@pytest.mark.parametrize(("low", "stops"), [(1.3, False), (1.42, True)])
def test_a_group_is_beyond_where_its_interval_does_not_reach_back(low, stops) -> None:
    """Of some hundred outcomes a ratio of 1.5 may be 1.3; a limit is 1.4."""
    assert LIMITS.group_level[1] == 1.4
    group = {
        "level": {"observed": 0, "expected": 0.0, "observed_over_expected": None},
        "groups": {"imd_fifth": {"1": 1.5}},
        "group_intervals": {"imd_fifth": {"1": [low, 1.7]}},
    }
    found = [each["stops"] for each in alerts(FINE | {"newest": group | THEN}, SPEC)]
    assert found == ([True] if stops else [])


def test_drift_of_pounds_is_seen() -> None:
    spec = FULL.model_copy(update={"outcome": MODELS["cost_next_year"].outcome})
    people = learnt(8000, seed=5)
    mean = people["amount_gbp"].mean()
    told = drift(people, np.full(people.height, mean), spec)
    assert told["level"]["observed_over_expected"] == pytest.approx(1)
    assert alerts(FINE | {"newest": told | THEN}, spec) == []
    told = drift(people, np.full(people.height, mean / 2), spec)
    assert any(each["stops"] for each in alerts(FINE | {"newest": told | THEN}, spec))


def test_what_the_card_says_is_what_the_trial_shows() -> None:
    later = learnt(12_000, seed=8)
    trained = train(learnt(12_000, seed=7), SPEC)
    card = drift_of_card(assess(trained, later, later, SPEC), SPEC)
    anew = drift(*judged_rows(later, trained, SPEC), SPEC)
    assert card["groups"] == anew["groups"]
    assert card["group_intervals"] == anew["group_intervals"]
    for name in ("people", "observed", "observed_over_expected", "interval"):
        assert card["level"][name] == anew["level"][name]


def test_a_category_that_shifts_warns(before) -> None:
    people = learnt(5000, seed=4)
    chance = people["chance"].to_numpy()
    found = told(people.with_columns(sex=pl.lit("F")), before, chance)
    assert [each["stops"] for each in alerts(found, SPEC)] == [False]
    (check,) = [each for each in checks(found, SPEC) if each.beyond]
    assert (check.what, check.of) == ("Input: stability index", "Sex")
    assert check.value > check.high
