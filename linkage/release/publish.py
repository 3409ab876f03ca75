"""Publish a release by one flip of the pointer, and let old ones go."""

import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from governance import audit
from linkage.models import (
    AttributeBitmap,
    AttributeColumn,
    Release,
    ReleasePart,
    ReleasePointer,
    StageTask,
)
from linkage.release import store, touched
from linkage.release.stages import StageOutcome

KEPT = 3
# Of one full release: the newest, and two that a long request may still be reading.
DELTAS_KEPT = 3
log = logging.getLogger("catchment.release")


def publish_release(release_id: int) -> StageOutcome:
    """Make a finished release the one that readers see. Safe to repeat.

    Readers before the commit see the old release whole, after it the new one whole.
    """
    with transaction.atomic():
        release = Release.objects.select_for_update().get(pk=release_id)
        if release.state != Release.State.PUBLISHED:
            if release.state != Release.State.BUILDING:
                raise ValueError(f"release {release_id} is {release.state}")
            _still_stands(release)
            Release.objects.filter(state=Release.State.PUBLISHED).update(
                state=Release.State.SUPERSEDED
            )
            release.state = Release.State.PUBLISHED
            release.published_at = timezone.now()
            release.save(update_fields=["state", "published_at"])
            ReleasePointer.objects.update_or_create(
                only=True, defaults={"release": release}
            )
    audit.record(
        "release_published",
        None,
        subject=f"release {release_id}",
        persons=release.people,
    )
    return StageOutcome(release.people, release.people)


def _still_stands(release: Release) -> None:
    """ValueError where another full release was published since a delta began."""
    if release.delta_of_id is None:
        return
    live = ReleasePointer.objects.select_for_update(of=("self",)).get().release
    if release.delta_of_id not in (live.pk, live.delta_of_id):
        raise ValueError(f"release {release.pk} stands on one that is not the last")


def kept_releases(kept: int = KEPT) -> set[int]:
    """The last full releases that were published, and the last deltas of each."""
    states = Release.State
    shown = Release.objects.filter(state__in=[states.PUBLISHED, states.SUPERSEDED])
    shown = shown.order_by("-published_at")
    full = list(shown.filter(delta_of=None).values_list("pk", flat=True)[:kept])
    keep = set(full)
    for base in full:
        deltas = shown.filter(delta_of=base).values_list("pk", flat=True)
        keep.update(deltas[:DELTAS_KEPT])
    return keep


def past_deltas(before: int) -> list[int]:
    """The deltas before a release whose rows nobody reads any more."""
    deltas = Release.objects.filter(delta_of__isnull=False, pk__lt=before)
    gone = deltas.exclude(pk__in=kept_releases())
    return list(gone.values_list("pk", flat=True))


def retire_releases(kept: int = KEPT) -> list[int]:
    """Delete what lies before the last `kept` published releases; returns their ids.

    Of each full release kept, its last deltas stay with it. A failed release older
    than the current one goes too. The row of the release
    itself stays, with its definitions and batches: it is the record of what was
    shown, and lists of old releases name it. Whom the last full release has seen no
    later delta needs to know.
    """
    keep = kept_releases(kept)
    newest = max(keep, default=0)
    gone = Release.objects.exclude(pk__in=keep).filter(pk__lt=newest)
    gone = gone.exclude(state=Release.State.BUILDING)
    last = Release.objects.filter(pk__in=keep, delta_of=None)
    for release in last.order_by("-published_at")[:1]:
        touched.forget(release.marks)
    retired = []
    holds = Q(releasepart__isnull=False) | Q(attributebitmap__isnull=False)
    for release_id in gone.filter(holds).distinct().values_list("pk", flat=True):
        with transaction.atomic():
            store.delete_profiles(release_id)
            for model in (ReleasePart, AttributeBitmap, AttributeColumn, StageTask):
                model.objects.filter(release_id=release_id).delete()
        log.info("release %s retired", release_id)
        retired.append(release_id)
    return retired
