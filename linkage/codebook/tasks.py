"""Celery's way into the codebook: ids in, one action called."""

from celery import shared_task

from linkage.codebook import actions, selectors


@shared_task
def measure_codelist(version_id: int) -> None:
    """Work out the effect of a proposed codelist. Repeating it changes nothing."""
    actions.measure(version_id=version_id)


@shared_task
def resume_codelists() -> None:
    """Queue again what has no effect to decide on.

    The queue was lost, there was no release yet, or the product's own lists changed.
    """
    for version in selectors.unmeasured():
        measure_codelist.delay(version.pk)
