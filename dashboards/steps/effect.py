"""What a programme changed: by lot, which tells, and before and after, which does not.

People come onto a list when things are bad; most would have got better by themselves.
Before and after counts that as the programme's doing. A lot shares it out evenly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A difference of means per person, with its interval of 95%."""

    difference: float
    lower: float
    upper: float

    def holds(self, truth: float) -> bool:
        """Whether the interval holds a value."""
        return self.lower <= truth <= self.upper


@dataclass(frozen=True)
class Effect(Difference):
    """A difference between two arms, and of how many people each."""

    offered: int
    usual: int


def by_lot(offered: Numbers, usual: Numbers) -> Effect:
    """Compare everyone who drew "offer" with everyone who drew "usual".

    As drawn, whether or not somebody took the offer up, or the lot's fairness is
    lost. Welch's interval (Biometrika 1947): the spread may differ between arms.
    ValueError where an arm has fewer than two people.
    """
    if min(len(offered), len(usual)) < 2:
        raise ValueError("each arm needs two people or more")
    parts = [offered.var(ddof=1) / len(offered), usual.var(ddof=1) / len(usual)]
    difference = float(offered.mean() - usual.mean())
    total = float(sum(parts))
    if total == 0:
        return Effect(difference, difference, difference, len(offered), len(usual))
    freedom = total**2 / (
        parts[0] ** 2 / (len(offered) - 1) + parts[1] ** 2 / (len(usual) - 1)
    )
    half = float(stdtrit(freedom, 0.975)) * total**0.5
    return Effect(
        difference, difference - half, difference + half, len(offered), len(usual)
    )


def before_and_after(before: Numbers, after: Numbers) -> Effect:
    """The change of the same people: shown beside, and never an effect.

    ValueError where fewer than two people have both.
    """
    if len(before) != len(after) or len(before) < 2:
        raise ValueError("before and after are of the same people, two or more")
    change = after - before
    half = float(stdtrit(len(change) - 1, 0.975)) * float(
        (change.var(ddof=1) / len(change)) ** 0.5
    )
    mean = float(change.mean())
    return Effect(mean, mean - half, mean + half, len(change), 0)
