"""Read the published release: people as bitmaps, numbers as columns, rows by viewer.

`current()` returns one consistent picture. Bitmaps hold no viewer's scope: callers
AND them with the viewer's practices before anything is counted for rows, and pass
counts through `governance.disclosure`.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

import numpy as np
import polars as pl
from django.db import connection
from numpy.typing import NDArray
from pyroaring import BitMap

from governance import access
from linkage.models import (
    AttributeBitmap,
    AttributeColumn,
    FeedRun,
    Release,
    ReleasePointer,
)
from linkage.release.catalogue import Attribute, Catalogue
from linkage.steps.index import bitmap_of

Numbers = NDArray[np.float32]
EVERYONE = "everyone"
PEOPLE = "person_no"
# Current, previous, and one that a long request may still be reading.
VIEWS_KEPT = 3


class Source(Protocol):
    """Where a view gets its bitmaps and columns: the database, or a test's frames."""

    def bitmaps(self, attribute: str) -> dict[str, BitMap]: ...
    def column(self, attribute: str) -> bytes | None: ...


@dataclass(frozen=True)
class Stored:
    """The bitmaps and columns of one release in the database."""

    release_id: int

    def bitmaps(self, attribute: str) -> dict[str, BitMap]:
        rows = AttributeBitmap.objects.filter(
            release_id=self.release_id, attribute=attribute
        )
        return {
            value: BitMap.deserialize(bytes(data))
            for value, data in rows.values_list("value", "bitmap")
        }

    def column(self, attribute: str) -> bytes | None:
        rows = AttributeColumn.objects.filter(
            release_id=self.release_id, attribute=attribute
        )
        found = rows.values_list("data", flat=True).first()
        return None if found is None else bytes(found)


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
    _bitmaps: dict[str, dict[str, BitMap]] = field(default_factory=dict, repr=False)
    _columns: dict[str, Numbers] = field(default_factory=dict, repr=False)
    # Flags known of everyone, of which "no" is kept as the rest: a fifth of all memory.
    _halves: set[str] = field(default_factory=set, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def _of(self, attribute: str) -> dict[str, BitMap]:
        with self._lock:
            if attribute not in self._bitmaps:
                if attribute != EVERYONE:
                    # An attribute that was never defined is an error, not "nobody".
                    _ = self.catalogue[attribute]
                found = self.source.bitmaps(attribute)
                if attribute != EVERYONE and self._is_whole(attribute, found):
                    found.pop("no", None)
                    self._halves.add(attribute)
                self._bitmaps[attribute] = found
            return self._bitmaps[attribute]

    def _is_whole(self, attribute: str, found: dict[str, BitMap]) -> bool:
        """Whether a flag is either yes or no for everyone of the release."""
        known = sum(len(people) for people in found.values())
        return self.catalogue[attribute].kind == "flag" and known == len(self.everyone)

    def is_whole(self, attribute: str) -> bool:
        """Whether an attribute is a flag, and known of everyone of the release."""
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
            return self.everyone - found.get("yes", BitMap())
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


_views: OrderedDict[int, ReleaseView] = OrderedDict()
_views_lock = threading.Lock()


def current() -> ReleaseView | None:
    """Return the published release, or None before the first one.

    The pointer is read at every call, so a page that was served after a release was
    published shows that release; take it once per request and pass it on.
    """
    pointer = ReleasePointer.objects.values_list("release_id", flat=True).first()
    return None if pointer is None else view(pointer)


def previous() -> ReleaseView | None:
    """Return the release that was published before the current one, if still kept."""
    now = current()
    if now is None or now.published_at is None:
        return None
    before = (
        Release.objects.filter(
            state=Release.State.SUPERSEDED, published_at__lt=now.published_at
        )
        .order_by("-published_at")
        .values_list("pk", flat=True)
        .first()
    )
    return None if before is None else view(before)


def has_unreleased_batches() -> bool:
    """Whether files were loaded that the current release does not hold."""
    pointer = ReleasePointer.objects.select_related("release").first()
    loaded = FeedRun.objects.filter(state=FeedRun.State.PUBLISHED)
    if pointer is not None:
        loaded = loaded.exclude(pk__in=pointer.release.batches)
    return loaded.exists()


def view(release_id: int) -> ReleaseView:
    """Return one release by its number; Release.DoesNotExist if it is gone."""
    with _views_lock:
        if release_id in _views:
            _views.move_to_end(release_id)
            return _views[release_id]
    release = Release.objects.get(pk=release_id)
    made = ReleaseView(
        id=release.pk,
        as_of=release.as_of,
        published_at=release.published_at,
        catalogue=Catalogue.from_rows(release.catalogue),
        source=Stored(release.pk),
        index_version=release.index_version,
    )
    # A release still being built changes under the reader: never keep that one.
    if release.state in {Release.State.PUBLISHED, Release.State.SUPERSEDED}:
        with _views_lock:
            made = _views.setdefault(release_id, made)
            while len(_views) > VIEWS_KEPT:
                _views.popitem(last=False)
    return made


def forget() -> None:
    """Drop the releases kept in this process."""
    with _views_lock:
        _views.clear()


def profile_rows(
    viewer: access.Viewer,
    person_nos: Collection[int],
    *,
    release_id: int | None = None,
    attributes: Collection[str] | None = None,
) -> pl.DataFrame:
    """Return the catalogued values of some people, those that the viewer may see.

    Row-level security chooses the rows; the caller audits the reading first.
    Sensitive attributes are there only where role and purpose see them. Columns:
    `person_no`, `practice_code_now`, `lsoa_code_now` (as stored beside the values),
    then each attribute: Boolean, String, Float64 or Date, null where not known.
    """
    shown = view(release_id) if release_id is not None else current()
    if shown is None:
        raise LookupError("no release has been published")
    if not viewer.sees_sensitive:
        wanted = shown.catalogue if attributes is None else attributes
        attributes = {
            name
            for name in wanted
            if name in shown.catalogue and not shown.catalogue[name].sensitive
        }
    with access.scoped(viewer), connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_no, practice_code, lsoa_code, values FROM profile"
            " WHERE release_id = %s AND person_no = ANY(%s) ORDER BY person_no",
            [shown.id, [int(n) for n in person_nos]],
        )
        rows = cursor.fetchall()
    return decoded(rows, shown.catalogue, attributes)


TYPES = {
    "flag": pl.Boolean,
    "category": pl.String,
    "number": pl.Float64,
    "date": pl.Date,
}


def decoded(
    rows: Collection[tuple[int, str, str, list[float | None]]],
    catalogue: Catalogue,
    attributes: Collection[str] | None = None,
) -> pl.DataFrame:
    """Turn rows of the profile table into a frame of words, flags, numbers, dates."""
    columns: dict[str, pl.Series] = {
        "person_no": pl.Series([row[0] for row in rows], dtype=pl.Int32),
        "practice_code_now": pl.Series([row[1] for row in rows], dtype=pl.String),
        "lsoa_code_now": pl.Series([row[2] for row in rows], dtype=pl.String),
    }
    for position, attribute in enumerate(catalogue.values()):
        if attributes is not None and attribute.name not in attributes:
            continue
        columns[attribute.name] = pl.Series(
            [attribute.word(row[3][position]) for row in rows],
            dtype=TYPES[attribute.kind],
        )
    return pl.DataFrame(columns)
