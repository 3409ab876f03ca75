"""Celery's way into worklists and rights: one action called."""

from celery import shared_task
from django.utils import timezone

from dashboards import actions
from dashboards.actions import digest_proof, digests, erasure, research, rights
from linkage.release.tasks import refresh_delta


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


@shared_task
def send_digest_proof(user_id: int) -> None:
    """Send a member the link that proves the address they chose."""
    digest_proof.send_proof(user_id=user_id)


@shared_task
def make_extract(project: str, username: str) -> None:
    """Make a research project's extract anew, as one of its researchers may."""
    research.make_extract(
        project=project, username=username, today=timezone.localdate()
    )


@shared_task
def forget_extracts() -> None:
    """Remove the extracts of research projects that have ended."""
    research.forget_extracts(on=timezone.localdate())


@shared_task(queue="vault")
def erase(request_id: int) -> None:
    """Carry out an erasure that two people agreed to. Repeating it changes nothing."""
    if erasure.carry_out(request_id=request_id):
        refresh_delta.delay()


@shared_task(queue="vault")
def finish_erasures() -> None:
    """Carry out what was agreed to and a crash or a lost message has left.

    A message each: one that fails holds up no other.
    """
    for request_id in erasure.waiting():
        erase.delay(request_id)
