"""What a programme changed where practices started one after another, by lot.

Practices that have started are compared with those that have not, in the same weeks:
what changes for everybody (winter, a new service) is nobody's doing. The estimate is
that of Hussey and Hughes with fixed effects (Contemp Clin Trials 2007;28:182-91). The
interval comes from drawing the lot again many times (Thompson and others, Stat Med
2018;37:2487-500): it leans on the lot alone, not on how admissions are distributed or
on practices being many, and holds where a regression's interval is too narrow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboards.steps.effect import Difference, Numbers

DRAWS = 1999
ALPHA = 0.05


@dataclass(frozen=True)
class StepEffect(Difference):
    """A difference per person and period, and of how many."""

    practices: int
    people: int


def by_steps(
    means: Numbers, people: Numbers, steps: NDArray[np.int64], seed: int
) -> StepEffect:
    """Compare practices that have started with those that have not.

    means: practices × periods, the mean of a measure per person of the cohort. The
    first period lies before any start; in period p (1 and up) the practices of steps
    under p have started. people: how many of the cohort each practice has. steps: each
    practice's step, 0 first. `seed` draws the lots again, the same every time.
    ValueError where nobody is ahead of anybody in any period.
    """
    weights = people / people.sum()
    actual = _started(steps, means.shape[1])
    centred = _centred(actual[None], weights)[0]
    weighted = weights[:, None]
    spread = float((centred * weighted * actual).sum())
    if spread <= 0:
        raise ValueError("no practice is ahead of another in any period")
    difference = float((centred * weighted * means).sum()) / spread
    rng = np.random.default_rng(seed)
    again = np.stack([rng.permutation(steps) for _ in range(DRAWS)])
    lots = _centred(_started(again, means.shape[1]), weights) * weighted
    # Under an effect e, a lot's statistic is `apart` - (e - difference) * `shared`; it
    # counts against e where it is no nearer to nought than the statistic of the lot
    # that was drawn.
    shared = np.einsum("lpt,pt->l", lots, actual)
    apart = np.einsum("lpt,pt->l", lots, means) - difference * shared
    over = _reach(apart, shared, spread)
    under = _reach(-apart, shared, spread)
    return StepEffect(
        difference,
        difference - under,
        difference + over,
        len(steps),
        int(people.sum()),
    )


def _started(steps: NDArray[np.int64], periods: int) -> Numbers:
    """1 where a practice has started: … × practices × periods."""
    period = np.arange(periods)
    return (steps[..., None] < period).astype(np.float64)


def _centred(started: Numbers, weights: Numbers) -> Numbers:
    """Take practices' and periods' means out, with practices weighted by people."""
    by_practice = started.mean(axis=-1, keepdims=True)
    by_period = np.einsum("lpt,p->lt", started, weights)[:, None, :]
    overall = by_period.mean(axis=-1, keepdims=True)
    centred: Numbers = started - by_practice - by_period + overall
    return centred


def _reach(apart: Numbers, shared: Numbers, spread: float) -> float:
    """How far above the estimate an effect can lie that the lots do not contradict.

    Each lot contradicts no effect up to a distance; that which all but one in twenty
    of them contradict is out.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        up = apart / (spread + shared)
        down = -apart / (spread - shared)
    distance = np.where(apart > 0, up, down)
    # The lot that was drawn, drawn again, contradicts nothing.
    distance = np.where(np.isfinite(distance) & (distance >= 0), distance, np.inf)
    enough = int(ALPHA * (DRAWS + 1))
    return float(np.sort(distance)[::-1][enough - 1])
