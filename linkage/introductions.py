"""Which feeds say whom the rows of another mean, and when one last did."""

from django.db.models import Max

from linkage.definitions import FEEDS
from linkage.landing import needs
from linkage.models import FeedRun


def introducing(feed: str) -> list[str]:
    """The feeds that introduce the local ids or tokens that a feed's rows carry."""
    if FEEDS[feed].token:
        return [name for name, spec in FEEDS.items() if spec.keeps == "crosswalk"]
    return needs(feed, FEEDS)


def last_introduced(feed: str) -> str:
    """When a feed that introduces this one's people was last loaded; "" for never."""
    names = introducing(feed)
    if not names:
        return ""
    runs = FeedRun.objects.filter(feed__in=names, state=FeedRun.State.PUBLISHED)
    newest = runs.aggregate(at=Max("finished_at"))["at"]
    return newest.isoformat() if newest else ""
