"""Celery's way into the codebook: ids in, one action called."""

from celery import shared_task

from linkage.codebook import actions


@shared_task
def measure_codelist(version_id: int) -> None:
    """Work out the effect of a proposed codelist. Repeating it changes nothing."""
    actions.measure(version_id=version_id)
