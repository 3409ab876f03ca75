"""What becomes of a run's rows, batch by batch."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from linkage.steps.measure import Measured


@dataclass
class Tally:
    """What has become of a run's rows so far."""

    rows_in: int = 0
    quarantined: int = 0
    excluded: int = 0
    erased: int = 0  # of the excluded
    duplicate: int = 0
    unplaced: int = 0
    blanked: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    measured: Measured = field(default_factory=Measured)
    quality: list[pl.DataFrame] = field(default_factory=list)
    first_on: date | None = None
    last_on: date | None = None

    @property
    def loaded(self) -> int:
        return self.rows_in - self.quarantined - self.excluded - self.duplicate

    def span(self, dates: pl.Series) -> None:
        """Widen the span of dates that the run's facts cover."""
        if dates.is_empty():
            return
        self.first_on = min(filter(None, (self.first_on, dates.min())))
        self.last_on = max(filter(None, (self.last_on, dates.max())))


@dataclass
class Batch:
    """What a batch gives the store: facts by table, rejected rows, and the numbers of
    the rows whose facts may be there already."""

    facts: dict[str, pl.DataFrame]
    rejected: pl.DataFrame
    doubtful: pl.Series
