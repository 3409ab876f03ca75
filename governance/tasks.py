"""Celery's way into governance: what has to be done because a day has passed."""

from celery import shared_task
from django.utils import timezone

from governance import actions


@shared_task
def renew_scopes() -> None:
    """Let grants that begin today show their people, and those that ended none."""
    actions.renew_scopes(on=timezone.localdate())
