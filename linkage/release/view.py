"""One release's people as pages read them: bitmaps by value, numbers as columns.

Bitmaps hold no viewer's scope: callers AND them with the viewer's practices before
anything is counted for rows, and pass counts through `governance.disclosure`.
"""

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from linkage import legal_basis
from linkage.release.binary import in_binary
from linkage.release.catalogue import Attribute, Catalogue
from linkage.release.for_purpose import EVERYONE, PEOPLE, Source
from linkage.steps.index import bitmap_of

Numbers = NDArray[np.float32]
# One query for each is slow; the answer to one for all would hold each set twice.
LOADED_AT_ONCE = 24


@dataclass(frozen=True)
class Stored:
    """The bitmaps and columns of one release in the database."""

    release_id: int

    def bitmaps(self, attributes: Collection[str]) -> dict[str, dict[str, BitMap]]:
        """Return the people of some attributes by value; none for those without any."""
        found: dict[str, dict[str, BitMap]] = {name: {} for name in attributes}
        rows = in_binary(
            "SELECT attribute, value, bitmap FROM attribute_bitmap"
            " WHERE release_id = %s AND attribute = ANY(%s)",
            [self.release_id, list(attributes)],
        )
        for attribute, value, data in rows:
            found[attribute][value] = BitMap.deserialize(data)
        return found

    def column(self, attribute: str) -> bytes | None:
        rows = in_binary(
            "SELECT data FROM attribute_column"
            " WHERE release_id = %s AND attribute = %s",
            [self.release_id, attribute],
        )
        return next((data for (data,) in rows), None)


@dataclass
class ReleaseView:
    """One release as pages read it. Loads an attribute at first use and keeps it.

    Treat returned bitmaps and arrays as read-only: they are shared by requests.
    """

    id: int
    as_of: date
    published_at: datetime | None
    catalogue: Catalogue
    source: Source
    index_version: int = 0
    # Whose GP data the purpose may not use: in no set of theirs, coded or catalogued.
    gone_from_gp: BitMap = field(default_factory=BitMap, repr=False)
    # Everyone missing from something by an opt-out; the release before they were.
    opted_out: BitMap = field(default_factory=BitMap, repr=False)
    whole: "ReleaseView | None" = field(default=None, repr=False)
    _bitmaps: dict[str, dict[str, BitMap]] = field(default_factory=dict, repr=False)
    _columns: dict[str, Numbers] = field(default_factory=dict, repr=False)
    # Flags known of everyone who is asked, of which "no" is kept as the rest of them: a
    # fifth of all memory.
    _halves: dict[str, BitMap] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def _of(self, attribute: str) -> dict[str, BitMap]:
        with self._lock:
            if attribute not in self._bitmaps:
                if attribute != EVERYONE:
                    # An attribute that was never defined is an error, not "nobody".
                    _ = self.catalogue[attribute]
                self._keep(attribute, self.source.bitmaps([attribute])[attribute])
            return self._bitmaps[attribute]

    def load(self, attributes: Iterable[str]) -> None:
        """Load the people of many attributes, for who is going to ask for all."""
        with self._lock:
            wanted = [name for name in attributes if name not in self._bitmaps]
            for start in range(0, len(wanted), LOADED_AT_ONCE):
                some = wanted[start : start + LOADED_AT_ONCE]
                for attribute, found in self.source.bitmaps(some).items():
                    self._keep(attribute, found)

    def _keep(self, attribute: str, found: dict[str, BitMap]) -> None:
        if attribute != EVERYONE and self.catalogue[attribute].kind == "flag":
            is_closed = self.gone_from_gp and legal_basis.is_from_gp(attribute)
            asked = self._open if is_closed else self.everyone
            if sum(len(people) for people in found.values()) == len(asked):
                found.pop("no", None)
                self._halves[attribute] = asked
        self._bitmaps[attribute] = found

    @cached_property
    def _open(self) -> BitMap:
        """Whose GP record this use may read."""
        return self.everyone - self.gone_from_gp

    def is_half(self, attribute: str) -> bool:
        """Whether an attribute is a flag, and known of everyone who is asked."""
        self._of(attribute)
        return attribute in self._halves

    @property
    def everyone(self) -> BitMap:
        """All people of the release: alive at `as_of`, registered or resident."""
        return self._of(EVERYONE).get("yes", BitMap())

    @property
    def person_nos(self) -> NDArray[np.uint32]:
        """The people in ascending order; every column is aligned with it."""
        with self._lock:
            if PEOPLE not in self._columns:
                data = self.source.column(PEOPLE) or b""
                people = np.frombuffer(data, dtype="<u4")
                self._columns[PEOPLE] = people  # type: ignore[assignment]
            return self._columns[PEOPLE]  # type: ignore[return-value]

    def attribute(self, name: str) -> Attribute:
        return self.catalogue[name]

    def values(self, attribute: str) -> list[str]:
        """Return the values that may have people: categories, "no"/"yes", bins."""
        return list(self.catalogue[attribute].bitmap_values)

    def bitmap(self, attribute: str, value: str = "yes") -> BitMap:
        """Return who has a value; empty when nobody. KeyError for no such attribute."""
        found = self._of(attribute)
        if value == "no" and attribute in self._halves:
            return self._halves[attribute] - found.get("yes", BitMap())
        return found.get(value, BitMap())

    def any_of(self, attribute: str, values: Iterable[str]) -> BitMap:
        """Return who has one of the values."""
        sets = [self.bitmap(attribute, value) for value in values]
        if len(sets) == 1:
            return sets[0]
        return BitMap.union(*sets) if sets else BitMap()

    def known(self, attribute: str) -> BitMap:
        """Return who has any value at all."""
        values = self.values(attribute)
        return self.any_of(attribute, values) if values else self.between(attribute)

    def unanswered(self, attributes: Iterable[str]) -> BitMap:
        """Return whose record is closed to this use, if any of them reads GP data."""
        closed = any(map(legal_basis.is_from_gp, attributes))
        return self.gone_from_gp if closed else BitMap()

    def column(self, attribute: str) -> Numbers:
        """Return the numbers aligned with `person_nos`, NaN where not known."""
        with self._lock:
            if attribute not in self._columns:
                _ = self.catalogue[attribute]
                data = self.source.column(attribute)
                if data is None:
                    raise KeyError(f"release {self.id} has no column {attribute!r}")
                self._columns[attribute] = np.frombuffer(data, dtype="<f4")
            return self._columns[attribute]

    def between(
        self, attribute: str, low: float | None = None, high: float | None = None
    ) -> BitMap:
        """Return who has a number from `low` (inclusive) to under `high`."""
        numbers = self.column(attribute)
        chosen = ~np.isnan(numbers)
        if low is not None:
            chosen &= numbers >= low
        if high is not None:
            chosen &= numbers < high
        return bitmap_of(self.person_nos[chosen])

    def take(self, attribute: str, people: BitMap) -> Numbers:
        """Return the numbers of a set of people, in ascending `person_no`."""
        return self.column(attribute)[self._rows(people)]

    def total(self, attribute: str, people: BitMap) -> float:
        """Return the sum over a set of people; unknown values add nothing."""
        return float(np.nansum(self.take(attribute, people), dtype=np.float64))

    def contributors(self, attribute: str, people: BitMap) -> BitMap:
        """Return who of a set has a number other than zero."""
        numbers = np.nan_to_num(self.take(attribute, people))
        members = self.person_nos[self._rows(people)]
        return bitmap_of(members[numbers != 0])

    def _rows(self, people: BitMap) -> NDArray[np.int64]:
        """Where a set's people stand in the columns; others than ours are left out."""
        ours = people & self.everyone
        if len(ours) == len(self.person_nos):
            return np.arange(len(self.person_nos))
        wanted = np.frombuffer(ours.to_array(), dtype=np.uint32)
        return np.searchsorted(self.person_nos, wanted)
