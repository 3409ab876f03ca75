"""Ingest as tasks of the vault zone's own queue: ids in, one action called."""

from datetime import date
from pathlib import Path

from celery import shared_task

from linkage import actions


@shared_task(queue="vault")
def load_feed_file(feed: str, path: str, received_on: str | None = None) -> None:
    """Load one delivered file. Repeating it changes nothing."""
    actions.load_feed_file(
        feed=feed,
        path=Path(path),
        by="queue",
        received_on=date.fromisoformat(received_on) if received_on else None,
    )


@shared_task(queue="vault")
def replay_run(run_id: int) -> None:
    """Take a run's rejected rows through the road once more."""
    actions.replay_run(run_id=run_id, by="queue")
