"""Whether a figure is fit for use: each check's grade, and the worst of them in words.

The checks and limits are those of the evidence card: age of the data against the
interval at which they come, who submitted, whether the division is known, relative
standard error, and whether linkage fails some groups more than others. A check that
does not apply has no grade and never counts as passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Grade = Literal["green", "amber", "red"]
WORST: tuple[Grade, ...] = ("red", "amber", "green")
VERDICTS = {
    "green": "Fit for use",
    "amber": "Use with care",
    "red": "Not fit for this decision",
}


@dataclass(frozen=True)
class Check:
    """One check: what it looks at, its grade (None: does not apply), and why."""

    name: str
    grade: Grade | None
    words: str


@dataclass(frozen=True)
class Fitness:
    """Every check of a figure, and the worst grade among those that apply."""

    checks: tuple[Check, ...]

    @property
    def grade(self) -> Grade | None:
        grades = {check.grade for check in self.checks}
        return next((grade for grade in WORST if grade in grades), None)

    @property
    def verdict(self) -> str:
        """In words, with the reasons where it is not simply fit."""
        grade = self.grade
        if grade is None:
            return "Its fitness is not known: no check applies"
        if grade == "green":
            return VERDICTS[grade]
        reasons = [check.words for check in self.checks if check.grade == grade]
        return f"{VERDICTS[grade]}, because {' and '.join(reasons)}"

    def also(self, checks: Iterable[Check]) -> "Fitness":
        """The same with more checks."""
        return Fitness((*self.checks, *checks))


def _grade(value: float, green: float, amber: float) -> Grade:
    """Green up to the first limit, amber up to the second."""
    if value <= green:
        return "green"
    return "amber" if value <= amber else "red"


def age(title: str, days: int | None, interval_days: int | None) -> Check:
    """Age of the data beside the interval at which they come."""
    if days is None or interval_days is None:
        return Check("age", None, "no feed with an interval stands behind it")
    words = (
        f"{title} speaks of nothing in the last {days:,} days and comes every"
        f" {interval_days:,}"
    )
    return Check("age", _grade(days / interval_days, 1, 2), words)


def model_not_in_order(title: str, state: str) -> Check:
    """A model that foretells what the figure shows is stopped or not approved."""
    return Check("model", "red", f"the model “{title}” is {state.lower()}")


def submitting(title: str, came: int, expected: int) -> Check:
    """Share of providers or practices that submitted in the newest period."""
    if not expected:
        return Check("submitting", None, "nobody is expected to submit")
    words = f"{came:,} of {expected:,} submitted {title}"
    missing = 1 - came / expected
    # Green from 95%, amber from 85%: shares of the missing, without rounding's help.
    return Check("submitting", _grade(round(missing, 6), 0.05, 0.15), words)


def division_known(title: str, share: float | None) -> Check:
    """For what share of people the division of the figure is known."""
    if share is None:
        return Check("division", None, "nothing divides it that may be unknown")
    words = f"{title.lower()} is known for {share:.0%}"
    return Check("division", _grade(round(1 - share, 6), 0.1, 0.3), words)


def standard_error(smallest: float | None) -> Check:
    """Relative standard error of the smallest count shown (Poisson)."""
    if not smallest:
        return Check("error", None, "no count is shown")
    error = 1 / sqrt(smallest)
    words = f"its smallest count, {smallest:,.0f}, has a standard error of {error:.0%}"
    grade: Grade = "green" if error < 0.25 else "amber" if error <= 0.5 else "red"
    return Check("error", grade, words)


def link_gap(points: float | None, groups: str) -> Check:
    """Difference of link rates between the best and the worst linked group, in points.

    Rates are of all records: most bear a number, and are linked whoever they are.
    """
    if points is None:
        return Check("linkage", None, "the links have not been checked by group")
    words = f"records are linked {points:.1f} points more often in some {groups}"
    return Check("linkage", _grade(round(points, 6), 2, 5), words)
