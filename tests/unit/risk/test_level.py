"""A level set anew by some, judged by others."""

import numpy as np
import polars as pl
import pytest

from risk.definitions import MODELS
from risk.steps.level import TooFewError, level_anew
from risk.steps.predict import raw_log_odds
from risk.steps.train import train
from tests.unit.risk.model_people import SPEC, learnt

POUNDS = SPEC.model_copy(update={"outcome": MODELS["cost_next_year"].outcome})


def doubled(rows: pl.DataFrame) -> pl.DataFrame:
    """Twice as many have the outcome as when the model learnt."""
    more = np.random.default_rng(9).random(rows.height) < rows["chance"].to_numpy()
    return rows.with_columns(pl.col("outcome") | pl.Series(more))


def test_a_new_level_is_right_about_people_it_was_not_set_by() -> None:
    trained = train(learnt(8000), SPEC)
    rows = doubled(learnt(12_000, seed=2))
    found = level_anew(rows, trained, SPEC)
    set_by = set(found.fitted_on["person_no"])
    assert not set_by & set(found.judged_on["person_no"])
    assert len(set_by) == pytest.approx(8000, rel=0.05)
    assert found.before["observed_over_expected"] > 1.6
    low, high = found.after["interval"]
    assert low < 1 < high
    low, high = found.after["slope_interval"]
    assert low < 1 < high
    # The trees are the same; who was before whom still is.
    assert found.trained.trees == trained.trees
    raw = raw_log_odds(found.judged_on, trained, SPEC)
    order = np.argsort(trained.probabilities(raw))
    assert (np.diff(found.trained.probabilities(raw)[order]) >= 0).all()
    assert found.trained.cuts != trained.cuts
    assert found.before["auroc"] == pytest.approx(found.after["auroc"])


def test_pounds_are_multiplied_and_bands_keep_their_shares() -> None:
    before = learnt(8000).with_columns(outcome=pl.col("amount_gbp") > 0)
    trained = train(before, POUNDS)
    rows = learnt(12_000, seed=2).with_columns(
        pl.col("amount_gbp") * 1.5, outcome=pl.col("amount_gbp") > 0
    )
    found = level_anew(rows, trained, POUNDS)
    assert found.before["observed_over_expected"] == pytest.approx(1.5, rel=0.1)
    low, high = found.after["interval"]
    assert low < 1 < high
    assert (found.trained.intercept, found.trained.slope) == (
        trained.intercept,
        trained.slope,
    )
    times = found.trained.amount.level / trained.amount.level
    assert found.trained.cuts[0] == pytest.approx(times * trained.cuts[0], rel=0.15)


def test_too_few_outcomes_set_no_level() -> None:
    trained = train(learnt(4000), SPEC)
    with pytest.raises(TooFewError, match="Only"):
        level_anew(learnt(1000, seed=2), trained, SPEC)
