"""A plain logistic regression: the baseline, and the reference a model must beat."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from risk.steps.matrix import Flags, Floats, Inputs, probability


@dataclass(frozen=True)
class Linear:
    """Weights over standardised inputs and over "this input is not known"."""

    middle: Floats
    spread: Floats
    weights: Floats
    intercept: float

    def probabilities(self, inputs: Inputs) -> Floats:
        """Return a probability per row of a matrix like the one it was fitted to."""
        return probability(
            _design(inputs, self.middle, self.spread) @ self.weights + self.intercept
        )


def linear(inputs: Inputs, outcome: Flags) -> Linear:
    """Fit the regression. Inputs that are not known take their mean and a flag."""
    seen = np.maximum((~np.isnan(inputs)).sum(axis=0), 1)
    middle: Floats = np.nansum(inputs, axis=0, dtype=np.float64) / seen
    apart = np.nansum((inputs - middle) ** 2, axis=0, dtype=np.float64)
    spread: Floats = np.sqrt(apart / seen)
    spread[spread == 0] = 1
    # Newton's method needs 6 steps where quasi-Newton needs 60, and settles further in.
    fitted = LogisticRegression(C=1.0, solver="newton-cholesky").fit(
        _design(inputs, middle, spread), outcome
    )
    weights = fitted.coef_[0].astype(np.float64)
    return Linear(middle, spread, weights, float(fitted.intercept_[0]))


def _design(inputs: Inputs, middle: Floats, spread: Floats) -> Inputs:
    """Single precision: standardised inputs of a regression need no more."""
    people, width = inputs.shape
    made = np.empty((people, 2 * width), dtype=np.float32)
    missing = np.isnan(inputs)
    made[:, width:] = missing
    standard = made[:, :width]
    np.subtract(inputs, middle.astype(np.float32), out=standard)
    standard /= spread.astype(np.float32)
    # Beyond five deviations a linear effect is a fiction that a few people would pay.
    np.clip(standard, -5, 5, out=standard)
    standard[missing] = 0
    return made
