"""Ingest as tasks of the vault zone's own queue: ids in, one action called."""

from datetime import date
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from linkage import (
    actions,
    feed_actions,
    imported_store,
    mailbox,
    person_actions,
    replays,
)
from linkage.release.tasks import refresh_delta


@shared_task(queue="vault")
def load_feed_file(feed: str, path: str, received_on: str | None = None) -> None:
    """Load one delivered file. Repeating it changes nothing."""
    actions.load_feed_file(
        feed=feed,
        path=Path(path),
        by="queue",
        received_on=date.fromisoformat(received_on) if received_on else None,
    )
    refresh_delta.delay()


@shared_task(queue="vault")
def replay_run(run_id: int) -> None:
    """Take a run's rejected rows through the road once more."""
    replays.replay_run(run_id=run_id, by="queue")
    refresh_delta.delay()


@shared_task(queue="vault")
def load_run(run_id: int) -> None:
    """Load a received delivery. Repeating it changes nothing."""
    if feed_actions.load_waiting(run_id=run_id):
        refresh_delta.delay()


@shared_task(queue="vault")
def take_in() -> None:
    """Receive what lies in the landing folder and the mailbox; load what waits."""
    feed_actions.sweep_landing(settings.LANDING)
    mailbox.collect()
    if feed_actions.take_in_waiting():
        refresh_delta.delay()


@shared_task(queue="vault")
def forget_deliveries() -> None:
    """Forget delivered files whose time is over."""
    feed_actions.forget_deliveries(timezone.now())


@shared_task(queue="vault")
def check_links() -> None:
    """Hide the numbers of a sample of records and link them anew, for the report."""
    person_actions.check_links(as_of=timezone.localdate())
    person_actions.count_facts_in_review()


@shared_task(queue="vault")
def forget_lists() -> None:
    """Forget imported lists whose time is over."""
    imported_store.forget(timezone.localdate())
