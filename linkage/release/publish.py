"""Publish a release by one flip of the pointer, and let old ones go."""

import logging

from django.db import transaction
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
from linkage.release import store
from linkage.release.stages import StageOutcome

KEPT = 3
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


def retire_releases(kept: int = KEPT) -> list[int]:
    """Delete what lies before the last `kept` published releases; returns their ids.

    A failed release older than the current one goes too. The row of the release
    itself stays, with its definitions and batches: it is the record of what was
    shown, and lists of old releases name it.
    """
    states = Release.State
    shown = Release.objects.filter(state__in=[states.PUBLISHED, states.SUPERSEDED])
    keep = set(shown.order_by("-published_at").values_list("pk", flat=True)[:kept])
    newest = max(keep, default=0)
    gone = Release.objects.exclude(pk__in=keep).filter(pk__lt=newest)
    gone = gone.exclude(state=states.BUILDING)
    retired = []
    for release_id in (
        gone.filter(releasepart__isnull=False).distinct().values_list("pk", flat=True)
    ):
        store.delete_profiles(release_id)
        for model in (ReleasePart, AttributeBitmap, AttributeColumn, StageTask):
            model.objects.filter(release_id=release_id).delete()
        log.info("release %s retired", release_id)
        retired.append(release_id)
    return retired
