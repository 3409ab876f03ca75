"""An XmR control chart: what is ordinary variation, and which points are not.

Making Data Count (NHS England): mean; limits at 2.66 mean moving ranges; a point beyond
a limit, seven running on one side, seven running up or down, two of three near a
limit. Moving ranges above 3.267 times their mean are left out of the limits once, as
NHSRplotthedots does. The mean is never moved without somebody who says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SIGMAS = 2.66  # three standard deviations, of a mean moving range (3 / 1.128)
OUTLIER = 3.267  # upper limit of a moving range
SHIFT = 7
TREND = 7
NEAR = 2 / 3  # of the way from the mean to a limit
ENOUGH = 12  # points below which limits say little (Making Data Count)

Side = Literal["high", "low"]
SIDES: tuple[tuple[int, Side], ...] = ((1, "high"), (-1, "low"))


@dataclass(frozen=True)
class Control:
    """Mean and limits of a series, and for each point which side it stands out on.

    `marks` holds "high", "low" or "" for each point; `why` names the rule.
    """

    mean: float
    lower: float
    upper: float
    marks: tuple[Side | Literal[""], ...]
    why: tuple[str, ...]

    @property
    def says_little(self) -> bool:
        return len(self.marks) < ENOUGH

    def latest(self, better: str | None) -> str:
        """The icon of the newest point: "common", "improvement", "concern", "neither".

        better: "lower", "higher", or anything else where neither is.
        """
        mark = self.marks[-1] if self.marks else ""
        if not mark:
            return "common"
        if better not in ("lower", "higher"):
            return "neither"
        good = "low" if better == "lower" else "high"
        return "improvement" if mark == good else "concern"

    def assurance(self, target: float, better: str | None) -> str:
        """Whether it meets a target: "pass", "fail", or "chance" where the limits lie
        on both sides of it. "" where neither way is better."""
        if better not in ("lower", "higher"):
            return ""
        if self.lower <= target <= self.upper:
            return "chance"
        return "pass" if (self.upper < target) == (better == "lower") else "fail"


def xmr(values: Sequence[float]) -> Control:
    """Work out the chart of values in order of time; at least two are needed."""
    if len(values) < 2:
        raise ValueError("a control chart needs at least two points")
    mean = sum(values) / len(values)
    moving = [abs(b - a) for a, b in zip(values, values[1:], strict=False)]
    usual = sum(moving) / len(moving)
    kept = [each for each in moving if each < OUTLIER * usual] or moving
    spread = SIGMAS * sum(kept) / len(kept)
    lower, upper = mean - spread, mean + spread
    marks, why = _marked(values, mean, lower, upper)
    return Control(mean, lower, upper, tuple(marks), tuple(why))


def _marked(
    values: Sequence[float], mean: float, lower: float, upper: float
) -> tuple[list[Side | Literal[""]], list[str]]:
    """Mark each point by the first rule that it meets, the strongest first."""
    count = len(values)
    marks: list[Side | Literal[""]] = [""] * count
    why = [""] * count

    def mark(where: Sequence[int], side: Side, rule: str) -> None:
        for n in where:
            if not marks[n]:
                marks[n], why[n] = side, rule

    for n, value in enumerate(values):
        if value > upper:
            mark([n], "high", "beyond the upper limit")
        elif value < lower:
            mark([n], "low", "beyond the lower limit")
    side = [(value > mean) - (value < mean) for value in values]
    for run in _runs(side, SHIFT):
        high_or_low: Side = "high" if side[run[0]] > 0 else "low"
        mark(run, high_or_low, "seven on one side of the mean")
    near = [
        (1 if mean + NEAR * (upper - mean) < v <= upper else 0)
        - (1 if mean - NEAR * (mean - lower) > v >= lower else 0)
        for v in values
    ]
    for n in range(count - 2):
        three = range(n, n + 3)
        for sign, name in SIDES:
            close = [m for m in three if near[m] == sign]
            if len(close) >= 2:
                mark(close, name, "two of three near a limit")
    step = [0] + [(b > a) - (b < a) for a, b in zip(values, values[1:], strict=False)]
    for run in _runs(step, TREND - 1):
        whole = [run[0] - 1, *run]
        mark(whole, "high" if step[run[0]] > 0 else "low", "seven running one way")
    return marks, why


def _runs(signs: Sequence[int], least: int) -> list[list[int]]:
    """Places of the stretches of one sign (not nought) of at least so many."""
    found: list[list[int]] = []
    run: list[int] = []
    for n, sign in enumerate(signs):
        if run and sign != signs[run[0]]:
            found.append(run)
            run = []
        if sign:
            run.append(n)
    found.append(run)
    return [each for each in found if len(each) >= least]
