"""How far two readers of the same pairs agree, beyond what chance would give."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Agreement(NamedTuple):
    """pairs: read by both. observed, expected: shares (0 to 1). kappa: Cohen's; None
    without pairs, or where chance alone would give full agreement."""

    pairs: int
    observed: float
    expected: float
    kappa: float | None


def agreement(verdicts: Sequence[tuple[str, str]]) -> Agreement:
    """Cohen's kappa of pairs of verdicts (Cohen, Educ Psychol Meas 1960; 20: 37-46)."""
    n = len(verdicts)
    if not n:
        return Agreement(0, 0.0, 0.0, None)
    observed = sum(one == other for one, other in verdicts) / n
    first = Counter(one for one, _ in verdicts)
    second = Counter(other for _, other in verdicts)
    expected = sum(first[said] * second[said] for said in first) / n**2
    kappa = None if expected == 1 else (observed - expected) / (1 - expected)
    return Agreement(n, observed, expected, kappa)
