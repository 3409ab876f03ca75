"""The chance of an outcome when death may come first."""

import numpy as np
import polars as pl
import pytest

from risk.steps.competing import incidence


def days(*values: int | None) -> pl.Series:
    return pl.Series(values, dtype=pl.Int32)


def test_without_deaths_both_ways_give_the_share() -> None:
    found = incidence(days(3, 9, None, None), days(None, None, None, None), 10)
    assert found["aalen_johansen"] == found["naive"] == 0.5
    assert found["died_first"] == 0


def test_by_hand_with_one_death_between() -> None:
    # Day 1: one of four has it. Day 2: one of three dies. Day 3: one of two has it.
    found = incidence(days(1, None, 3, None), days(None, 2, None, None), 10)
    assert found["aalen_johansen"] == pytest.approx(0.5, abs=1e-6)
    assert found["naive"] == pytest.approx(1 - 3 / 4 * 1 / 2, abs=1e-6)
    assert found["died_first"] == pytest.approx(0.25, abs=1e-6)


def test_what_comes_after_the_horizon_or_after_death_does_not_count() -> None:
    found = incidence(days(None, 5), days(4, 4), 10)
    assert found["aalen_johansen"] == 0
    assert found["died_first"] == 1


def test_agrees_with_statsmodels_and_the_naive_chance_is_higher() -> None:
    from statsmodels.duration.survfunc import CumIncidenceRight

    random = np.random.default_rng(3)
    event = random.exponential(400, 4000).astype(int) + 1
    death = random.exponential(700, 4000).astype(int) + 1
    found = incidence(
        pl.Series(event).set(pl.Series(event > 364), None).cast(pl.Int32),
        pl.Series(death).set(pl.Series(death > 364), None).cast(pl.Int32),
        364,
    )
    first = np.minimum(event, death)
    status = np.where(first > 364, 0, np.where(event <= death, 1, 2))
    theirs = CumIncidenceRight(np.minimum(first, 365), status)
    assert found["aalen_johansen"] == pytest.approx(theirs.cinc[0][-1], abs=1e-6)
    assert found["died_first"] == pytest.approx(theirs.cinc[1][-1], abs=1e-6)
    assert found["naive"] > found["aalen_johansen"] + 0.05
