"""The writes of a release: start a refresh, work its units, index and publish it."""

import logging
import traceback
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache

import polars as pl
from django.db import transaction

from governance import audit
from governance.geography import fingerprint, geography
from linkage.codebook.in_force import in_force
from linkage.feature_definitions import FEATURES
from linkage.models import FeedRun, Release, StageTask
from linkage.release import ledger, parts, rows, store, touched
from linkage.release.catalogue import Attribute, Catalogue
from linkage.release.delta import NoDeltaError, start_delta
from linkage.release.publish import publish_release, retire_releases
from linkage.release.selectors import EVERYONE, PEOPLE
from linkage.release.stages import StageOutcome, definition_hashes, stage, stages
from linkage.release.version import code_version
from linkage.steps.derive import Geography, attributes, derive, standing_on
from linkage.steps.index import index, lists, numbers_of, people_of

__all__ = [
    "NoDeltaError",
    "build_bitmaps",
    "derive_features",
    "publish_release",
    "retire_releases",
    "run_inline",
    "run_unit",
    "start_delta",
    "start_refresh",
    "write_profiles",
]

FEATURES_PART = "features"
Progress = Callable[[StageTask], None]
log = logging.getLogger("catchment.release")


def start_refresh(*, as_of: date, by: str) -> Release:
    """Open a release as at a date and its first stage's tasks; nothing is worked yet.

    A refresh of the same date, batches and definitions that is under way is taken up
    again; one of other content is given up, since only one is built at a time.
    """
    batches = list(
        FeedRun.objects.filter(state=FeedRun.State.PUBLISHED)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    definitions = definition_hashes()
    index_version = max(
        (
            int(detail.get("index_version", 0))
            for detail in FeedRun.objects.filter(pk__in=batches).values_list(
                "detail", flat=True
            )
        ),
        default=0,
    )
    made = {
        "as_of": as_of,
        "batches": batches,
        "definitions": definitions,
        "index_version": index_version,
        "code_version": code_version(),
        "delta_of_id": None,
    }
    with transaction.atomic():
        building = Release.objects.select_for_update().filter(
            state=Release.State.BUILDING
        )
        for release in building.order_by("-pk"):
            if all(getattr(release, key) == value for key, value in made.items()):
                return release
            release.state = Release.State.FAILED
            release.save(update_fields=["state"])
        release = Release.objects.create(
            state=Release.State.BUILDING,
            marks=touched.marks(),
            places=fingerprint(),
            **made,
        )
        ledger.open_stage(release, stages()[0])
    audit.record("refresh_started", None, subject=f"release {release.pk}", by=by)
    return release


def run_unit(*, task_id: int) -> list[int]:
    """Work one task of the ledger, unless it is done or in other hands.

    Returns the tasks to dispatch: the next stage's, when this was the last of its
    stage, or this one again, when it failed and may be tried once more.
    """
    with ledger.claimed(task_id) as task:
        if task is None:
            return []
        try:
            same_definitions(task.release)
            outcome = stage(task.stage).call(task.release_id, task.shard)
            following = ledger.finish(task, outcome)
            if all(each.shard != task.shard for each in following):
                rows.let_go()
            return [each.pk for each in following]
        except Exception as error:
            rows.let_go()
            log.exception("%s %s failed", task.stage, task.shard)
            told = "".join(traceback.format_exception_only(error))
            return [task.pk] if ledger.fail(task, told) else []


def run_inline(release_id: int, progress: Progress | None = None) -> None:
    """Work a whole release in this process. RuntimeError says which unit failed."""
    waiting = [t.pk for t in ledger.unfinished() if t.release_id == release_id]
    while waiting:
        task_id = waiting.pop(0)
        waiting += run_unit(task_id=task_id)
        task = StageTask.objects.get(pk=task_id)
        if task.state == StageTask.State.FAILED and task_id not in waiting:
            raise RuntimeError(f"{task.stage} {task.shard}: {task.problem}")
        if progress is not None:
            progress(task)


def same_definitions(release: Release) -> None:
    """RuntimeError if definitions changed since the refresh began.

    A release made half of one definition and half of another could not be re-made.
    """
    now = definition_hashes()
    changed = {
        name
        for name in now.keys() | release.definitions.keys()
        if now.get(name) != release.definitions.get(name)
    }
    if changed:
        raise RuntimeError(
            f"definitions changed since release {release.pk} began:"
            f" {', '.join(sorted(changed)[:5])}; start a new refresh"
        )


def features_of(
    read: store.Shard,
    as_of: date,
    *,
    release: Release,
    only: Iterable[str] | None = None,
) -> tuple[pl.DataFrame, list[Attribute]]:
    """Derive features as at a date from a shard that was read up to it or beyond.

    The same step serves a release and, at past index dates, training. `only` names the
    columns wanted; with it, no more is derived than they stand on. With places as the
    refresh of `release` found them, read once for all its shards.
    """
    specs = FEATURES if only is None else standing_on(FEATURES, only)
    known = release.places
    places = _places(known, as_of) if known else geography(as_of)
    frame = derive(
        read.person,
        read.registration,
        read.residence,
        read.event,
        read.activity,
        places,
        specs=specs,
        codelists=in_force(),
        as_of=as_of,
        until=read.until,
    )
    return frame, attributes(specs, places)


@lru_cache(maxsize=8)
def _places(fingerprint: str, as_of: date) -> Geography:
    """Both hierarchies of a date, by the hash of all that they are made from."""
    return geography(as_of)


def derive_features(release_id: int, shard: int) -> StageOutcome:
    """Derive one shard's features as at the release's date into the part "features".

    Keeps as well which codes stand in the shard, to tell lists of what is not there;
    a delta leaves that count as it is.
    """
    release = Release.objects.get(pk=release_id)
    read = rows.read(release, shard)
    frame, described = features_of(read, release.as_of, release=release)
    parts.write(release_id, shard, FEATURES_PART, frame)
    if shard != touched.UNIT:
        seen = read.event.group_by("system", "code").agg(events=pl.len())
        store.replace_codes(shard, seen)
    return StageOutcome(read.rows, frame.height, tuple(described))


def build_bitmaps(release_id: int, group: str) -> StageOutcome:
    """Make the bitmaps and columns of one group of attributes over all shards."""
    release = Release.objects.get(pk=release_id)
    if group == ledger.PEOPLE_GROUP:
        return _index_people(release)
    part, chosen = ledger.group_of(release, group)
    found = ledger.shards_written(release, part)
    if found == [touched.UNIT]:
        frame = parts.read(release_id, touched.UNIT, part, list(chosen))
        everyone = parts.read(release_id, touched.UNIT, FEATURES_PART, [PEOPLE])
    else:
        frame = parts.read_all(release_id, part, list(chosen))
        everyone = parts.read_all(release_id, FEATURES_PART, [PEOPLE])
    # A part may leave people out (no score for them): the columns of all parts are
    # aligned with the same people.
    aligned = everyone.join(frame, on=PEOPLE, how="left", maintain_order="left")
    ids = people_of(aligned)
    made = {
        name: index(ids, aligned[name], attribute) for name, attribute in chosen.items()
    }
    return StageOutcome(aligned.height, store.replace_index(release_id, made))


def _index_people(release: Release) -> StageOutcome:
    """Keep who is in the release: the bitmap of everyone, the column of people."""
    ledger.shards_written(release, FEATURES_PART)
    if release.delta_of_id is None:
        ids = people_of(parts.read_all(release.pk, FEATURES_PART, [PEOPLE]))
    else:
        mine = people_of(parts.read(release.pk, touched.UNIT, FEATURES_PART, [PEOPLE]))
        ids = store.people_with(release, mine)
    store.replace_people(release.pk, EVERYONE, PEOPLE, ids)
    if release.delta_of_id is not None:
        held = dict.fromkeys(row["part"] for row in release.catalogue)
        whole = [p for p in held if parts.written(release.pk, p) != [touched.UNIT]]
        Release.objects.filter(pk=release.pk).update(whole_parts=whole)
    Release.objects.filter(pk=release.pk).update(people=len(ids))
    return StageOutcome(len(ids), 1)


def write_profiles(release_id: int, shard: int) -> StageOutcome:
    """Write one shard's rows of the profile table: every value as a number."""
    catalogue = Catalogue.from_rows(Release.objects.get(pk=release_id).catalogue)
    people = parts.read(release_id, shard, FEATURES_PART)
    joined = people
    for part in dict.fromkeys(a.part for a in catalogue.values()):
        if part != FEATURES_PART:
            names = [a.name for a in catalogue.of_part(part)]
            more = parts.read(release_id, shard, part, names)
            joined = joined.join(more, on=PEOPLE, how="left", maintain_order="left")
    columns = [numbers_of(joined[name], a) for name, a in catalogue.items()]
    filled = people.select(PEOPLE, "practice_code", "lsoa_code", values=lists(columns))
    store.replace_profiles(release_id, filled)
    return StageOutcome(people.height, filled.height)
