"""Celery's way into models: one action called."""

from celery import shared_task

from governance import pseudonym

# The queue holds no person_no: what waits there can be read by whoever reads Valkey.
_SEALED_FOR = {"recipient": "queue", "purpose": "explain"}


@shared_task
def recalibrate(name: str, release_id: int, user_id: int) -> None:
    """Propose a new level of a model, for somebody who asked for it."""
    # The web, which sends this, shall not load what trains models.
    from risk.actions import levels

    levels.recalibrate_for(name=name, release_id=release_id, user_id=user_id)


def named(person_no: int) -> str:
    """Return the reference by which a message of `explain` names a person."""
    return pseudonym.seal(person_no, **_SEALED_FOR)


@shared_task
def explain(release_id: int, reference: str) -> None:
    """Work out what the figures of somebody who was `named` rest on."""
    # As above.
    from risk.actions import explaining
    from risk.definitions import MODELS

    person_no = pseudonym.unseal(reference, **_SEALED_FOR)
    wanted = dict.fromkeys(MODELS, [person_no])
    explaining.explain(release_id, wanted, beneath=True)
