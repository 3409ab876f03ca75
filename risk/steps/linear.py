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
    known = np.where(np.isnan(inputs), 0.0, 1.0)
    seen = np.maximum(known.sum(axis=0), 1)
    middle: Floats = np.nansum(inputs, axis=0, dtype=np.float64) / seen
    apart = np.nansum((inputs - middle) ** 2, axis=0, dtype=np.float64)
    spread: Floats = np.sqrt(apart / seen)
    spread[spread == 0] = 1
    fitted = LogisticRegression(C=1.0, max_iter=500).fit(
        _design(inputs, middle, spread), outcome
    )
    return Linear(middle, spread, fitted.coef_[0], float(fitted.intercept_[0]))


def _design(inputs: Inputs, middle: Floats, spread: Floats) -> Floats:
    missing = np.isnan(inputs)
    standard = np.where(missing, 0.0, (inputs - middle) / spread)
    # Beyond five deviations a linear effect is a fiction that a few people would pay.
    return np.hstack([np.clip(standard, -5, 5), missing.astype(np.float64)])
