"""Read the published release: people as bitmaps, numbers as columns, rows by viewer.

`current()` returns one consistent picture. Bitmaps hold no viewer's scope: callers
AND them with the viewer's practices before anything is counted for rows, and pass
counts through `governance.disclosure`.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection
from functools import lru_cache

import polars as pl
from django.db import connection

from governance import access
from linkage.models import FeedRun, Release, ReleasePointer
from linkage.release import touched
from linkage.release.catalogue import Catalogue
from linkage.release.for_purpose import (
    EVERYONE,
    PEOPLE,
    Limits,
    Narrowed,
    OpenCatalogue,
    closed_attributes,
    delivered_feeds,
    limits_of,
)
from linkage.release.latency import reaching
from linkage.release.publish import kept_releases
from linkage.release.sources import completed, full_of, holders, source_of
from linkage.release.view import ReleaseView, Stored

__all__ = [
    "EVERYONE",
    "PEOPLE",
    "ReleaseView",
    "current",
    "decoded",
    "for_looker",
    "forget",
    "has_unreleased_changes",
    "previous",
    "profile_rows",
    "view",
]

# Current, previous, and one that a long request may still be reading.
VIEWS_KEPT = 3
# A few purposes look at the current and the previous release.
NARROWED_KEPT = 8


_views: OrderedDict[int, ReleaseView] = OrderedDict()
_views_lock = threading.Lock()
# The whole view that each was made of stands beside it: a rebuilt release may bear the
# number of another.
_narrowed: OrderedDict[tuple[object, ...], tuple[ReleaseView, ReleaseView]] = (
    OrderedDict()
)


def current() -> ReleaseView | None:
    """Return the published release, or None before the first one.

    The pointer is read at every call, so a page that was served after a release was
    published shows that release; take it once per request and pass it on. In a
    request it is the release as the viewer's purpose may use it: as fresh as its use
    is meant to be, without those who opted out of it.
    """
    pointer = ReleasePointer.objects.values_list("release_id", flat=True).first()
    if pointer is None:
        return None
    viewer = access.looking()
    reached = reaching(viewer, pointer) if viewer else pointer
    access.reads(reached)
    return for_looker(view(reached))


def _published() -> ReleaseView | None:
    pointer = ReleasePointer.objects.values_list("release_id", flat=True).first()
    return None if pointer is None else view(pointer)


def for_looker(whole: ReleaseView) -> ReleaseView:
    """Return a release as whoever is looking may use it for their purpose.

    Without the people whose opt-out it honours and what has no legal basis; the
    release itself outside a request, or where nothing stands in the way.
    """
    viewer = access.looking()
    if viewer is None:
        return whole
    limits = limits_of(viewer, whole.catalogue, delivered(whole.id))
    if limits.is_nothing:
        return whole
    return narrowed(whole, limits)


def narrowed(whole: ReleaseView, limits: Limits) -> ReleaseView:
    """Return a release without what limits close, the same one to whoever has them."""
    key = (whole.id, limits.stamp)
    with _views_lock:
        kept = _narrowed.get(key)
        if kept is not None and kept[0] is whole:
            _narrowed.move_to_end(key)
            return kept[1]
    made = ReleaseView(
        id=whole.id,
        as_of=whole.as_of,
        published_at=whole.published_at,
        catalogue=OpenCatalogue(whole.catalogue, limits.closed),
        source=Narrowed(whole, limits),
        index_version=whole.index_version,
        gone_from_gp=limits.gone_from_gp,
        opted_out=limits.gone | limits.gone_from_gp,
        whole=whole,
    )
    with _views_lock:
        _narrowed[key] = (whole, made)
        while len(_narrowed) > NARROWED_KEPT:
            _narrowed.popitem(last=False)
    return made


@lru_cache(maxsize=8)
def delivered(release_id: int) -> frozenset[str]:
    """Return the feeds that a release was made of; it never changes."""
    batches = Release.objects.filter(pk=release_id).values_list("batches", flat=True)
    return delivered_feeds(batches.first() or [])


def previous() -> ReleaseView | None:
    """Return what was published before the current full release, if still kept.

    Not what the day's deltas replaced: "since last time" is since the refresh before.
    """
    now = current()
    since = None if now is None else full_of(now.id).published_at
    if since is None:
        return None
    before = (
        Release.objects.filter(state=Release.State.SUPERSEDED, published_at__lt=since)
        .order_by("-published_at")
        .values_list("pk", flat=True)
        .first()
    )
    return None if before is None else for_looker(view(before))


def earlier() -> list[ReleaseView]:
    """Return the full releases before the current one that are kept, newest first."""
    now = current()
    since = None if now is None else full_of(now.id).published_at
    if since is None:
        return []
    found = Release.objects.filter(
        pk__in=kept_releases(), delta_of=None, published_at__lt=since
    ).order_by("-published_at")
    return [for_looker(view(pk)) for pk in found.values_list("pk", flat=True)]


def has_unreleased_changes() -> bool:
    """Whether files were loaded, or people changed, since the last full release.

    Who was merged, split or settled without a file stands in the log of the touched.
    """
    pointer = ReleasePointer.objects.values_list("release_id", flat=True).first()
    loaded = FeedRun.objects.filter(state=FeedRun.State.PUBLISHED)
    if pointer is None:
        return loaded.exists()
    full = full_of(pointer)
    if loaded.exclude(pk__in=full.batches).exists():
        return True
    return not set(touched.marks()) <= set(full.marks)


def view(release_id: int) -> ReleaseView:
    """Return one release by its number; Release.DoesNotExist if it is gone."""
    with _views_lock:
        if release_id in _views:
            _views.move_to_end(release_id)
            return _views[release_id]
    release = Release.objects.get(pk=release_id)
    # Of a retired release the record stays: it would look like one without people.
    if release.state == Release.State.SUPERSEDED and not _has_people(release_id):
        raise Release.DoesNotExist(f"release {release_id} is kept no more")
    made = ReleaseView(
        id=release.pk,
        as_of=release.as_of,
        published_at=release.published_at,
        catalogue=Catalogue.from_rows(release.catalogue),
        source=source_of(release, Stored),
        index_version=release.index_version,
    )
    # A release still being built changes under the reader: never keep that one.
    if release.state in {Release.State.PUBLISHED, Release.State.SUPERSEDED}:
        with _views_lock:
            made = _views.setdefault(release_id, made)
            while len(_views) > VIEWS_KEPT:
                _views.popitem(last=False)
    return made


def _has_people(release_id: int) -> bool:
    return bool(Stored(release_id).bitmaps([EVERYONE])[EVERYONE])


def forget() -> None:
    """Drop the releases kept in this process."""
    with _views_lock:
        _views.clear()
        _narrowed.clear()
    delivered.cache_clear()


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
    # Whole: the order of its catalogue is the order of the stored values.
    shown = view(release_id) if release_id is not None else _published()
    if shown is None:
        raise LookupError("no release has been published")
    closed = closed_attributes(viewer, shown.catalogue, delivered(shown.id))
    if closed or not viewer.sees_sensitive:
        wanted = shown.catalogue if attributes is None else attributes
        attributes = {
            name
            for name in wanted
            if name in shown.catalogue
            and name not in closed
            and (viewer.sees_sensitive or not shown.catalogue[name].sensitive)
        }
    rows = []
    with access.scoped(viewer), connection.cursor() as cursor:
        for held_in, people in holders(shown.id, [int(n) for n in person_nos]).items():
            cursor.execute(
                "SELECT person_no, practice_code, lsoa_code, values FROM profile"
                " WHERE release_id = %s AND person_no = ANY(%s)",
                [held_in, people],
            )
            rows += cursor.fetchall()
    return decoded(completed(shown, rows), shown.catalogue, attributes)


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
