"""Published series: the list, and one page for each with its control charts."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards.definitions import RECONCILIATIONS
from dashboards.figures import csv_response, presented
from dashboards.selectors import series as selectors
from dashboards.selectors import series_figures
from dashboards.selectors.reconciliation import reconciled
from dashboards.steps.series_points import unit_of
from dashboards.views.asking import asked_from, choices, no_release
from governance import access, audit
from linkage.definitions import SERIES

MOST_OFFERED = 400  # places named in the page; any other can be typed as its code


@access.page("indicator")
@require_safe
def series_list(request: HttpRequest) -> HttpResponse:
    """List every published series with what has been loaded of it."""
    found = selectors.listing()
    loaded = sum(1 for each in found if each.rows)
    title = f"{loaded} of {len(found)} published series have been loaded"
    return render(request, "series/list.html", {"title": title, "series": found})


@access.page("indicator")
@require_safe
def series(request: HttpRequest, name: str) -> HttpResponse:
    """Show one series for one place, and England beside it."""
    question = _asked(request, name)
    spec = question.spec
    found = series_figures.figures(question, request.viewer)
    query = {
        "measure": question.measure,
        "breakdown": question.breakdown,
        "area": question.area,
    }
    names = selectors.areas(name)
    return render(
        request,
        "series/series.html",
        {
            "name": name,
            "spec": spec,
            "title": found[0].title if found else spec.title,
            "figures": [
                presented(each, csv_href=_csv(name, each.key, query)) for each in found
            ],
            "measures": [
                {
                    "value": key,
                    "text": unit_of(spec, key).title,
                    "selected": key == question.measure,
                }
                for key in (*spec.rates, *spec.measures)
            ],
            "breakdowns": [
                {"value": key, "text": key, "selected": key == question.breakdown}
                for key in selectors.breakdowns(name)[:MOST_OFFERED]
            ],
            "areas": dict(list(names.items())[:MOST_OFFERED]),
            "area": question.area,
            "followed": list(series_figures.followed(question)),
            "reconciled_by": [
                key for key, each in RECONCILIATIONS.items() if each.series == name
            ],
        },
    )


@access.page("indicator")
@require_safe
def series_csv(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """Send one of a series' figures as CSV."""
    question = _asked(request, name)
    found = series_figures.figures(question, request.viewer)
    chosen = next((each for each in found if each.key == key), None)
    if chosen is None:
        raise Http404("no such figure")
    audit.record("figure_downloaded", request.viewer, subject=f"{name}/{key}")
    return csv_response(chosen)


@access.page("indicator")
@require_safe
def reconciliation(request: HttpRequest, name: str) -> HttpResponse:
    """Show this platform's registers beside the published ones, by practice."""
    if name not in RECONCILIATIONS:
        raise Http404("There is no such reconciliation.")
    spec = RECONCILIATIONS[name]
    asked = asked_from(request)
    if asked is None:
        return no_release(request, spec.title)
    found = reconciled(asked, name, request.GET.get("register", ""))
    context = choices(request, asked) | {"name": name, "spec": spec, "found": found}
    if found is None:
        title = "None of these practices is in the published registers"
    else:
        apart = sum(1 for each in found.registers if each.words.endswith("published"))
        title = f"{apart} of {len(found.registers)} registers differ from QOF's"
    return render(request, "series/reconciliation.html", context | {"title": title})


def _asked(request: HttpRequest, name: str) -> selectors.Question:
    if name not in SERIES:
        raise Http404("There is no such series.")
    return selectors.asked(name, request.GET.dict(), request.viewer)


def _csv(name: str, key: str, query: dict[str, str]) -> str:
    return reverse("series-csv", args=[name, key], query=query)
