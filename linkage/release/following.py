"""Who was merged or split while a refresh was reading is read once more.

A refresh reads shard by shard and stage by stage, for minutes. Facts that move from
one person to another meanwhile it may have met with both, or with neither: they would
count twice, or not at all, until the next delta. So, once the last stage has read the
store, the shards of those people go through its stages again, while nobody moves
anything. What a delta has touched then holds them as well.
"""

import polars as pl
from pyroaring import BitMap

from linkage.models import AttributeBitmap, Release
from linkage.release import rows, touched
from linkage.release.stages import StageOutcome, before
from linkage.shards import shards
from linkage.still import still

NAME = "follow_moves"


def follow_moves(release_id: int) -> StageOutcome:
    """Read again whose facts have moved since the refresh began. Safe to repeat."""
    try:
        return _followed(release_id)
    finally:
        # No later stage reads the store.
        rows.let_go()


def _followed(release_id: int) -> StageOutcome:
    with still():
        release = Release.objects.select_related("delta_of").get(pk=release_id)
        seen = {*release.marks, *(release.delta_of.marks if release.delta_of else ())}
        # Of the marks only those of the index are moves (`linkage.release.touched`).
        new = sorted(mark for mark in touched.marks() if mark < 0 and mark not in seen)
        if not new:
            return StageOutcome()
        moved = touched.under(new)
        units = _units(release, moved)
        rows_in = 0
        stages = before(NAME, delta=release.delta_of_id is not None)
        for unit in units:
            for stage in stages:
                rows_in += stage.call(release_id, unit).rows_in
        # Only now: a try that ended before this is made again.
        release.marks = sorted([*release.marks, *new])
        release.save(update_fields=["marks"])
        return StageOutcome(rows_in, len(moved))


def _units(release: Release, moved: BitMap) -> list[str]:
    """The shards that these people are in; of a delta its one, which takes them in."""
    if release.delta_of_id is None:
        people = pl.Series("person_no", moved.to_array(), dtype=pl.Int32)
        return [str(shard) for shard in shards(people).unique().sort()]
    people = touched.touched_of(release.pk) | moved
    AttributeBitmap.objects.filter(release=release, attribute=touched.ATTRIBUTE).update(
        bitmap=people.serialize(), people=len(people)
    )
    return [str(touched.UNIT)]
