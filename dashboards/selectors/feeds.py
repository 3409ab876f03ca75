"""What arrived, what was loaded, what was kept back and why. Operational, exact.

Counts of rows and files are not counts of persons by their characteristics: they are
an official series (governance.disclosure) and shown as they are.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Max, Min, Sum

from governance import disclosure
from governance.access import Viewer
from governance.disclosure import Measure, Published
from linkage.definitions import FEEDS
from linkage.models import FeedRun, RejectedRow

TOTALS = ("rows_in", "loaded", "quarantined", "excluded", "duplicate")
RUNS_SHOWN = 200


@dataclass(frozen=True)
class Fate:
    """How many rows met one rule, and whether they were held or left out."""

    feed: str
    fate: str
    rule: str
    field: str
    rows: int
    replayed: int


def feed_status() -> list[dict[str, Any]]:
    """Return one row per defined feed, with what its published files came to."""
    sums = {name: Sum(name) for name in TOTALS}
    found = {
        row["feed"]: row
        for row in FeedRun.objects.filter(state=FeedRun.State.PUBLISHED)
        .exclude(way=FeedRun.ROLL_BACK)
        .values("feed")
        .annotate(
            files=Count("pk"),
            last_file_on=Max("finished_at"),
            data_from=Min("first_on"),
            data_to=Max("last_on"),
            **sums,
        )
    }
    empty = dict.fromkeys((*TOTALS, "files"), 0)
    none = dict.fromkeys(("last_file_on", "data_from", "data_to"))
    return [
        {"feed": name, "title": spec.title} | empty | none | found.get(name, {})
        for name, spec in sorted(FEEDS.items(), key=lambda item: item[1].number)
    ]


def runs(feed: str) -> list[FeedRun]:
    """Return the latest files of one feed, newest first."""
    return list(FeedRun.objects.filter(feed=feed).order_by("-pk")[:RUNS_SHOWN])


def fates(feed: str) -> list[Fate]:
    """Return the rules that kept rows of a feed back, the most frequent first."""
    rows = (
        RejectedRow.objects.filter(run__feed=feed)
        .exclude(run__state=FeedRun.State.UNDONE)
        .values("fate", "rule", "field")
        .annotate(rows=Count("pk"), replayed=Count("replayed_in"))
        .order_by("-rows")
    )
    return [Fate(feed=feed, **row) for row in rows]


def sample(feed: str, rule: str, most: int = 20) -> list[RejectedRow]:
    """Return where the rows that met a rule stand; their content is in the vault."""
    found = RejectedRow.objects.filter(run__feed=feed, rule=rule).select_related("run")
    return list(found.order_by("run_id", "row_number")[:most])


def published(viewer: Viewer, status: list[dict[str, Any]]) -> Published:
    """Return the rows of every feed by fate, as an official series."""
    rows = [
        ({"feed": row["feed"], "fate": fate}, float(row[fate]))
        for row in status
        for fate in TOTALS
    ]
    return disclosure.official(
        rows, measure=Measure("Rows of feed files", unit="rows"), viewer=viewer
    )


def latest(status: list[dict[str, Any]]) -> tuple[datetime | None, date | None]:
    """Return when the last file came and the last day that any feed speaks of."""
    came = [row["last_file_on"] for row in status if row["last_file_on"]]
    days = [row["data_to"] for row in status if row["data_to"]]
    return max(came, default=None), max(days, default=None)
