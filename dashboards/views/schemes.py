"""Segment schemes: their rules in words, their sizes, and who moved."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards.figures import csv_response, presented
from dashboards.selectors import schemes as selectors
from dashboards.views.asking import asked_from, choices
from governance import access, audit
from segmentation.definitions import LENSES, SCHEMES, local_plus
from segmentation.specs import SchemeSpec


@access.page("schemes")
@require_safe
def scheme_list(request: HttpRequest) -> HttpResponse:
    """Every scheme and lens, and the local PLUS."""
    context = {
        "title": "Segment schemes",
        "schemes": list(SCHEMES.items()),
        "lenses": list(LENSES.values()),
        "plus": local_plus(),
    }
    return render(request, "definitions/schemes.html", context)


@access.page("schemes")
@require_safe
def scheme(request: HttpRequest, name: str) -> HttpResponse:
    """One scheme: precedence, elements, sizes, and movement within a year."""
    spec = _spec(name)
    asked = asked_from(request)
    context = choices(request, asked) if asked is not None else {}
    query = context.get("query", {})
    figures = selectors.figures(asked, spec) if asked is not None else []
    context |= {
        "title": spec.title,
        "name": name,
        "spec": spec,
        "may_see": selectors.may_see(request.viewer, spec),
        "figures": [
            presented(
                each, csv_href=reverse("scheme-csv", args=[name, key], query=query)
            )
            for key, each in figures
        ],
    }
    return render(request, "definitions/scheme.html", context)


@access.page("schemes")
@require_safe
def scheme_csv(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """Send one of a scheme's figures as CSV, protected whoever asks."""
    spec = _spec(name)
    asked = asked_from(request, leaves=True)
    found = None if asked is None else dict(selectors.figures(asked, spec)).get(key)
    if asked is None or found is None:
        raise Http404("no such figure")
    audit.record(
        "figure_downloaded",
        asked.viewer,
        subject=f"{name}/{key}",
        place=asked.place.code,
    )
    return csv_response(found)


def _spec(name: str) -> SchemeSpec:
    if name not in SCHEMES:
        raise Http404("There is no such scheme.")
    return SCHEMES[name]
