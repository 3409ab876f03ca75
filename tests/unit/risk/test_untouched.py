"""What would have come of people whom no programme had taken on."""

import numpy as np
import polars as pl
import pytest

from risk.steps.assess import assess
from risk.steps.train import train
from risk.steps.untouched import as_untouched, taken_on, untreated
from tests.unit.risk.model_people import SPEC, learnt

HORIZON = SPEC.outcome.horizon_days
PEOPLE = 40_000


def a_programme(*, prevents: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same people with and without a programme that seeks those at high risk.

    It takes on, at some day of the year, half of the fifth whose chance is highest,
    unless they were admitted before, and prevents a share of what would have come.
    """
    random = np.random.default_rng(11)
    chance = random.beta(1.2, 6, PEOPLE)
    day = np.ceil(random.exponential(-HORIZON / np.log1p(-chance))).astype(int)
    without = learnt(PEOPLE, seed=6).with_columns(
        chance=pl.Series(chance),
        outcome=pl.Series(day <= HORIZON),
        outcome_days=pl.Series(day).set(pl.Series(day > HORIZON), None).cast(pl.Int32),
        died_in_horizon=pl.lit(value=False),
        died_days=pl.lit(None, pl.Int32),
        taken_on_days=pl.lit(None, pl.Int32),
    )
    sought = (chance > np.quantile(chance, 0.8)) & (random.random(PEOPLE) < 0.5)
    taken = random.integers(1, HORIZON, PEOPLE)
    sought &= taken < day
    spared = sought & (random.random(PEOPLE) < prevents)
    with_it = without.with_columns(
        pl.col("outcome") & ~pl.Series(spared),
        outcome_days=pl.when(~pl.Series(spared)).then("outcome_days"),
        taken_on_days=pl.Series(taken).set(pl.Series(~sought), None).cast(pl.Int32),
    )
    return without, with_it


def test_success_does_not_teach_that_people_are_safe() -> None:
    without, with_it = a_programme(prevents=0.8)
    risk = without["chance"].to_numpy()
    high = risk > np.quantile(risk, 0.8)
    true = without["outcome"].to_numpy()[high].mean()

    def rate(rows: pl.DataFrame, among: np.ndarray = high) -> float:
        return float(rows["outcome"].to_numpy()[among].mean())

    kept = as_untouched(with_it, risk, seed=1)
    assert kept.height == PEOPLE
    # As it happened, the programme hides a third of what would have come...
    assert rate(with_it) < 0.85 * true
    # ...and leaving its people out chooses those who fell ill before it came.
    left = high & with_it["taken_on_days"].is_null().to_numpy()
    assert rate(with_it, left) > 1.2 * true
    assert rate(kept) == pytest.approx(true, rel=0.03)


def test_stand_ins_are_open_on_that_day_and_lend_only_what_came() -> None:
    _, with_it = a_programme(prevents=0.8)
    risk = with_it["chance"].to_numpy()
    kept = as_untouched(with_it, risk, seed=1)
    taken = kept["taken_on_days"].is_not_null()
    assert (
        kept.filter(taken)["outcome_days"] > kept.filter(taken)["taken_on_days"]
    ).all()
    own = [c for c in kept.columns if not c.startswith(("outcome", "died", "amount"))]
    assert kept.select(own).equals(with_it.select(own))
    assert kept.filter(~taken).equals(with_it.filter(~taken))
    # In another order the same people get the same.
    turned = with_it.with_columns(r=pl.Series(risk)).sample(
        fraction=1, shuffle=True, seed=3
    )
    again = as_untouched(turned.drop("r"), turned["r"].to_numpy(), seed=1)
    assert again.sort("person_no").equals(kept)


def test_where_nobody_was_taken_on_nothing_is_changed() -> None:
    without, _ = a_programme(prevents=0)
    assert as_untouched(without, without["chance"].to_numpy(), seed=1) is without
    assert taken_on(without) == 0
    older = without.drop("taken_on_days")
    assert as_untouched(older, older["chance"].to_numpy(), seed=1) is older


def test_who_has_nobody_like_them_keeps_what_came() -> None:
    rows = learnt(40, seed=2).with_columns(taken_on_days=pl.lit(5, pl.Int32))
    assert as_untouched(rows, np.arange(40.0), seed=1).equals(rows)


def test_people_under_an_intervention_are_counted_apart_on_the_card() -> None:
    rows = learnt(6000, seed=7).with_columns(
        treated=pl.col("person_no") % 5 == 0,
        taken_on_days=pl.when(pl.col("person_no") % 50 == 1).then(pl.lit(0, pl.Int32)),
    )
    spared = rows.with_columns(pl.col("outcome") & ~pl.col("treated") | (
        pl.col("outcome") & (pl.col("person_no") % 10 == 0)
    ))  # fmt: skip
    told = assess(train(rows, SPEC), rows, spared, SPEC)
    assert told["people"] == untreated(rows).height
    assert told["treated_left_out"] == 1200
    assert told["taken_on_later"] == 120
    assert told["under_intervention"]["people"] == 1200
    # Half of what was foretold of them without one.
    assert told["under_intervention"]["observed_over_expected"] < 0.75
    few = assess(train(rows, SPEC), rows, spared.with_columns(treated=False), SPEC)
    assert few["under_intervention"] == {"people": 0}
