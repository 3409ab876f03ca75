"""The figures of a model card against what they mean, worked out the slow way."""

import numpy as np
import polars as pl
import pytest

from risk.steps.evaluate import (
    auroc_interval,
    curve,
    level,
    line,
    list_sizes,
    summary,
    within,
)

RANDOM = np.random.default_rng(11)
RISK = RANDOM.beta(1, 9, 4000)
OUTCOME = RANDOM.random(4000) < RISK


def pairs_right(outcome: np.ndarray, risk: np.ndarray) -> float:
    """The share of pairs, one with and one without, that risk puts in order."""
    difference = risk[outcome][:, None] - risk[~outcome][None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def test_auroc_is_the_share_of_pairs_put_in_order() -> None:
    found = summary(OUTCOME, RISK)
    assert found["auroc"] == pytest.approx(pairs_right(OUTCOME, RISK), abs=1e-6)
    assert found["brier"] == pytest.approx(((RISK - OUTCOME) ** 2).mean(), abs=1e-6)
    low, high = auroc_interval(OUTCOME, RISK)
    assert low < found["auroc"] < high < low + 0.1


def test_true_chances_are_level_and_shifted_ones_are_not() -> None:
    slope, intercept, half = line(OUTCOME, RISK)
    assert abs(slope - 1) < half < 0.2
    assert abs(intercept) < 0.15
    odds = np.log(RISK / (1 - RISK))
    slope, intercept, _ = line(OUTCOME, 1 / (1 + np.exp(-(odds * 2))))
    assert slope == pytest.approx(line(OUTCOME, RISK)[0] / 2, rel=1e-3)
    assert intercept > 0.5


def test_observed_over_expected_has_its_exact_interval() -> None:
    # 8 observed: exact 95% Poisson limits 3.4538 and 15.7632 (Garwood 1936).
    found = level(np.arange(100) < 8, np.full(100, 0.1))
    assert found["observed_over_expected"] == pytest.approx(0.8)
    assert found["interval"] == pytest.approx([0.34538, 1.57632], abs=1e-5)
    assert level(np.zeros(10, dtype=bool), np.full(10, 0.1))["interval"][0] == 0


def test_a_list_of_the_top_is_judged_by_who_is_on_it() -> None:
    risk = np.array([0.9, 0.8, 0.7, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    outcome = np.array([1, 0, 1, 1, 0, 0, 0, 0, 0, 1], dtype=bool)
    (found,) = list_sizes(outcome, risk, (0.4,))
    assert found == {
        "top_share": 0.4,
        "people": 4,
        "from_risk": 0.6,
        "ppv": 0.75,
        "sensitivity": 0.75,
        "lift": 1.875,
    }


def test_ranking_within_age_leaves_out_what_age_alone_explains() -> None:
    age = RANDOM.choice(["young", "old"], 4000)
    by_age = np.where(age == "old", 0.3, 0.05)
    outcome = RANDOM.random(4000) < by_age
    assert summary(outcome, by_age)["auroc"] > 0.65
    assert within(outcome, by_age, pl.Series(age)) == pytest.approx(0.5)


def test_the_curve_holds_everybody_once_and_rises() -> None:
    found = curve(OUTCOME, RISK)
    assert sum(part["people"] for part in found) == 4000
    told = [part["foretold"] for part in found]
    assert told == sorted(told)
    total = sum(part["observed"] * part["people"] for part in found)
    assert total == pytest.approx(OUTCOME.sum(), abs=0.01)
