"""Set a model's level anew by what came, and judge that on people it was not set by."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from risk.specs import ModelSpec
from risk.steps.amounts import ratio
from risk.steps.amounts import slope as slope_of_pounds
from risk.steps.evaluate import Figures, summary
from risk.steps.matrix import Floats, Inputs, log_odds, matrix, scatter
from risk.steps.outcome import AMOUNT, HAPPENED
from risk.steps.predict import raw_log_odds
from risk.steps.train import Trained, cut_points, set_level

# One part in three of the people judges the level that the others set.
PARTS = 3
# Fewer outcomes than this, in either part, set and judge a level mostly by chance.
LEAST_OUTCOMES = 100


class TooFewError(ValueError):
    """Too few had the outcome for a level to be set by them; the message says so."""


@dataclass(frozen=True)
class Level:
    """A model with a new level, and how it and the former lie to what came.

    `fitted_on` and `judged_on` are rows; `before` and `after` are of the same people,
    those whom the new level was not set by.
    """

    trained: Trained
    fitted_on: pl.DataFrame
    judged_on: pl.DataFrame
    before: Figures
    after: Figures


def level_anew(rows: pl.DataFrame, trained: Trained, spec: ModelSpec) -> Level:
    """Return a model with its level set by two thirds of `rows`.

    `rows` are those of `assess.judged_rows`. Trees and, in a model of an amount, the
    chance of any stay as they are: a chance gets a new line on its log-odds, an amount
    is multiplied so that what is foretold adds up to what was spent. Bands keep their
    shares of people. The part of a person is the same at every date. TooFewError where
    either part has too few outcomes.
    """
    judges = scatter(rows["person_no"], spec.training.seed + 2) % np.uint64(PARTS) == 0
    fitted_on, judged_on = rows.filter(~judges), rows.filter(judges)
    fewest = min(int(part[HAPPENED].sum()) for part in (fitted_on, judged_on))
    if fewest < LEAST_OUTCOMES:
        raise TooFewError(
            f"Only {fewest} people of one part had the outcome; a level is set and"
            f" judged by {LEAST_OUTCOMES} and more."
        )
    inputs, raw = _foretelling(fitted_on, trained, spec)
    if trained.amount is not None:
        told = trained.values(raw, inputs)
        spent = float(fitted_on[AMOUNT].sum())
        times = spent / max(float(told.sum()), 1e-9)
        much = replace(trained.amount, level=trained.amount.level * times)
        fitted = replace(trained, amount=much)
    else:
        odds = log_odds(trained.probabilities(raw))
        shift, turn = set_level(odds, fitted_on[HAPPENED].to_numpy())
        fitted = replace(
            trained,
            intercept=shift + turn * trained.intercept,
            slope=turn * trained.slope,
        )
    fitted = replace(fitted, cuts=cut_points(fitted.values(raw, inputs), spec))
    return Level(
        fitted,
        fitted_on,
        judged_on,
        before=compared(judged_on, trained, spec),
        after=compared(judged_on, fitted, spec),
    )


def compared(rows: pl.DataFrame, trained: Trained, spec: ModelSpec) -> Figures:
    """Return level, slope and error of a model on rows, with 95% intervals.

    Of a chance `summary` of `evaluate`; of an amount the ratio and slope of pounds and
    the mean absolute error.
    """
    inputs, raw = _foretelling(rows, trained, spec)
    told = trained.values(raw, inputs)
    if trained.amount is None:
        return summary(rows[HAPPENED].to_numpy(), told)
    spent = rows[AMOUNT].to_numpy()
    return {
        "people": rows.height,
        **ratio(spent, told),
        **slope_of_pounds(spent, told),
        "mean_absolute_error_gbp": float(np.abs(spent - told).mean()),
    }


def _foretelling(
    rows: pl.DataFrame, trained: Trained, spec: ModelSpec
) -> tuple[Inputs, Floats]:
    return matrix(rows, spec.inputs), raw_log_odds(rows, trained, spec)
