"""The catalogue of features, and one generated page for each."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards.figures import csv_response, presented
from dashboards.selectors import features as selectors
from dashboards.selectors.asked import Asked
from dashboards.views.asking import asked_from, choices
from governance import access, audit
from linkage.feature_definitions import FEATURES
from linkage.feature_words import in_words


@access.page("features")
@require_safe
def feature_list(request: HttpRequest) -> HttpResponse:
    """List every feature by group; `q` keeps those whose words hold it."""
    asked = request.GET.get("q", "")[:80]
    groups = selectors.catalogue(asked)
    context = {
        "title": "Features",
        "asked_for": asked,
        "groups": groups,
        "found": sum(len(entries) for entries in groups.values()),
        "measures": selectors.measures(),
        "definitions": len(FEATURES),
    }
    return render(request, "definitions/features.html", context)


@access.page("features")
@require_safe
def feature(request: HttpRequest, name: str) -> HttpResponse:
    """One feature: what it says, the codes it reads, how it is spread and missing."""
    spec = _spec(name)
    asked = asked_from(request)
    context = choices(request, asked) if asked is not None else {}
    query = context.get("query", {})
    figures = selectors.figures(asked, name) if asked is not None else []
    if spec.sensitive and figures:
        _note(asked, name, "sensitive_feature_viewed")
    context |= {
        "title": spec.title,
        "name": name,
        "spec": spec,
        "rule": in_words(spec),
        "columns": spec.columns(name),
        "codelists": selectors.codelists_of(spec),
        "built_on": spec.built_on,
        "may_see": selectors.may_see(request.viewer, spec),
        "figures": [
            presented(
                each, csv_href=reverse("feature-csv", args=[name, key], query=query)
            )
            for key, each in figures
        ],
    }
    return render(request, "definitions/feature.html", context)


@access.page("features")
@require_safe
def feature_csv(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """Send one of a feature's figures as CSV, protected whoever asks."""
    _spec(name)
    asked = asked_from(request, leaves=True)
    found = None if asked is None else dict(selectors.figures(asked, name)).get(key)
    if asked is None or found is None:
        raise Http404("no such figure")
    _note(asked, f"{name}/{key}", "figure_downloaded")
    return csv_response(found)


def _spec(name: str) -> selectors.FeatureSpec:
    if name not in FEATURES:
        raise Http404("There is no such feature.")
    return FEATURES[name]


def _note(asked: Asked | None, subject: str, event: str) -> None:
    if asked is not None:
        audit.record(event, asked.viewer, subject=subject, place=asked.place.code)
