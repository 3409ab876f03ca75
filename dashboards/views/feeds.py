"""The data manager's page: did the data arrive, and is it fit?"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.exports import csv_text
from dashboards.selectors import feed_runs
from dashboards.selectors import feeds as selectors
from dashboards.wording import count
from governance.access import page
from linkage.definitions import FEEDS


@require_safe
@page("feeds")
def feeds(request: HttpRequest) -> HttpResponse:
    """Every feed: files, rows by fate, and how fresh it is."""
    status = selectors.feed_status()
    published = selectors.published(request.viewer, status)
    shown = {(c.at["feed"], c.at["fate"]): c.count for c in published.cells}
    held = sum(shown[row["feed"], "quarantined"] for row in status)
    arrived = sum(1 for row in status if row["files"])
    came, until = selectors.latest(status)
    return render(
        request,
        "feeds/feeds.html",
        {
            "title": f"{arrived} of {len(status)} feeds have arrived;"
            f" {count(held)} rows are held in quarantine",
            "status": status,
            "shown": shown,
            "came": came,
            "until": until,
            "held": feed_runs.held(),
        },
    )


@require_safe
@page("feeds")
def feeds_csv(request: HttpRequest) -> HttpResponse:
    """The same table as CSV."""
    status = selectors.feed_status()
    header = ("feed", "title", "files", "data_from", "data_to", *selectors.TOTALS)
    text = csv_text(header, ([row[key] for key in header] for row in status))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="feeds.csv"'
    return response


@require_safe
@page("feeds")
def feed(request: HttpRequest, name: str) -> HttpResponse:
    """One feed: its files, and why rows were held or left out."""
    if name not in FEEDS:
        raise Http404("There is no such feed.")
    rule = request.GET.get("rule", "")
    return render(
        request,
        "feeds/feed.html",
        {
            "name": name,
            "spec": FEEDS[name],
            "runs": selectors.runs(name),
            "fates": selectors.fates(name),
            "suppliers": feed_runs.suppliers(name),
            "rule": rule,
            "sample": selectors.sample(name, rule) if rule else [],
        },
    )
