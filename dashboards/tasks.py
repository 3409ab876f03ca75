"""Celery's way into worklists: one action called."""

from celery import shared_task
from django.utils import timezone

from dashboards import actions
from dashboards.actions import digests, rights


@shared_task
def tally_programmes() -> None:
    """Count what came of each programme, for the pages of programmes and places."""
    actions.tally_programmes()


@shared_task
def compile_record(request_id: int) -> None:
    """Gather a person's whole record for their request."""
    rights.compile_record(request_id=request_id)


@shared_task
def send_digests() -> None:
    """Send word of their lists to whoever chose it and has not had today's."""
    digests.send_digests(on=timezone.localdate())
