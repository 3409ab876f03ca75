"""One release's people as a cohort's steps read them, kept per process.

Bitmaps are those that pages share (`ReleaseView`); numbers become codes at their first
use. Columns themselves are let go again: two hundred of them
would be a gigabyte for a million people.
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
from segmentation.cohorts.steps.bins import ByNumber, Dense, by_number

INDEXES_KEPT = 3
# A breakdown of more values than these is a list of places or areas, not a table.
MOST_VALUES = 40


@dataclass
class CohortIndex:
    """One release's people by value, by number and by date."""

    view: ReleaseView
    _numbers: dict[str, ByNumber] = field(default_factory=dict, repr=False)
    _tables: list[tuple[str, dict[str, BitMap]]] | None = field(
        default=None, repr=False
    )
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

    def sets(self, attribute: str, values: Iterable[str]) -> list[BitMap]:
        """Return the people of each of some values."""
        return [self.view.bitmap(attribute, value) for value in values]

    def known(self, attribute: str) -> BitMap:
        """Return who has any value at all."""
        values = self.view.values(attribute)
        if values:
            return self.view.any_of(attribute, values)
        return self.by_number(attribute).known

    def between(
        self, attribute: str, low: float | None = None, high: float | None = None
    ) -> BitMap:
        """Return who has a number from `low` (inclusive) to under `high`."""
        return self.by_number(attribute).between(low, high)

    def within(
        self, attribute: str, scope: BitMap, low: float | None, high: float | None
    ) -> BitMap:
        """Return who of a scope has a number in a range; quick where they are few."""
        return self.by_number(attribute).within(scope, low, high)

    def is_scanned(self, attribute: str) -> bool:
        """Whether everybody's number is looked at for a range of it."""
        return isinstance(self.by_number(attribute), Dense)

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
        """Return the attributes that make a one-way table, in catalogue order.

        Sensitive ones (inclusion health) make none: a table would show them unasked.
        """
        return [
            name
            for name, attribute in self.view.catalogue.items()
            if attribute.kind != "date"
            and not attribute.sensitive
            and 2 <= len(attribute.bitmap_values) <= MOST_VALUES
        ]

    def tables(self) -> list[tuple[str, dict[str, BitMap]]]:
        """Return every one-way table's values; of a flag, "yes" alone where it may be.

        It may where the flag is known of everyone who is asked.
        """
        with self._lock:
            if self._tables is None:
                self._tables = self._tabulated()
            return self._tables

    def _tabulated(self) -> list[tuple[str, dict[str, BitMap]]]:
        self.view.load(self.tabled())
        return [
            (
                name,
                {"yes": self.view.bitmap(name)}
                if self.view.is_half(name)
                else self.values(name),
            )
            for name in self.tabled()
        ]

    def total(self, attribute: str, people: BitMap) -> float:
        """Return the sum over a set of people; unknown values add nothing."""
        return self.by_number(attribute).total(people)

    def contributors(self, attribute: str, people: BitMap) -> BitMap:
        """Return who of a set has a number other than zero."""
        return self.by_number(attribute).contributors(people)

    def by_number(self, attribute: str) -> ByNumber:
        """Return the people by a number (or date), made at first use."""
        with self._lock:
            if attribute not in self._numbers:
                # Known to the catalogue, or a KeyError that names it.
                _ = self.view.attribute(attribute)
                data = self.view.source.column(attribute)
                if data is None:
                    raise KeyError(f"the release has no column {attribute!r}")
                numbers = np.frombuffer(data, dtype="<f4")
                made = by_number(self.view.person_nos, numbers)
                self._numbers[attribute] = made
            return self._numbers[attribute]


_indexes: OrderedDict[int, CohortIndex] = OrderedDict()
_indexes_lock = threading.Lock()


def index_of(view: ReleaseView) -> CohortIndex:
    """Return a release's index, the same one to every request of this process."""
    with _indexes_lock:
        # One release has a view for each purpose, and a test's or a rebuilt release may
        # bear a number that another one had.
        key = id(view)
        found = _indexes.get(key)
        if found is None or found.view is not view:
            found = _indexes[key] = CohortIndex(view)
        _indexes.move_to_end(key)
        while len(_indexes) > INDEXES_KEPT:
            _indexes.popitem(last=False)
        return found
