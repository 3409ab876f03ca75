"""Celery's way into a refresh: ids in, one action called, what follows dispatched."""

import logging

from celery import shared_task
from django.utils import timezone

from linkage import reach
from linkage.release import actions, ledger
from linkage.release.selectors import has_unreleased_changes

log = logging.getLogger("catchment.release")


def dispatch(release_id: int) -> None:
    """Queue every task of a release that is not done."""
    for task in ledger.unfinished():
        if task.release_id == release_id:
            run_unit.delay(task.pk)


@shared_task
def run_unit(task_id: int) -> None:
    """Work one task of the ledger and dispatch what it says comes next.

    One alone is worked here and now: this process may still have what it reads.
    """
    following = [task_id]
    while len(following) == 1:
        following = actions.run_unit(task_id=following[0])
    for each in following:
        run_unit.delay(each)


@shared_task
def resume_stalled() -> None:
    """Queue again what nobody works on: the queue was lost, or a worker died."""
    ledger.give_up()
    for task in ledger.stalled():
        run_unit.delay(task.pk)


@shared_task
def refresh_nightly() -> None:
    """Start tonight's refresh if anything arrived since the last one."""
    if has_unreleased_changes():
        release = actions.start_refresh(as_of=timezone.localdate(), by="schedule")
        dispatch(release.pk)


@shared_task
def refresh_delta() -> None:
    """Bring whom files and settlements touched into the live release, if anybody.

    Dispatches nothing where a refresh is under way: beat asks again soon.
    """
    under_way = ledger.unfinished()
    try:
        release = None if under_way else actions.start_delta(by="schedule")
    except actions.NoDeltaError as reason:
        log.info("no delta: %s", reason)
        return
    if release is not None:
        actions.retire_releases()
        dispatch(release.pk)


@shared_task
def refresh_reach() -> None:
    """Gather whom each trust has seen, where a full release has come since."""
    reach.refresh_reach()


@shared_task
def retire_releases() -> None:
    """Let releases go that are no longer kept."""
    actions.retire_releases()
