"""Celery's way to who has opted out; twice a minute, so that a page is never late."""

from celery import shared_task
from django.utils import timezone

from linkage.opt_outs import actions


@shared_task
def refresh_opt_outs() -> None:
    """Gather who has opted out anew, if anything came since the last time."""
    actions.refresh_if_new(now=timezone.now())
