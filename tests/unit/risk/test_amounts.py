"""The figures of a card of pounds, against what they mean, worked out the slow way."""

import numpy as np
import polars as pl
import pytest

from risk.steps.amounts import amounts, by_group, ratio, slope, worst_cell
from risk.steps.linear import log_linear

RANDOM = np.random.default_rng(12)
EXPECTED = RANDOM.gamma(2.0, 500.0, 3000)
SPENT = np.where(RANDOM.random(3000) < 0.8, RANDOM.gamma(1.0, EXPECTED / 0.8), 0.0)


def test_the_interval_of_a_ratio_holds_as_often_as_it_says() -> None:
    """Drawn again from what made it, 95 in 100 intervals hold the true ratio of 1."""
    held = []
    for seed in range(400):
        random = np.random.default_rng(seed)
        spent = random.gamma(0.5, EXPECTED[:800] / 0.5)
        low, high = ratio(spent, EXPECTED[:800])["interval"]
        held.append(low <= 1 <= high)
    assert 0.92 < np.mean(held) < 0.98


def test_a_slope_is_one_where_pounds_spread_as_foretold() -> None:
    found = slope(SPENT, EXPECTED)
    low, high = found["slope_interval"]
    assert low < 1 < high
    assert found["calibration_slope"] == pytest.approx(
        np.polyfit(EXPECTED, SPENT, 1)[0], abs=1e-6
    )
    assert slope(SPENT, np.full(3000, 7.0))["calibration_slope"] is None


def test_groups_whose_pounds_would_tell_of_few_show_none() -> None:
    spent = np.full(100, 10.0)
    spent[40:80] = 0.0
    spent[0] = 5000.0
    group = pl.Series(["rich"] * 40 + ["none"] * 40 + ["fair"] * 20)
    found = by_group(spent, np.full(100, 12.0), group)
    assert found["rich"] == found["none"] == {"too_few": True}
    assert found["fair"]["observed"] == 10
    assert found["fair"]["observed_over_expected"] == pytest.approx(10 / 12, abs=1e-6)
    assert found["fair"]["mean_absolute_error_gbp"] == 2


def test_everybody_is_in_one_group_of_each_division() -> None:
    groups = pl.DataFrame({"sex": ["F", None, "M"] * 1000})
    found = amounts(SPENT, {"it": EXPECTED}, groups, main="it")
    told = found["groups"]["sex"]
    assert set(told) == {"F", "M", "Not known"}
    assert sum(each["people"] for each in told.values()) == found["people"] == 3000
    total = sum(each["people"] * each["observed"] for each in told.values())
    assert total == pytest.approx(SPENT.sum())
    assert found["beside"]["it"]["top_20th_of_cost"] == found["top_20th_of_cost"]
    assert sum(part["people"] for part in found["calibration_curve"]) == 3000


def test_the_worst_cell_of_pounds_is_the_one_furthest_from_level() -> None:
    people = 3000
    groups = pl.DataFrame(
        {
            "ethnicity_group": ["Asian", "White", None] * (people // 3),
            "imd_fifth": ["1"] * people,
        }
    )
    foretold = np.full(people, 100.0)
    spent = np.where(np.arange(people) % 3 == 0, 130.0, 95.0)
    found = worst_cell(spent, foretold, groups, least=1000)
    assert (found["ethnicity_group"], found["cells"]) == ("Asian", 2)
    assert found["observed_over_expected"] == pytest.approx(1.3)
    assert found["having"] == found["people"] == 1000
    assert worst_cell(spent, foretold, groups, least=1001) is None
    # One person who cost nearly all of it would be told of.
    spent[0] = 1e9
    assert worst_cell(spent, foretold, groups, least=1000)["cells"] == 1


def test_a_log_linear_regression_finds_what_made_the_pounds() -> None:
    inputs = RANDOM.normal(size=(5000, 2)).astype(np.float32)
    inputs[::7, 1] = np.nan
    known = np.nan_to_num(inputs)
    mean = np.exp(6.0 + 0.5 * known[:, 0] - 0.3 * known[:, 1])
    spent = RANDOM.gamma(1.0, mean)
    told = log_linear(inputs, spent).amounts(inputs)
    assert told.sum() == pytest.approx(spent.sum(), rel=0.001)
    assert np.corrcoef(np.log(told), np.log(mean))[0, 1] > 0.98
