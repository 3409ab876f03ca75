"""The figures of a model card against what they mean, worked out the slow way."""

import numpy as np
import polars as pl
import pytest

from risk.steps.evaluate import (
    at_cut,
    auroc,
    by_group,
    curve,
    decision_curve,
    level,
    line,
    list_sizes,
    per_pcn,
    summary,
    top_of_curve,
    within,
    worst_cell,
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
    low, high = found["auroc_interval"]
    assert low < found["auroc"] < high < low + 0.1
    # Ties count half.
    tied = RISK.round(2)
    assert auroc(OUTCOME, tied) == pytest.approx(pairs_right(OUTCOME, tied), abs=1e-12)


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


def test_the_worst_cell_is_the_one_furthest_from_level_and_large_enough() -> None:
    n = 9000
    groups = pl.DataFrame(
        {
            "ethnicity_group": ["White"] * 6000 + ["Asian"] * 2500 + ["Black"] * 500,
            "imd_fifth": (["1"] * 3000 + ["2"] * 3000) + ["1"] * 2500 + ["1"] * 500,
        }
    )
    risk = np.full(n, 0.1)
    outcome = np.zeros(n, dtype=bool)
    outcome[:300] = True  # level: 300 of 3,000
    outcome[3000:3330] = True  # 1.1
    outcome[6000:6200] = True  # 200 of 250 expected: 0.8
    found = worst_cell(outcome, risk, groups)
    assert (found["ethnicity_group"], found["imd_fifth"]) == ("Asian", "1")
    assert found["ratio"] == pytest.approx(0.8)
    low, high = found["interval"]
    assert low < 0.8 < high < 0.95
    assert found["cells"] == 3  # 500 people are too few to judge
    assert worst_cell(outcome, risk, groups, least=10_000) is None


def test_lists_of_one_size_are_judged_in_every_network() -> None:
    pcn = pl.Series(["A"] * 100 + ["B"] * 100)
    risk = np.tile(np.linspace(1, 0.01, 100), 2)
    outcome = np.zeros(200, dtype=bool)
    outcome[:24] = True  # 24 of A's first forty
    outcome[100:112] = True  # twelve of B's
    outcome[190:] = True  # ten on no list
    (found,) = per_pcn(outcome, risk, pcn, (40,))
    assert (found["pcns"], found["people"], found["hits"]) == (2, 80, 36)
    assert found["ppv"] == pytest.approx(36 / 80)
    assert found["sensitivity"] == pytest.approx(36 / 46, abs=1e-6)
    assert (found["ppv_lowest"], found["ppv_highest"]) == (0.3, 0.6)


@pytest.mark.parametrize(
    ("right", "missed"), [(7, 20), (43, 20), (20, 7)], ids=["right", "wrong", "missed"]
)
def test_lists_in_networks_tell_no_share_of_a_few_people(right, missed) -> None:
    risk = np.linspace(1, 0.01, 200)
    outcome = np.zeros(200, dtype=bool)
    outcome[:right] = True
    outcome[200 - missed :] = True
    (found,) = per_pcn(outcome, risk, pl.Series(["A"] * 200), (50,))
    for name in ("ppv", "sensitivity"):
        assert found[name] is None
        assert found[f"{name}_interval"] is None


def test_the_lowest_networks_share_is_hidden_where_it_tells_of_a_few() -> None:
    pcn = pl.Series(["A"] * 100 + ["B"] * 100)
    risk = np.tile(np.linspace(1, 0.01, 100), 2)
    outcome = np.zeros(200, dtype=bool)
    outcome[:20] = True
    outcome[100:107] = True  # seven of B's first forty
    outcome[190:] = True
    (found,) = per_pcn(outcome, risk, pcn, (40,))
    assert found["ppv"] is not None
    assert (found["ppv_lowest"], found["ppv_highest"]) == (None, 0.5)
    outcome[20:36] = True  # all of A's but four are right
    (found,) = per_pcn(outcome, risk, pcn, (40,))
    assert (found["ppv_lowest"], found["ppv_highest"]) == (None, None)


def test_net_benefit_is_its_published_sum() -> None:
    risk = np.array([0.3] * 10 + [0.05] * 90)
    outcome = np.zeros(100, dtype=bool)
    outcome[:4] = True
    (found,) = decision_curve(outcome, risk, (0.2,))
    assert found["acted_on"] == 10
    assert found["net_benefit"] == pytest.approx(4 / 100 - 6 / 100 * 0.25)
    assert found["act_on_all"] == pytest.approx(4 / 100 - 96 / 100 * 0.25)


def test_the_top_of_the_curve_is_told_more_closely() -> None:
    rng = np.random.default_rng(7)
    risk = rng.beta(0.6, 5, 20_000)
    outcome = rng.random(risk.size) < risk
    whole, top = curve(outcome, risk), top_of_curve(outcome, risk)
    assert sum(part["people"] for part in top) == whole[-1]["people"]
    assert top[0]["from"] == whole[-1]["from"]
    assert top[-1]["observed"] > 1.3 * whole[-1]["observed"]
    for part in top:
        low, high = part["interval"]
        assert low <= part["observed"] <= high
        assert low - 0.05 <= part["foretold"] <= high + 0.05
    # Too few people for a part to say anything: the tenth stays whole.
    assert top_of_curve(outcome[:1500], risk[:1500]) == []


def test_observed_shares_of_the_curve_come_with_their_interval() -> None:
    parts = curve(OUTCOME, RISK)
    assert len(parts) == 10
    for part in parts:
        low, high = part["interval"]
        assert low <= part["observed"] <= high
        assert part["from"] <= part["foretold"]


def test_lists_say_how_sure_their_shares_are() -> None:
    (found,) = per_pcn(OUTCOME, RISK, pl.Series(["A"] * len(RISK)), (50,))
    for name in ("ppv", "sensitivity"):
        low, high = found[f"{name}_interval"]
        assert low < found[name] < high


def test_groups_are_compared_at_one_cut_and_few_are_not_told() -> None:
    risk = np.array([0.9] * 40 + [0.1] * 160)
    outcome = np.zeros(200, dtype=bool)
    outcome[:30] = True  # thirty right, ten wrong
    outcome[40:60] = True  # twenty missed
    found = at_cut(outcome, risk, 0.5)
    assert found["ppv"] == pytest.approx(30 / 40)
    assert found["sensitivity"] == pytest.approx(30 / 50)
    low, high = found["sensitivity_interval"]
    assert low < 0.6 < high
    # Seven wrong ones on a list of which the size is known would be seven people.
    outcome[30:33] = True
    assert at_cut(outcome, risk, 0.5)["ppv"] is None
    assert at_cut(outcome, risk, 0.5)["ppv_interval"] is None
    assert at_cut(outcome, risk, 0.5)["sensitivity"] == pytest.approx(33 / 53)


def test_a_groups_ranking_has_an_interval_and_its_list_a_share() -> None:
    group = pl.Series(["A", "B"] * (len(RISK) // 2))
    found = by_group(OUTCOME, RISK, group, cut=float(np.quantile(RISK, 0.9)))
    for each in found.values():
        low, high = each["auroc_interval"]
        assert low < each["auroc"] < high
        assert 0 < each["ppv"] < 1
    assert "ppv" not in by_group(OUTCOME, RISK, group)["A"]
