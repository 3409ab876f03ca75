"""Celery's way into worklists: one action called."""

from celery import shared_task

from dashboards import actions


@shared_task
def tally_programmes() -> None:
    """Count what came of each programme, for the pages of programmes and places."""
    actions.tally_programmes()
