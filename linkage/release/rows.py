"""The rows of the longitudinal store that a unit of a refresh works on.

Of a full release a unit is a shard; a delta has one, of the people whom it touched,
whose rows lie scattered over all shards. To read them takes longer than most of what
is then done with them, so the first stage reads and those that follow it take what it
has read, where their process still has it.
"""

import threading
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from linkage.models import Release
from linkage.release import store, touched
from linkage.release.store import Shard
from linkage.vocabulary import EVENT_KINDS

# In memory from one stage to the next, some 480 MB. Of more, each stage reads what it
# needs.
MOST_KEPT = 8_000_000


class _Kept(threading.local):
    """One unit's rows, of each thread of a worker those of the unit that it works.

    A release's number alone would also be that of another, once a database has been
    restored.
    """

    unit: tuple[int, datetime, int] | None = None
    rows: Shard | None = None


_kept = _Kept()


def read(release: Release, unit: int) -> Shard:
    """Read what the first stage of a unit works on, up to the release's date.

    Anew at each call: the stages are worked again for those whose facts have moved.
    """
    let_go()
    if unit == touched.UNIT:
        under = touched.beneath(release.pk)
        assert under is not None
        found = store.read_people(under.person_nos, until=release.as_of)
    else:
        found = store.read_shard(unit, until=release.as_of)
    if found.rows <= MOST_KEPT:
        _kept.unit, _kept.rows = (release.pk, release.started_at, unit), found
    return found


def up_to(release: Release, unit: int, until: date) -> Shard:
    """Return for a later stage what had happened by a day, at latest the release's."""
    kept = _of(release, unit)
    if kept is None:
        return store.read_shard(unit, until=until)
    return kept.up_to(until)


def events(
    release: Release, unit: int, *, kinds: Sequence[str], since: date
) -> pl.DataFrame:
    """Return a unit's events of some kinds from a day up to the release's date.

    Columns: person_no, on_date, recorded_on, kind, system, code, value, unit,
    feed_no.
    """
    kept = _of(release, unit)
    if kept is None:
        return store.read_events(unit, kinds=kinds, since=since, until=release.as_of)
    wanted = [EVENT_KINDS[kind] for kind in kinds]
    return kept.event.filter(
        pl.col("kind").is_in(wanted) & (pl.col("on_date") >= since)
    )


def activity(release: Release, unit: int, *, since: date) -> pl.DataFrame:
    """Return a unit's activity begun from a day up to the release's date, in the
    columns of `derive`."""
    kept = _of(release, unit)
    if kept is None:
        return store.read_activity(unit, since=since, until=release.as_of)
    return kept.activity.filter(pl.col("start_on") >= since)


def let_go() -> None:
    """Forget what was kept: nobody's rows lie in memory longer than they are needed."""
    _kept.unit = _kept.rows = None


def _of(release: Release, unit: int) -> Shard | None:
    """What a later stage may take; None where a shard is better read for it alone.

    Scattered rows take as long to find for one stage as for all.
    """
    if _kept.unit == (release.pk, release.started_at, unit):
        return _kept.rows
    return read(release, unit) if unit == touched.UNIT else None
