"""Celery's way into models: one action called."""

from celery import shared_task


@shared_task
def recalibrate(name: str, release_id: int, user_id: int) -> None:
    """Propose a new level of a model, for somebody who asked for it."""
    # The web, which sends this, shall not load what trains models.
    from risk.actions import levels

    levels.recalibrate_for(name=name, release_id=release_id, user_id=user_id)
