"""Start a delta refresh: the last full release with the touched persons made anew.

A delta stands on a full release, never on another delta, and is as at the same date:
what time alone changes (an age, a window of twelve months) is a full refresh's. It
holds everybody touched since that release, so that each one replaces the one before.
"""

from django.db import transaction
from pyroaring import BitMap

from governance import audit
from governance.geography import fingerprint
from linkage.models import (
    AttributeBitmap,
    FeedRun,
    Release,
    ReleasePointer,
    StageTask,
)
from linkage.release import ledger, touched
from linkage.release.stages import definition_hashes, stages
from linkage.release.version import code_version

# Of more people than this a full refresh is worth its time.
MOST_SHARE = 0.2
AT_LEAST = 1000


class NoDeltaError(RuntimeError):
    """Why there can be no delta now; only a full refresh brings what is new."""


def start_delta(*, by: str) -> Release | None:
    """Open a delta on the last full release; nothing is worked yet.

    None where nobody was touched that the live release does not hold, or where a full
    refresh is under way, which will hold them. A delta that is under way is returned
    as it is. NoDeltaError where the full release no longer fits.
    """
    with transaction.atomic():
        building = (
            Release.objects.select_for_update()
            .filter(state=Release.State.BUILDING)
            .order_by("-pk")
            .first()
        )
        if building is not None:
            return building if building.delta_of_id else None
        pointer = (
            ReleasePointer.objects.select_for_update(of=("self",))
            .select_related("release__delta_of")
            .first()
        )
        if pointer is None:
            return None
        base = pointer.release.delta_of or pointer.release
        new, people = touched.since(base)
        if not _are_news(base, new):
            return None
        _check(base, people)
        release = _open(base, new, people)
    audit.record(
        "delta_started",
        None,
        subject=f"release {release.pk}",
        persons=len(people),
        by=by,
    )
    return release


def _are_news(base: Release, new: list[int]) -> bool:
    """Whether marks are there that the newest delta does not hold or failed to.

    One that was given up for a full refresh is tried again, should that one fail.
    """
    newest = base.deltas.order_by("-pk").first()
    if not new or newest is None or newest.marks != new:
        return bool(new)
    failed = StageTask.State.FAILED
    given_up = not newest.tasks.filter(state=failed).exists()
    return newest.state == Release.State.FAILED and given_up


def _check(base: Release, people: BitMap) -> None:
    """NoDeltaError where what the full release stands on has changed, or too many."""
    for what, then, now in (
        ("definitions", base.definitions, definition_hashes()),
        ("reference data", base.places, fingerprint()),
        ("the program", base.code_version, code_version()),
    ):
        if then != now:
            raise NoDeltaError(
                f"{what} changed since release {base.pk}: a full refresh is needed"
            )
    most = max(AT_LEAST, int(base.people * MOST_SHARE))
    if len(people) > most:
        raise NoDeltaError(
            f"{len(people):,} people were touched since release {base.pk}, more than"
            f" {most:,}: a full refresh is needed"
        )


def _open(base: Release, new: list[int], people: BitMap) -> Release:
    batches = FeedRun.objects.filter(state=FeedRun.State.PUBLISHED).order_by("pk")
    runs = list(batches.values_list("pk", "detail__index_version"))
    release = Release.objects.create(
        state=Release.State.BUILDING,
        as_of=base.as_of,
        delta_of=base,
        marks=new,
        catalogue=base.catalogue,
        definitions=base.definitions,
        places=base.places,
        batches=[pk for pk, _ in runs],
        code_version=base.code_version,
        index_version=max((version or 0 for _, version in runs), default=0),
    )
    AttributeBitmap.objects.create(
        release=release,
        attribute=touched.ATTRIBUTE,
        value="yes",
        people=len(people),
        bitmap=people.serialize(),
    )
    ledger.open_stage(release, stages(delta=True)[0])
    return release
