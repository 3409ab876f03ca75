"""The ledger of a refresh: which unit of which stage is done, and what comes next.

A task is claimed under a session lock of its own, which Postgres frees when the
worker dies: a RUNNING row without its lock is a dead worker's and may be taken at
once, and a unit is never worked twice at a time. The last unit of a stage, counted
under the release's row lock, adds the next stage's units; between two stages per shard
each shard adds its own, so that what was read of it serves both. A task is added when
it can be worked, and not before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.module_loading import import_string

from linkage.models import Release, StageTask
from linkage.release import parts, touched
from linkage.release.catalogue import Catalogue
from linkage.release.stages import Stage, StageOutcome, after, alike, stage

TASK_LOCK = 7_201_955  # first half of the advisory lock; the second is the task's id
MAX_ATTEMPTS = 3
QUIET_SECONDS = 120
GROUP_SIZE = 32
PEOPLE_GROUP = "people"

State = StageTask.State


def units(release: Release, stage: Stage) -> list[str]:
    """What the stage's tasks are called: shards, groups, definitions, or the whole."""
    delta = release.delta_of_id is not None
    if stage.per == "shard":
        return [str(s) for s in ([touched.UNIT] if delta else range(settings.SHARDS))]
    if stage.per == "release":
        return ["all"]
    if stage.per == "name":
        return list(import_string(stage.names))
    catalogue = Catalogue.from_rows(release.catalogue)
    found = [PEOPLE_GROUP]
    for part in dict.fromkeys(a.part for a in catalogue.values()):
        groups = 1 if delta else -(-len(catalogue.of_part(part)) // GROUP_SIZE)
        found += [f"{part}:{group}" for group in range(groups)]
    return found


def group_of(release: Release, unit: str) -> tuple[str, Catalogue]:
    """The part and the attributes that a unit like "features:2" stands for.

    A delta's only group of a part is all of it.
    """
    part, _, number = unit.partition(":")
    mine = Catalogue.from_rows(release.catalogue).of_part(part)
    if release.delta_of_id is not None:
        return part, Catalogue(mine)
    first = int(number) * GROUP_SIZE
    return part, Catalogue(mine[first : first + GROUP_SIZE])


def open_stage(
    release: Release, stage: Stage, only: str | None = None
) -> list[StageTask]:
    """Add the stage's tasks, or that of one unit; those that are there already stay."""
    mine = units(release, stage) if only is None else [only]
    StageTask.objects.bulk_create(
        [StageTask(release=release, stage=stage.name, shard=unit) for unit in mine],
        ignore_conflicts=True,
    )
    added = StageTask.objects.filter(release=release, stage=stage.name, shard__in=mine)
    return list(added.order_by("pk"))


@contextmanager
def claimed(task_id: int) -> Iterator[StageTask | None]:
    """Hold a task while working on it; None when it is done, taken or given up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [TASK_LOCK, task_id])
        if not cursor.fetchone()[0]:
            yield None
            return
    try:
        taken = (
            StageTask.objects.filter(
                pk=task_id,
                attempts__lt=MAX_ATTEMPTS,
                release__state=Release.State.BUILDING,
            )
            .exclude(state=State.DONE)
            .update(
                state=State.RUNNING,
                attempts=F("attempts") + 1,
                started_at=timezone.now(),
                finished_at=None,
                problem="",
            )
        )
        yield (
            StageTask.objects.select_related("release").get(pk=task_id)
            if taken
            else None
        )
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [TASK_LOCK, task_id])


def finish(task: StageTask, outcome: StageOutcome) -> list[StageTask]:
    """Mark a task done, in one transaction with what follows from it.

    Returns the next stage's tasks when this was the last of its stage, else none; of a
    shard that goes on by itself its next one.
    """
    with transaction.atomic():
        # The lock on the release's row makes the count exact: of two last units
        # that finish together, the second sees the first.
        release = Release.objects.select_for_update().get(pk=task.release_id)
        _describe(release, outcome)
        StageTask.objects.filter(pk=task.pk).update(
            state=State.DONE,
            rows_in=outcome.rows_in,
            rows_out=outcome.rows_out,
            finished_at=timezone.now(),
        )
        delta = release.delta_of_id is not None
        following = after(task.stage, delta=delta)
        if following is None:
            return []
        if following in alike(task.stage, delta=delta):
            return open_stage(release, following, only=task.shard)
        done = StageTask.objects.filter(
            release=release, stage=task.stage, state=State.DONE
        )
        if done.count() < len(units(release, stage(task.stage))):
            return []
        return open_stage(release, following)


def _describe(release: Release, outcome: StageOutcome) -> None:
    """Add a stage's attributes to the release's catalogue."""
    catalogue = Catalogue.from_rows(release.catalogue)
    known = len(catalogue)
    catalogue.add(outcome.attributes)
    if len(catalogue) > known:
        release.catalogue = catalogue.as_rows()
        release.save(update_fields=["catalogue"])


def fail(task: StageTask, problem: str) -> bool:
    """Note why a task failed; returns whether it may be tried again."""
    again = task.attempts < MAX_ATTEMPTS
    with transaction.atomic():
        StageTask.objects.filter(pk=task.pk).update(
            state=State.FAILED, problem=problem[:4000], finished_at=timezone.now()
        )
        if not again:
            Release.objects.filter(
                pk=task.release_id, state=Release.State.BUILDING
            ).update(state=Release.State.FAILED)
    return again


def give_up() -> list[int]:
    """Fail the releases with a task that may not be tried again, and is in no hands.

    Where a server died thrice under one task, or the disk was full when its failure
    was to be noted, nobody else would ever say that the release has ended; and beside
    one that is being built no other is begun.
    """
    spent = [task for task in unfinished() if task.attempts >= MAX_ATTEMPTS]
    for task in (lost := [task for task in spent if _is_free(task)]):
        fail(task, task.problem or "Its worker or the server died at each attempt.")
    return [task.release_id for task in lost]


def unfinished() -> list[StageTask]:
    """Every task of a release in building that is not done, oldest first."""
    return list(
        StageTask.objects.filter(release__state=Release.State.BUILDING)
        .exclude(state=State.DONE)
        .order_by("release_id", "pk")
    )


def stalled(quiet_seconds: int = QUIET_SECONDS) -> list[StageTask]:
    """The tasks to queue again: of dead workers at once, waiting ones after a while.

    Waiting tasks are left alone while their release moves or somebody works on it:
    they are in the queue, and twice in it would only be noise.
    """
    found: list[StageTask] = []
    by_release: dict[int, list[StageTask]] = {}
    for task in unfinished():
        by_release.setdefault(task.release_id, []).append(task)
    for release_id, tasks in by_release.items():
        running = [task for task in tasks if task.state == State.RUNNING]
        dead = [task for task in running if _is_free(task)]
        found += dead
        moved = StageTask.objects.filter(release_id=release_id).aggregate(
            at=Greatest(Max("started_at"), Max("finished_at"))
        )["at"]
        since = timezone.now() - timedelta(seconds=quiet_seconds)
        if len(dead) == len(running) and (moved is None or moved < since):
            found += [task for task in tasks if task.state != State.RUNNING]
    return [task for task in found if task.attempts < MAX_ATTEMPTS]


def _is_free(task: StageTask) -> bool:
    """Whether nobody holds a task, which for a running one means a dead worker."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [TASK_LOCK, task.pk])
        free = bool(cursor.fetchone()[0])
        if free:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [TASK_LOCK, task.pk])
    return free


def shards_written(release: Release, part: str) -> list[int]:
    """The shards that have a part; LookupError if one is missing.

    A stage over all shards must not publish a picture of some of them.
    """
    found = parts.written(release.pk, part)
    if release.delta_of_id is not None and touched.UNIT in found:
        return found
    if found != list(range(settings.SHARDS)):
        raise LookupError(
            f"release {release.pk}: part {part!r} of shards {found} only,"
            f" not of all {settings.SHARDS}"
        )
    return found
