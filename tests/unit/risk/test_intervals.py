"""The card's intervals by formulas, against the spread of figures drawn again."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from risk.steps.evaluate import decision_curve, line, summary
from risk.steps.intervals import auprc_interval, intercept_interval, of_mean

RANDOM = np.random.default_rng(7)
RISK = RANDOM.beta(1, 9, 3000)
OUTCOME = RANDOM.random(3000) < RISK
Figure = Callable[[np.ndarray, np.ndarray], float]


def drawn_again(figure: Figure, times: int = 200) -> tuple[float, float]:
    """The middle 95% of a figure over people drawn again and again."""
    found = []
    for _ in range(times):
        some = RANDOM.integers(0, len(RISK), len(RISK))
        found.append(figure(OUTCOME[some], RISK[some]))
    return tuple(np.quantile(found, [0.025, 0.975]))


def benefit_at_a_fifth(outcome: np.ndarray, risk: np.ndarray) -> float:
    return decision_curve(outcome, risk, (0.2,))[0]["net_benefit"]


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("auprc_interval", average_precision_score),
        ("brier_interval", lambda had, told: float(((told - had) ** 2).mean())),
        ("net_benefit_interval", benefit_at_a_fifth),
    ],
)
def test_an_interval_is_as_wide_as_the_figure_varies(name: str, figure: Figure) -> None:
    known = summary(OUTCOME, RISK) | decision_curve(OUTCOME, RISK, (0.2,))[0]
    low, high = known[name]
    assert low < figure(OUTCOME, RISK) < high
    least, most = drawn_again(figure)
    assert (high - low) / (most - least) == pytest.approx(1, abs=0.2)


def test_true_chances_have_an_intercept_of_nothing_nineteen_times_in_twenty() -> None:
    within = 0
    for _ in range(200):
        had = RANDOM.random(len(RISK)) < RISK
        _, shift, _ = line(had, RISK)
        low, high = summary(had, RISK)["intercept_interval"]
        assert low < shift < high
        within += low <= 0 <= high
    assert 0.9 <= within / 200 <= 0.99


def test_figures_that_tell_nothing_have_no_interval() -> None:
    assert auprc_interval(1.0, 40) is None
    assert auprc_interval(0.5, 0) is None
    assert intercept_interval(0.0, np.ones(5)) is None


def test_acting_on_all_has_its_own_interval() -> None:
    (found,) = decision_curve(OUTCOME, RISK, (0.2,))
    low, high = found["act_on_all_interval"]
    assert low < found["act_on_all"] < high
    assert of_mean(np.full(10, 3.0)) == [3.0, 3.0]
