"""Legally restricted codes, taken out of a run's batches as they are read."""

from collections import Counter
from collections.abc import Callable, Iterator

import polars as pl

from linkage.definitions import restricted_codes
from linkage.specs import FeedSpec
from linkage.steps.withhold import withhold

Batches = Callable[[], Iterator[pl.DataFrame]]


class Withholding:
    """What has been taken out of one run's rows: whole rows, and codes by category.

    A file that is read again is counted again from nought.
    """

    def __init__(self, spec: FeedSpec) -> None:
        self.spec = spec
        self.rows = 0
        self.categories: Counter[str] = Counter()

    def around(self, batches: Batches) -> Batches:
        """The same batches without restricted codes."""

        def clean() -> Iterator[pl.DataFrame]:
            self.rows = 0
            self.categories = Counter()
            for frame in batches():
                taken = withhold(frame, self.spec, restricted_codes())
                self.rows += taken.rows
                self.categories.update(taken.categories)
                yield taken.frame

        return clean
