"""Feeds of which each file is a whole list that replaces the one before."""

from datetime import date
from pathlib import Path

from linkage.definitions import FEEDS
from linkage.file_names import period_of
from linkage.models import FeedRun

LISTS = ("national_opt_out", "national_opt_out_reply")


def feeds_of_lists() -> list[str]:
    """The feeds of which each file is a whole list that replaces the one before."""
    return [name for name, spec in FEEDS.items() if spec.keeps in LISTS]


def is_newest(run: FeedRun) -> bool:
    """Whether no list that was taken in speaks of a later day than this one."""
    newer = FeedRun.objects.filter(
        feed__in=feeds_of_lists(),
        state=FeedRun.State.PUBLISHED,
        detail__period_on__gt=run.detail["period_on"],
    )
    return not newer.exists()


def come_again(run: FeedRun, *, file_name: str, received_on: date) -> None:
    """Take a list that has come again as it was for the list of its new day.

    Another may have been in force meanwhile, so the same bytes are no repeat: the run
    is to be loaded once more, and notes of which days it was before. Where the list
    speaks of no later day than it did, nothing is new and the run stays as it is.
    """
    was_on = run.detail.get("period_on", "")
    period_on = period_of(Path(file_name), received_on).isoformat()
    if run.feed not in feeds_of_lists() or run.state != FeedRun.State.PUBLISHED:
        return
    if period_on <= was_on:
        return
    run.state, run.file_name = FeedRun.State.RECEIVED, file_name[:200]
    run.detail = run.detail | {
        "received_on": received_on.isoformat(),
        "was_on": [*run.detail.get("was_on", []), was_on],
    }
    run.save(update_fields=["state", "file_name", "detail"])
