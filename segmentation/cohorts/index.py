"""One release's people as a cohort's steps read them, kept per process.

Bitmaps are those that pages share (`ReleaseView`); numbers become fine bins at their
first use. Columns of numbers are let go again: two hundred of them would be a
gigabyte for a million people, the bins of all are a few dozen megabytes.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from pyroaring import BitMap

from linkage.release.catalogue import EPOCH
from linkage.release.selectors import ReleaseView
from segmentation.cohorts.steps.bins import FineBins, Ids, Numbers, fine_bins

INDEXES_KEPT = 2
COLUMNS_KEPT = 4
# A breakdown of more values than these is a list of places or areas, not a table.
MOST_VALUES = 40


@dataclass
class CohortIndex:
    """The bins of one release's numbers, and the few columns used last."""

    view: ReleaseView
    _bins: dict[str, FineBins] = field(default_factory=dict, repr=False)
    _columns: OrderedDict[str, Numbers] = field(default_factory=OrderedDict, repr=False)
    _amounts: dict[str, Numbers] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def as_of(self) -> date:
        return self.view.as_of

    @property
    def everyone(self) -> BitMap:
        return self.view.everyone

    def any_of(self, attribute: str, values: Iterable[str]) -> BitMap:
        """Return who has one of the values."""
        return self.view.any_of(attribute, values)

    def known(self, attribute: str) -> BitMap:
        """Return who has any value at all."""
        values = self.view.values(attribute)
        if values:
            return self.view.any_of(attribute, values)
        return self.bins(attribute).known

    def between(
        self, attribute: str, low: float | None = None, high: float | None = None
    ) -> BitMap:
        """Return who has a number from `low` (inclusive) to under `high`."""
        return self.bins(attribute).between(
            low, high, lambda people: self._numbers(attribute, people)
        )

    def dated(
        self, attribute: str, since: date | None = None, until: date | None = None
    ) -> BitMap:
        """Return who has a date from `since` to `until`, both included."""
        first = None if since is None else float((since - EPOCH).days)
        end = None if until is None else float((until - EPOCH).days + 1)
        return self.between(attribute, first, end)

    def values(self, attribute: str) -> dict[str, BitMap]:
        """Return the people of each value, empty ones as well, in display order."""
        return {
            value: self.view.bitmap(attribute, value)
            for value in self.view.values(attribute)
        }

    def tabled(self) -> list[str]:
        """Return the attributes that make a one-way table, in catalogue order."""
        return [
            name
            for name, attribute in self.view.catalogue.items()
            if attribute.kind != "date"
            and 2 <= len(attribute.bitmap_values) <= MOST_VALUES
        ]

    def tables(self) -> list[tuple[str, dict[str, BitMap]]]:
        """Return every one-way table's values; of a flag known of all, "yes" alone."""
        return [
            (
                name,
                {"yes": self.view.bitmap(name)}
                if self.view.is_whole(name)
                else self.values(name),
            )
            for name in self.tabled()
        ]

    def total(self, attribute: str, people: BitMap) -> float:
        """Return the sum over a set of people; unknown values add nothing."""
        amounts = self._amount(attribute)
        return float(amounts[self._rows(people)].sum(dtype=np.float64))

    def contributors(self, attribute: str, people: BitMap) -> BitMap:
        """Return who of a set has a number other than zero."""
        zero = self.between(attribute, 0.0, float(np.finfo(np.float32).tiny))
        return (people & self.bins(attribute).known) - zero

    def bins(self, attribute: str) -> FineBins:
        """Return a number's (or date's) fine bins, made at first use."""
        with self._lock:
            if attribute not in self._bins:
                numbers = self._column(attribute)
                self._bins[attribute] = fine_bins(self.view.person_nos, numbers)
            return self._bins[attribute]

    def _column(self, attribute: str) -> Numbers:
        """Return a column aligned with `person_nos`; only the last few are kept."""
        with self._lock:
            if attribute not in self._columns:
                # Known to the catalogue, or a KeyError that names it.
                _ = self.view.attribute(attribute)
                data = self.view.source.column(attribute)
                if data is None:
                    raise KeyError(f"the release has no column {attribute!r}")
                self._columns[attribute] = np.frombuffer(data, dtype="<f4")
                while len(self._columns) > COLUMNS_KEPT:
                    self._columns.popitem(last=False)
            self._columns.move_to_end(attribute)
            return self._columns[attribute]

    def _numbers(self, attribute: str, people: BitMap) -> tuple[Ids, Numbers]:
        ids = np.frombuffer(people.to_array(), dtype=np.uint32)
        return ids, self._column(attribute)[self._rows(people)]

    def _amount(self, attribute: str) -> Numbers:
        """Return a column to be summed, in the narrowest type that holds it exactly."""
        with self._lock:
            if attribute not in self._amounts:
                self._amounts[attribute] = narrowed(self._column(attribute))
            return self._amounts[attribute]

    def _rows(self, people: BitMap) -> np.ndarray:
        """Where a set's people stand in the columns; others than ours are left out."""
        numbers = self.view.person_nos
        ids = np.frombuffer((people & self.everyone).to_array(), dtype=np.uint32)
        if not len(ids):
            return np.empty(0, dtype=np.int64)
        first, last = int(numbers[0]), int(numbers[-1])
        if last - first + 1 == len(numbers):  # no gap: the place is a difference
            return ids - np.uint32(first)
        return np.searchsorted(numbers, ids)


def narrowed(numbers: Numbers) -> np.ndarray:
    """Return numbers without NaN as uint8 or uint16 where those hold each exactly."""
    filled = np.nan_to_num(numbers)
    if len(filled) and filled.min() >= 0 and np.array_equal(filled, np.floor(filled)):
        for kind in (np.uint8, np.uint16):
            if filled.max() <= np.iinfo(kind).max:
                return filled.astype(kind)
    return filled


_indexes: OrderedDict[int, CohortIndex] = OrderedDict()
_indexes_lock = threading.Lock()


def index_of(view: ReleaseView) -> CohortIndex:
    """Return a release's index, the same one to every request of this process."""
    with _indexes_lock:
        found = _indexes.get(view.id)
        # A test's or a rebuilt release may bear a number that another one had.
        if found is None or found.view is not view:
            found = _indexes[view.id] = CohortIndex(view)
        _indexes.move_to_end(view.id)
        while len(_indexes) > INDEXES_KEPT:
            _indexes.popitem(last=False)
        return found
