"""Match weights as a waterfall: each comparison from where the last one ended."""

from collections.abc import Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """One comparison: what it is of, what was found, and the bits for it."""

    title: str
    level: str
    bits: float


class Bar(NamedTuple):
    """A part as it is drawn: `start` and `width` are shares of the whole width."""

    title: str
    level: str
    bits: float
    sum: float
    start: float
    width: float
    words: str


class Waterfall(NamedTuple):
    """bars in order, and where no weight at all lies, as a share of the width."""

    bars: list[Bar]
    zero: float


def waterfall(parts: Sequence[Part]) -> Waterfall:
    """Lay parts end to end, in their order, from nothing to the sum of all."""
    ends = [0.0]
    for part in parts:
        ends.append(ends[-1] + part.bits)
    low, high = min(ends), max(ends)
    whole = (high - low) or 1.0
    bars = [
        Bar(
            title=part.title,
            level=part.level,
            bits=part.bits,
            sum=end,
            start=(min(begin, end) - low) / whole,
            width=abs(end - begin) / whole,
            words=f"{part.bits:+.1f}".replace("-", "−"),
        )
        for part, begin, end in zip(parts, ends, ends[1:], strict=False)
    ]
    return Waterfall(bars, -low / whole)
