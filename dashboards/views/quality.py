"""Data quality: every feed, one feed by who submits it, one provider by feed."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.exports import csv_text
from dashboards.selectors import quality as selectors
from governance import geography
from governance.access import page
from linkage.definitions import FEEDS

COLUMNS = (
    "rows",
    "expected",
    "submitting",
    "coverage",
    "complete",
    "valid",
    "linked",
    "dqmi",
    "last_on",
    "overdue_days",
)


@require_safe
@page("feeds")
def quality(request: HttpRequest) -> HttpResponse:
    """Every feed's coverage, completeness, validity, timeliness and linkage."""
    found = selectors.feeds(timezone.localdate())
    late = [each for each in found if each.whole["overdue_days"]]
    title = f"{len(late)} of {len(found)} feeds are late" if found else "No feed yet"
    context = {
        "title": title,
        "feeds": found,
        "ethnicity": selectors.ethnicity(found),
        "agreement": selectors.agreement(request.viewer),
    }
    return render(request, "feeds/quality.html", context)


@require_safe
@page("feeds")
def quality_csv(request: HttpRequest) -> HttpResponse:
    """The same table as CSV."""
    found = selectors.feeds(timezone.localdate())
    rows = ([each.name, *(each.whole[key] for key in COLUMNS)] for each in found)
    response = HttpResponse(
        csv_text(("feed", *COLUMNS), rows), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = 'attachment; filename="data_quality.csv"'
    return response


@require_safe
@page("feeds")
def feed_quality(request: HttpRequest, name: str) -> HttpResponse:
    """One feed: who submitted and who did not, which fields, and how it changes."""
    if name not in FEEDS:
        raise Http404("There is no such feed.")
    found = selectors.fitness(name, timezone.localdate())
    whole = found.whole
    title = f"{whole['submitting']} of {whole['expected']} submitted {found.spec.title}"
    if not found.spec.submitted_by:
        title = found.spec.title
    return render(request, "feeds/feed_quality.html", {"title": title, "feed": found})


@require_safe
@page("feeds")
def provider_quality(request: HttpRequest, name: str) -> HttpResponse:
    """One practice or provider: the quality of what it submits, feed by feed."""
    found = selectors.of_provider(name, timezone.localdate())
    if not found:
        raise Http404("Nobody of this code has submitted anything.")
    called = geography.names().get(name, name)
    return render(
        request,
        "feeds/provider_quality.html",
        {"title": f"What {called} submits", "code": name, "feeds": found},
    )
