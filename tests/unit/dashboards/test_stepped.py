"""Practices starting one after another: the estimate, its interval, what for."""

import numpy as np
import pytest

from dashboards.actions.stepped import dated
from dashboards.definitions import LISTS
from dashboards.steps.stepped import by_steps

STEPS = 4


def lived(seed, *, practices=24, effect=0.0, winter=0.05):
    """Uses per person of practices × periods, as a start in steps would leave them."""
    rng = np.random.default_rng(seed)
    people = rng.integers(20, 200, practices).astype(float)
    steps = rng.permutation(np.arange(practices) * STEPS // practices)
    usual = rng.gamma(20, 0.1 / 20, practices)[:, None]
    weather = winter * np.array([0.0, 0.3, 1.0, 0.6])
    started = (steps[:, None] < np.arange(STEPS)).astype(float)
    uses = rng.poisson((usual + weather + effect * started) * people[:, None])
    return uses / people[:, None], people, steps


@pytest.mark.parametrize("effect", [0.0, -0.03])
def test_the_interval_holds_the_truth_in_95_of_100(effect):
    """Few practices of unequal size, a winter in the middle, counts that are small."""
    found = [by_steps(*lived(seed, effect=effect), seed) for seed in range(80)]
    assert np.mean([each.holds(effect) for each in found]) >= 0.9
    assert np.mean([e.difference for e in found]) == pytest.approx(effect, abs=0.004)


def test_before_and_after_takes_the_winter_for_the_programme():
    """The same weeks tell the two apart, which the same practices do not."""
    alone, together = [], []
    for seed in range(60):
        means, people, steps = lived(seed, winter=0.08)
        started = steps[:, None] < np.arange(STEPS)
        alone.append(means[started].mean() - means[~started].mean())
        together.append(by_steps(means, people, steps, seed).difference)
    assert np.mean(alone) > 0.02
    assert np.mean(together) == pytest.approx(0.0, abs=0.005)


def test_the_estimate_is_that_of_a_weighted_regression_with_fixed_effects():
    """Against statsmodels, with a dummy for each practice and each period."""
    import statsmodels.api as sm

    means, people, steps = lived(5, practices=12, effect=-0.02)
    practices, periods = means.shape
    rows = [
        [
            float(steps[i] < t),
            *np.eye(practices)[i],
            *np.eye(periods)[t][1:],
        ]
        for i in range(practices)
        for t in range(periods)
    ]
    peer = sm.WLS(means.ravel(), np.array(rows), weights=people.repeat(periods)).fit()
    assert by_steps(means, people, steps, 1).difference == pytest.approx(peer.params[0])


def test_the_interval_is_where_the_lots_do_not_contradict():
    """An end is just inside, a little beyond just outside, by drawing again."""
    means, people, steps = lived(7, practices=12, effect=-0.02)
    found = by_steps(means, people, steps, 3)
    rng = np.random.default_rng(3)
    lots = [rng.permutation(steps) for _ in range(1999)]
    started = (steps[:, None] < np.arange(STEPS)).astype(float)

    def statistic(order, under):
        ahead = (order[:, None] < np.arange(STEPS)).astype(float)
        weights = np.repeat(people[:, None], STEPS, axis=1) / people.sum()
        middle = ahead - ahead.mean(axis=1, keepdims=True)
        middle -= np.average(ahead, axis=0, weights=people) - np.average(
            ahead.mean(axis=1), weights=people
        )
        return abs((middle * weights * (means - under * started)).sum())

    def p(under):
        drawn = statistic(steps, under)
        return (1 + sum(statistic(lot, under) >= drawn for lot in lots)) / 2000

    for end, way in ((found.lower, -1), (found.upper, 1)):
        assert p(end - way * 1e-5) >= 0.05
        assert p(end + way * 1e-3) <= 0.05


def test_nobody_ahead_of_anybody_tells_nothing():
    with pytest.raises(ValueError, match="ahead"):
        by_steps(np.ones((3, 2)), np.ones(3), np.zeros(3, dtype=np.int64), 1)


def test_a_programme_in_steps_has_an_outcome_that_each_day_can_count():
    stepped = [
        s for s in LISTS.values() if s.comparison and s.comparison.by != "person"
    ]
    assert stepped
    for spec in stepped:
        assert any(dated(measure) for measure in spec.outcomes)
    assert dated("bed_days_12m") is None
    assert dated("latest_hba1c") is None
