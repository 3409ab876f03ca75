"""Answer the closed vocabulary of `holds` by sets of people instead of frames."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from pyroaring import BitMap

from linkage.steps.holds import CountTest, FeatureTest, Test


class Sets(Protocol):
    """What a release can say of its people: by value, and by range of a number."""

    def any_of(self, attribute: str, values: Iterable[str]) -> BitMap: ...
    def between(
        self, attribute: str, low: float | None = None, high: float | None = None
    ) -> BitMap: ...


def matching(release: Sets, test: Test) -> BitMap:
    """Return everyone in the release for whom the test holds.

    The same vocabulary as `linkage.steps.holds`, answered by sets instead of frames:
    a feature that is not known never holds.
    """
    if isinstance(test, CountTest):
        return _with_flags(release, test)
    if test.any_of is not None:
        return release.any_of(test.feature, test.any_of)
    if not test.bounded:
        return release.any_of(test.feature, ["yes"])
    low, high = bounds(test)
    return release.between(test.feature, low=low, high=high)


def bounds(test: FeatureTest) -> tuple[float | None, float | None]:
    """Return the test's range: from the first (inclusive) to under the second."""
    lows = [test.at_least, None if test.above is None else just_above(test.above)]
    highs = [test.below, None if test.at_most is None else just_above(test.at_most)]
    return (
        max((low for low in lows if low is not None), default=None),
        min((high for high in highs if high is not None), default=None),
    )


def just_above(value: float) -> float:
    """Return the next number a release can hold: its columns are 32-bit."""
    return float(np.nextafter(np.float32(value), np.float32(np.inf)))


def _with_flags(release: Sets, test: CountTest) -> BitMap:
    """Return who has at least, and at most, so many of the flags."""
    # reached[n] holds who has more than n of the flags seen so far.
    reached = [BitMap() for _ in test.count]
    for flag in test.count:
        having = release.any_of(flag, ["yes"])
        for n in range(len(reached) - 1, 0, -1):
            reached[n] |= reached[n - 1] & having
        reached[0] |= having
    found = reached[test.at_least - 1]
    if test.at_most is not None and test.at_most < len(reached):
        found = found - reached[test.at_most]
    return found
