"""A run for a file that has come, whichever way: one for the same bytes, and one for a
supplier's period and sequence."""

from datetime import date

from django.db import IntegrityError, transaction
from django.utils import timezone

from governance import audit
from linkage import whole_lists
from linkage.definitions import FEEDS
from linkage.file_names import submission_of
from linkage.models import FeedRun

State = FeedRun.State
TWINS = "one_run_per_submission"


def open_run(
    *,
    feed: str,
    sha256: str,
    file_name: str,
    supplier: str,
    way: str,
    by: str,
    received_on: date | None = None,
    **detail: object,
) -> tuple[FeedRun, bool]:
    """The run of a file, and whether it is new. Safe to repeat.

    received_on: the day it arrived (today unless given). A whole list that comes again
    is to be loaded again. A file of a period and sequence that the supplier has sent
    already, with other content, is refused, and its run says so.
    """
    arrived = received_on or timezone.localdate()
    said = submission_of(file_name, FEEDS[feed])
    about = {
        "file_name": file_name[:200],
        "supplier": supplier,
        "way": way,
        "by": by[:150],
        "detail": {"received_on": arrived.isoformat(), **detail},
    }
    about |= {"period": said.period, "sequence": said.sequence} if said else {}
    try:
        with transaction.atomic():
            run, is_new = FeedRun.objects.get_or_create(
                feed=feed, sha256=sha256, defaults=about | {"state": State.RECEIVED}
            )
    except IntegrityError as error:
        if TWINS not in str(error):
            raise
        refused = {"state": State.REFUSED, "problem": "It has a twin."}
        run, is_new = FeedRun.objects.get_or_create(
            feed=feed, sha256=sha256, defaults=about | refused
        )
    if is_new or run.state == State.FAILED:
        _refuse_twin(run)
    if not is_new:
        whole_lists.come_again(run, file_name=file_name, received_on=arrived)
    return run, is_new


def twin_of(run: FeedRun) -> FeedRun | None:
    """Another run that stands for the period and sequence of this one, if any."""
    if run.sequence is None:
        return None
    return (
        FeedRun.objects.filter(
            feed=run.feed,
            supplier=run.supplier,
            period=run.period,
            sequence=run.sequence,
            state__in=FeedRun.STANDING,
        )
        .exclude(pk=run.pk)
        .first()
    )


def why_not(twin: FeedRun) -> str:
    """Why a file is refused that says the same of itself as this run's file does."""
    whose = f" of {twin.supplier}" if twin.supplier else ""
    return (
        f"Number {twin.sequence} for period {twin.period}{whose} came before with other"
        f" content: {twin.file_name}, run {twin.pk}. Give a correction the next number,"
        " or roll that run back and release this one."
    )


def _refuse_twin(run: FeedRun) -> None:
    twin = twin_of(run)
    if twin is None:
        return
    run.state, run.problem = State.REFUSED, why_not(twin)
    run.save(update_fields=["state", "problem"])
    audit.record(
        "feed_refused",
        None,
        subject=run.feed,
        run=run.pk,
        reason=f"says the same of itself as run {twin.pk}",
        by=run.by,
    )
