"""One release as one purpose may use it: without the opted out, without closed feeds.

Applied where every page gets its release, so no page can forget it: people whose
opt-out the purpose honours are in no set and no number of the view, a Type 1 opt-out
takes somebody out of everything made of GP data, and an attribute made of a feed whose
legal basis is not in force does not exist, with the reason as the error.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from django.core.exceptions import PermissionDenied
from numpy.typing import NDArray
from pyroaring import BitMap

from governance.access import ACCESS, Viewer
from governance.decisions import NO_BASIS
from governance.registers import selectors as registers
from linkage import legal_basis
from linkage.models import FeedRun
from linkage.release.catalogue import Attribute, Catalogue

EVERYONE = "everyone"
PEOPLE = "person_no"


class ClosedAttributeError(PermissionDenied, KeyError):
    """An attribute that this purpose may not use today; says which feed closes it."""

    def __str__(self) -> str:
        return str(self.args[0])


class Source(Protocol):
    """Where a view gets its bitmaps and columns: the database, or a test's frames."""

    def bitmaps(self, attributes: Collection[str]) -> dict[str, dict[str, BitMap]]: ...
    def column(self, attribute: str) -> bytes | memoryview | None: ...


class Whole(Protocol):
    """A release view before it is narrowed."""

    source: Source

    @property
    def person_nos(self) -> NDArray[np.uint32]: ...


@dataclass(frozen=True)
class Limits:
    """What a purpose may not use: closed attributes with their reason, and people.

    `gone` are in nothing; `gone_from_gp` in nothing that is made of GP data. `stamp`
    is the same as long as the limits are.
    """

    stamp: tuple[object, ...] = ()
    closed: Mapping[str, str] = field(default_factory=dict)
    gone: BitMap = field(default_factory=BitMap, repr=False)
    gone_from_gp: BitMap = field(default_factory=BitMap, repr=False)

    @property
    def is_nothing(self) -> bool:
        return not (self.closed or self.gone or self.gone_from_gp)

    def gone_of(self, attribute: str) -> BitMap:
        """Who is missing from an attribute."""
        if attribute != EVERYONE and legal_basis.is_from_gp(attribute):
            return self.gone | self.gone_from_gp
        return self.gone


class OpenCatalogue(Catalogue):
    """A release's attributes without those that are closed to the purpose."""

    def __init__(self, whole: Catalogue, closed: Mapping[str, str]) -> None:
        self._closed = closed
        super().__init__(whole[name] for name in whole if name not in closed)

    def __getitem__(self, name: str) -> Attribute:
        if name in self._closed:
            raise ClosedAttributeError(self._closed[name])
        return super().__getitem__(name)


@dataclass(frozen=True)
class Narrowed:
    """The bitmaps and columns of a release without the people who are gone.

    They come from where the whole release gets its own, so that a process which serves
    one purpose keeps one copy of them.
    """

    whole: Whole
    limits: Limits

    def bitmaps(self, attributes: Collection[str]) -> dict[str, dict[str, BitMap]]:
        whole = dict(self.whole.source.bitmaps(attributes))
        made = {}
        for attribute in list(whole):
            gone = self.limits.gone_of(attribute)
            # One after the other: the sets of all would stand in memory twice.
            made[attribute] = {
                value: people - gone for value, people in whole.pop(attribute).items()
            }
        return made

    def column(self, attribute: str) -> bytes | memoryview | None:
        people = self.whole.person_nos
        if attribute == PEOPLE:
            return people.data  # the very numbers of the whole release
        data = self.whole.source.column(attribute)
        gone = self.limits.gone_of(attribute)
        if data is None or not gone:
            return data
        last = max(int(people.max(initial=0)), gone.max())
        is_gone = np.zeros(last + 1, dtype=np.bool_)
        is_gone[np.frombuffer(gone.to_array(), dtype=np.uint32)] = True
        numbers = np.frombuffer(data, dtype="<f4")
        return np.where(is_gone[people], np.float32(np.nan), numbers).tobytes()


def closed_attributes(
    viewer: Viewer, catalogue: Iterable[str], delivered: Iterable[str]
) -> dict[str, str]:
    """Return the attributes that are made of a feed without a legal basis, and why.

    Only feeds that delivered something to the release count.
    """
    if not ACCESS.purposes[viewer.purpose].needs_basis:
        return {}
    standing = viewer.standing
    closed = {
        feed: standing.closed_feeds.get(feed, f"{feed}: {NO_BASIS}")
        for feed in delivered
        if feed not in standing.live_feeds
    }
    found = {}
    for name in catalogue if closed else ():
        for feed in sorted(legal_basis.of_attribute(name) & set(closed)):
            found.setdefault(name, closed[feed])
    return found


def delivered_feeds(batches: Iterable[int]) -> frozenset[str]:
    """The feeds whose files a release was made of."""
    runs = FeedRun.objects.filter(pk__in=list(batches))
    return frozenset(runs.values_list("feed", flat=True)) & legal_basis.every_feed()


def limits_of(
    viewer: Viewer, catalogue: Iterable[str], delivered: frozenset[str]
) -> Limits:
    """Work out what a viewer's purpose may not use of a release, at this moment."""
    closed = closed_attributes(viewer, catalogue, delivered)
    # A figure honours what its purpose signs; a team's own list, case finding.
    kinds = viewer.standing.honoured("rows" if viewer.sees_rows() else "figures")
    stamp = registers.opt_out_stamp(kinds & {"type1", "national"})
    people = registers.opted_out(stamp)
    return Limits(
        stamp=(tuple(sorted(closed)), stamp),
        closed=closed,
        gone=people.get("national", BitMap()),
        gone_from_gp=people.get("type1", BitMap()),
    )
