"""Celery's way into cohorts: ids in, one action called, the rest dispatched."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from segmentation.cohorts import actions, released


def dispatch(search_id: int) -> None:
    """Queue every shard of a search."""
    for shard in range(settings.SHARDS):
        search_shard.delay(search_id, shard)


@shared_task
def search_shard(search_id: int, shard: int) -> None:
    """Search one shard's records for the codes of one question."""
    actions.search_shard(search_id=search_id, shard=shard)


@shared_task
def resume_searches() -> None:
    """Queue again what nobody has searched: losing the queue costs time only."""
    for search_id, shard in actions.unsearched():
        search_shard.delay(search_id, shard)


@shared_task
def measure_cohorts() -> None:
    """Count the scheduled cohorts in the current release."""
    _, waiting = actions.measure_cohorts(today=timezone.localdate())
    for search in waiting:
        dispatch(search.pk)


@shared_task
def forget_released_sets() -> None:
    """Delete the sets of protected questions that are too old to be compared with."""
    released.forget(kept_days=released.KEPT_DAYS)
