"""Plain regressions: the baseline, and the reference that a model must beat.

Logistic for a chance, log-linear for an amount.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor

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
        return probability(self._sum(inputs))

    def amounts(self, inputs: Inputs) -> Floats:
        """Return an amount per row of a matrix like the one it was fitted to."""
        found: Floats = np.exp(self._sum(inputs))
        return found

    def _sum(self, inputs: Inputs) -> Floats:
        found: Floats = _design(inputs, self.middle, self.spread) @ self.weights
        return found + self.intercept


def linear(inputs: Inputs, outcome: Flags) -> Linear:
    """Fit the regression. Inputs that are not known take their mean and a flag."""
    middle, spread = _standard(inputs)
    # Newton's method needs 6 steps where quasi-Newton needs 60, and settles further in.
    fitted = LogisticRegression(C=1.0, solver="newton-cholesky").fit(
        _design(inputs, middle, spread), outcome
    )
    weights = fitted.coef_[0].astype(np.float64)
    return Linear(middle, spread, weights, float(fitted.intercept_[0]))


def log_linear(inputs: Inputs, amounts: Floats) -> Linear:
    """Fit an amount by its logarithm. Level in the large, whatever its scatter.

    The estimating equations are those of counts (Gourieroux, Monfort and Trognon
    1984), which ask only that the mean is right; nothing of any cost is left out.
    """
    middle, spread = _standard(inputs)
    mean = max(float(amounts.mean()), 1e-9)
    fitted = PoissonRegressor(alpha=1e-3, solver="newton-cholesky").fit(
        _design(inputs, middle, spread).astype(np.float64), amounts / mean
    )
    return Linear(middle, spread, fitted.coef_, float(fitted.intercept_ + np.log(mean)))


def _standard(inputs: Inputs) -> tuple[Floats, Floats]:
    """Return the mean and the deviation of what is known of each input."""
    seen = np.maximum((~np.isnan(inputs)).sum(axis=0), 1)
    middle: Floats = np.nansum(inputs, axis=0, dtype=np.float64) / seen
    apart = np.nansum((inputs - middle) ** 2, axis=0, dtype=np.float64)
    spread: Floats = np.sqrt(apart / seen)
    spread[spread == 0] = 1
    return middle, spread


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
