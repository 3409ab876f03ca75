"""95% intervals of a model card's figures, by formulas: no resampling, no chance.

Each is worked out once, when the model is tried, and kept with its card. `METHODS` says
of every figure how, for the page, `METHODS_OF_POUNDS` of a model of pounds.
"""

import numpy as np
from scipy.stats import chi2

from governance.disclosure import wilson
from risk.steps.matrix import Flags, Floats

REACH = 1.96
METHODS = {
    "AUROC": "Hanley and McNeil 1982",
    "AUPRC": "on the logit scale (Boyd and others 2013)",
    "Brier": "the mean of each person's squared error and its standard error",
    "Slope and intercept": "the information of the logistic line (Cox 1958)",
    "Observed / expected": "exact Poisson (Garwood 1936)",
    "Net benefit": "the mean of each person's part in it and its standard error",
    "Shares of people": "Wilson 1927",
}
METHODS_OF_POUNDS = {
    "Spent / expected": "a ratio of two sums over the same people (Cochran 1977)",
    "Slope": "holds where large costs scatter more (White 1980)",
    "Pounds per person": "the mean and its standard error",
}


def rounded(value: float) -> float:
    """Six decimals: more would only make two runs look different."""
    return round(float(value), 6)


def of_mean(each: Floats) -> list[float]:
    """Return the 95% interval of the mean of what each person adds to it."""
    reach = REACH * float(each.std()) / np.sqrt(max(len(each), 1))
    return [rounded(each.mean() - reach), rounded(each.mean() + reach)]


def auprc_interval(area: float, outcomes: int) -> list[float] | None:
    """Return the 95% interval of the AUPRC, which stays within 0 and 1.

    On the logit scale its standard error is 1 / sqrt(n a (1 - a)), n being those with
    the outcome (Boyd, Eng and Page, ECML 2013). None where there is no telling.
    """
    known = outcomes * area * (1 - area)
    if known <= 0:
        return None
    odds, reach = np.log(area / (1 - area)), REACH / np.sqrt(known)
    return [rounded(1 / (1 + np.exp(-(odds + side * reach)))) for side in (-1, 1)]


def intercept_interval(shift: float, shifted: Floats) -> list[float] | None:
    """Return the 95% interval of calibration in the large, a shift of the log-odds.

    shifted: each person's chance after the shift. None where nobody's is between 0
    and 1.
    """
    known = float((shifted * (1 - shifted)).sum())
    if known <= 1e-9:
        return None
    reach = REACH / np.sqrt(known)
    return [rounded(shift - reach), rounded(shift + reach)]


def benefit(outcome: Flags, acted: Flags, odds: float) -> Floats:
    """Return each person's part in the net benefit of acting on some.

    One for whoever had the outcome and is acted on, minus the odds of the threshold
    for whoever had not and is.
    """
    return np.where(acted, np.where(outcome, 1.0, -odds), 0.0)


def poisson(observed: int, expected: float) -> list[float]:
    """Return the exact 95% interval of observed over expected (Garwood 1936)."""
    low = chi2.ppf(0.025, 2 * observed) / 2 if observed else 0.0
    high = chi2.ppf(0.975, 2 * observed + 2) / 2
    return [rounded(low / expected), rounded(high / expected)]


def share_interval(of: int, people: int) -> list[float] | None:
    """Return Wilson's 95% interval of a share; None of nobody."""
    if not people:
        return None
    low, high = wilson(of, people)
    return [rounded(low), rounded(high)]
