"""How fresh a release reaches a use: the newest, or that of before this week or month.

Figures for planning and research change once a week, so that nobody can watch single
people come and go between two refreshes (access definition, `uses`).
"""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from governance import decisions
from governance.access import ACCESS, Viewer
from linkage.models import Release
from linkage.release.publish import kept_releases


def begins(latency: str, today: date) -> date | None:
    """Return the first day of the week or month in which a use sees no change."""
    if latency == "weekly":
        return today - timedelta(days=today.weekday())
    if latency == "monthly":
        return today.replace(day=1)
    return None


def reaching(viewer: Viewer, published: int) -> int:
    """Return the release that a viewer's purpose sees, given the published one.

    The newest of before the week (or month), while its data are still kept; the
    published one where there is none, as after the first refresh.
    """
    first = begins(decisions.latency(ACCESS, viewer.purpose), timezone.localdate())
    if first is None:
        return published
    begun = timezone.make_aware(datetime.combine(first, time.min))
    earlier = Release.objects.filter(pk__in=kept_releases(), published_at__lt=begun)
    found = earlier.order_by("-published_at").values_list("pk", flat=True).first()
    return published if found is None else found
