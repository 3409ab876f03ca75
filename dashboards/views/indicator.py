"""Indicators: the list of definitions, and one page for each."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards.charts import ChartSpec
from dashboards.definitions import INDICATORS, PUBLISHED
from dashboards.figures import csv_response, presented
from dashboards.selectors import indicators as selectors
from dashboards.selectors import published
from dashboards.selectors.asked import Asked
from dashboards.steps.series_points import unit_of
from dashboards.views.asking import asked_from, choices, no_release
from governance import access, audit
from linkage.definitions import SERIES


@access.page("indicator")
@require_safe
def indicator_list(request: HttpRequest) -> HttpResponse:
    """List every indicator with what it counts, its owner and its version."""
    context = {
        "title": "Indicators",
        "indicators": list(INDICATORS.items()),
        "published": list(PUBLISHED.items()),
    }
    return render(request, "dashboards/indicators.html", context)


@access.page("indicator")
@require_safe
def indicator(request: HttpRequest, name: str) -> HttpResponse:
    """Show one indicator: for whom, where, and how it is defined."""
    asked = _asked(request, name)
    if asked is None:
        return no_release(request, _title(name))
    context = choices(request, asked)
    if name in PUBLISHED:
        return _published(request, asked, name, context)
    spec = selectors.spec_of(name)
    published = selectors.overall(asked, name)
    mine, *others = published.cells
    context |= {
        "name": name,
        "spec": spec,
        "title": selectors.sentence(asked, name),
        "figures": [
            presented(each, csv_href=_csv(name, key, context["query"]))
            for key, each in _figures(asked, name)
        ],
    }
    return render(request, "dashboards/indicator.html", context)


@access.page("indicator")
@require_safe
def indicator_csv(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """Send one of an indicator's figures as CSV, protected whoever asks."""
    asked = _asked(request, name, leaves=True)
    found = None if asked is None else dict(_figures(asked, name)).get(key)
    if asked is None or found is None:
        raise Http404("no such figure")
    audit.record(
        "figure_downloaded",
        asked.viewer,
        subject=f"{name}/{key}",
        place=asked.place.code,
    )
    return csv_response(found)


def _asked(request: HttpRequest, name: str, *, leaves: bool = False) -> Asked | None:
    if name not in INDICATORS and name not in PUBLISHED:
        raise Http404("no such indicator")
    asked = asked_from(request, leaves=leaves)
    if name in PUBLISHED or asked is None:
        return asked
    if not selectors.is_available(asked, name):
        raise Http404("this release does not hold what the indicator reads")
    return asked


def _published(
    request: HttpRequest, asked: Asked, name: str, context: dict[str, Any]
) -> HttpResponse:
    """Show an indicator that others publish: over time, here and in England."""
    spec = PUBLISHED[name]
    found = _figures(asked, name)
    context |= {
        "name": name,
        "spec": spec,
        "measure": unit_of(SERIES[spec.series], spec.measure),
        "title": found[0][1].title if found else spec.title,
        "figures": [
            (
                presented(each, csv_href=_csv(name, key, context["query"])),
                published.icons_of(each, spec),
            )
            for key, each in found
        ],
    }
    return render(request, "dashboards/published_indicator.html", context)


def _figures(asked: Asked, name: str) -> list[tuple[str, ChartSpec]]:
    if name in PUBLISHED:
        return published.figures(asked, name)
    spec = selectors.spec_of(name)
    found = []
    if asked.geography.parts_of(asked.place):
        found.append(("places", selectors.by_place(asked, name, spec.by[0])))
    for lens in spec.lenses:
        if lens in asked.release.catalogue:
            found.append((lens, selectors.by_lens(asked, name, lens)))
    return found


def _title(name: str) -> str:
    return INDICATORS[name].title if name in INDICATORS else PUBLISHED[name].title


def _csv(name: str, key: str, query: dict[str, str]) -> str:
    return reverse("indicator-csv", args=[name, key], query=query)
