"""Celery's way into models: one action called."""

from celery import shared_task


@shared_task
def recalibrate(name: str, release_id: int, user_id: int) -> None:
    """Propose a new level of a model, for somebody who asked for it."""
    # The web, which sends this, shall not load what trains models.
    from risk.actions import levels

    levels.recalibrate_for(name=name, release_id=release_id, user_id=user_id)


@shared_task
def explain(release_id: int, person_no: int) -> None:
    """Work out what the figures of a person rest on, where that is not kept."""
    # As above.
    from risk.actions import explaining
    from risk.definitions import MODELS

    wanted = dict.fromkeys(MODELS, [person_no])
    explaining.explain(release_id, wanted, beneath=True)
