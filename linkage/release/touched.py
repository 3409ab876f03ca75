"""Whom a delta refresh is about: the one contract between store and release.

Whatever changes a person's rows in the store writes whom into `touched_person` in the
same transaction, under a mark of its own: the run's number, minus the version of the
index for facts that moved, a number of `settlement_no` for what became best known. A
full release keeps the marks that it found there when it began; who stands under any
other mark was touched since.
"""

from dataclasses import dataclass

import polars as pl
from django.db import connection
from pyroaring import BitMap

from linkage.models import AttributeBitmap, Release
from linkage.steps.index import bitmap_of

# The one unit of a delta's stages per shard, and under which its parts are kept.
UNIT = -1
ATTRIBUTE = "touched"


@dataclass(frozen=True)
class Beneath:
    """The full release that a delta stands on, and whom of it the delta replaces."""

    release_id: int
    touched: BitMap

    @property
    def person_nos(self) -> pl.Series:
        return pl.Series("person_no", self.touched.to_array(), dtype=pl.Int32)


def beneath(release_id: int) -> Beneath | None:
    """What a release stands on; None for a full one. Its people may not be in it."""
    base = (
        Release.objects.filter(pk=release_id)
        .values_list("delta_of_id", flat=True)
        .first()
    )
    return None if base is None else Beneath(base, touched_of(release_id))


def touched_of(release_id: int) -> BitMap:
    """Whom a delta recomputes, the dead and departed among them."""
    found = AttributeBitmap.objects.get(release_id=release_id, attribute=ATTRIBUTE)
    return BitMap.deserialize(bytes(found.bitmap))


def marks() -> list[int]:
    """Every mark that anybody stands under, in order; skips from one to the next."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE seen (mark) AS (SELECT min(run_id) FROM touched_person"
            " UNION ALL SELECT (SELECT min(run_id) FROM touched_person"
            "  WHERE run_id > seen.mark) FROM seen WHERE mark IS NOT NULL)"
            " SELECT mark FROM seen WHERE mark IS NOT NULL ORDER BY mark"
        )
        return [mark for (mark,) in cursor.fetchall()]


def since(release: Release) -> tuple[list[int], BitMap]:
    """The marks that a full release has not seen, and who stands under them."""
    new = sorted(set(marks()) - set(release.marks))
    return new, under(new)


def under(some: list[int]) -> BitMap:
    """Who stands under any of some marks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT person_no FROM touched_person WHERE run_id = ANY(%s)",
            [some],
        )
        found = pl.Series([row[0] for row in cursor.fetchall()], dtype=pl.Int32)
    return bitmap_of(found.to_numpy())


def forget(seen: list[int]) -> int:
    """Let the marks go that every later delta has behind it; returns how many rows."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM touched_person WHERE run_id = ANY(%s)", [seen])
        return int(cursor.rowcount)
