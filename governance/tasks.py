"""Celery's way into governance: what has to be done because a day has passed."""

from celery import shared_task
from django.utils import timezone

from governance import actions, anchors, audit
from governance.registers import actions as registers
from governance.trail import newest
from governance.witness import ANCHORED


@shared_task
def renew_scopes() -> None:
    """Let grants that begin today show their people, and those that ended none."""
    actions.renew_scopes(on=timezone.localdate())


@shared_task
def apply_training(entry_id: int) -> None:
    """Carry an approved training entry to the account it is about."""
    registers.apply_training(entry_id=entry_id)


@shared_task
def tally_access() -> None:
    """Count this month's accesses for the public register."""
    registers.tally_access(month=timezone.localdate())


@shared_task
def anchor_audit() -> None:
    """Keep the heads of the audit chains elsewhere, before anybody can cut them."""
    heads = newest()
    line = anchors.keep(heads, timezone.now())
    # The trail tells of the anchor, as the anchor of the trail: neither goes alone.
    audit.record(
        ANCHORED,
        None,
        subject="audit trail",
        line=anchors.digest_of(line),
        chains=len(heads),
    )


@shared_task
def forget_spent() -> None:
    """Forget sessions, tokens, statements and wrong tries that have ended."""
    actions.forget_spent(now=timezone.now())
