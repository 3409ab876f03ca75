"""The population overview: one place, in figures, each also as a download."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards.figures import csv_response, presented
from dashboards.selectors import overview as selectors
from dashboards.views.asking import asked_from, choices, no_release
from governance import access, audit
from linkage.release import selectors as release

# The map is heavy and comes after the page, or on a page of its own.
APART = ("map",)


@access.page("overview")
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show who lives in a place and what they need."""
    asked = asked_from(request)
    if asked is None:
        return no_release(request, "Population overview")
    context = choices(request, asked)
    title, lead = selectors.headline(asked)
    context |= {
        "title": title,
        "lead": lead,
        "tiles": selectors.tiles(asked, release.previous()),
        "figures": [
            presented(
                selectors.figure(asked, key), csv_href=_csv(key, context["query"])
            )
            for key in selectors.FIGURES
            if key not in APART and selectors.has(asked, key)
        ],
        "map_href": reverse("overview-map", query=context["query"]),
        "has_map": selectors.has(asked, "map"),
    }
    return render(request, "dashboards/overview.html", context)


@access.page("overview")
@require_safe
def overview_map(request: HttpRequest) -> HttpResponse:
    """Show the map: a page of its own, or a part of the overview that follows it."""
    asked = asked_from(request)
    if asked is None:
        return no_release(request, "Map")
    if not selectors.has(asked, "map"):
        raise Http404("there is no map of this question")
    context = choices(request, asked)
    spec = selectors.figure(asked, "map")
    context |= {
        "title": f"Where people live: {asked.place.name}",
        "figure": presented(spec, csv_href=_csv("map", context["query"])),
    }
    part = request.htmx
    template = "dashboards/_map.html" if part else "dashboards/map.html"
    return render(request, template, context)


@access.page("overview")
@require_safe
def overview_csv(request: HttpRequest, key: str) -> HttpResponse:
    """Send one of the page's figures as CSV, protected whoever asks."""
    asked = asked_from(request, leaves=True)
    if asked is None or key not in selectors.FIGURES or not selectors.has(asked, key):
        raise Http404("no such figure")
    audit.record("figure_downloaded", asked.viewer, subject=key, place=asked.place.code)
    return csv_response(selectors.figure(asked, key))


def _csv(key: str, query: dict[str, str]) -> str:
    return reverse("overview-csv", args=[key], query=query)
