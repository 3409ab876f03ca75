"""Where a view of a release gets its bitmaps and columns.

A full release has its own. A delta has those of the touched persons, laid over those
of the full release beneath it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from linkage.models import Release
from linkage.release import touched
from linkage.release.catalogue import Catalogue

EVERYONE = "everyone"
PEOPLE = "person_no"
Row = tuple[int, str, str, list[float | None]]


class Source(Protocol):
    """The bitmaps and columns of one release by attribute."""

    def bitmaps(self, attributes: Collection[str]) -> dict[str, dict[str, BitMap]]: ...
    def column(self, attribute: str) -> bytes | None: ...


@dataclass(frozen=True)
class Overlaid:
    """A delta over the full release beneath it, composed anew at every call.

    `whole` are the attributes that the delta keeps for everybody, having touched all.
    """

    delta: Source
    base: Source
    whole: frozenset[str]
    touched: BitMap

    def bitmaps(self, attributes: Collection[str]) -> dict[str, dict[str, BitMap]]:
        made = self.delta.bitmaps(attributes)
        beneath = self.base.bitmaps([a for a in attributes if a not in self.whole])
        for attribute, under in beneath.items():
            over = made[attribute]
            both = {
                value: (under.get(value, BitMap()) - self.touched)
                | over.get(value, BitMap())
                for value in (*under, *over)
            }
            made[attribute] = {value: some for value, some in both.items() if some}
        return made

    def column(self, attribute: str) -> bytes | None:
        made = self.delta.column(attribute)
        under = None if attribute in self.whole else self.base.column(attribute)
        if made is None or under is None:
            return made
        kept, order = self._places
        both = [np.frombuffer(data, dtype="<u4") for data in (under, made)]
        return np.concatenate([both[0][kept], both[1]])[order].tobytes()

    @cached_property
    def _places(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Who of the base stays, and the order of those and the touched together."""
        before = np.frombuffer(self.base.column(PEOPLE) or b"", dtype="<u4")
        now = np.frombuffer(self.delta.column(PEOPLE) or b"", dtype="<u4")
        gone = np.asarray(self.touched.to_array(), dtype=np.uint32)
        kept = ~np.isin(before, gone)
        people = np.concatenate([before[kept], now[np.isin(now, gone)]])
        return kept, np.argsort(people, kind="stable")


def source_of(release: Release, stored: Callable[[int], Source]) -> Source:
    """Where to read one release; `stored` gives what the database keeps of one."""
    if release.delta_of_id is None:
        return stored(release.pk)
    return Overlaid(
        stored(release.pk),
        stored(release.delta_of_id),
        kept_for_all(release),
        touched.touched_of(release.pk),
    )


def kept_for_all(release: Release) -> frozenset[str]:
    """The attributes that a delta keeps for everybody; none of a full release."""
    if release.delta_of_id is None:
        return frozenset()
    found = Catalogue.from_rows(release.catalogue).values()
    whole = {a.name for a in found if a.part in release.whole_parts}
    return frozenset(whole | {EVERYONE, PEOPLE})


def full_of(release_id: int) -> Release:
    """The full release that one is or stands on."""
    release = Release.objects.select_related("delta_of").get(pk=release_id)
    return release.delta_of or release


def holders(release_id: int, person_nos: Collection[int]) -> dict[int, list[int]]:
    """Which release's rows of its own tables hold whom of some people.

    All are the release's own, but for a delta those whom it has not touched.
    """
    under = touched.beneath(release_id)
    if under is None:
        return {release_id: list(person_nos)}
    found: dict[int, list[int]] = {release_id: [], under.release_id: []}
    for number in person_nos:
        mine = number in under.touched
        found[release_id if mine else under.release_id].append(number)
    return found


def completed(view: Any, rows: Sequence[Row]) -> list[Row]:
    """Rows of profiles in order, with the values that a delta keeps for everybody.

    `view`: the release itself, whose catalogue is the order of the values.
    """
    found = sorted(rows)
    if isinstance(view.source, Overlaid):
        people = BitMap(row[0] for row in found)
        for position, name in enumerate(view.catalogue):
            if name in view.source.whole:
                for row, number in zip(found, view.take(name, people), strict=True):
                    known = not np.isnan(number)
                    row[3][position] = float(str(number)) if known else None
    return found
