"""Risk of a place: its profile, and what a list of a given capacity would hold."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboards.figures import csv_response, presented
from dashboards.selectors import risk_profile as selectors
from dashboards.views.asking import asked_from, choices, no_release
from governance import access, audit
from risk.standing import not_in_order

USUAL_PER_WEEK = 12


@access.page("risk")
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """Show where risk is higher than expected, and the threshold explorer."""
    asked = asked_from(request)
    if asked is None:
        return no_release(request, "Where is risk higher than expected?")
    context = choices(request, asked) | {
        "title": f"Risk of an emergency admission in {asked.place.name}",
        "is_available": selectors.is_available(asked),
    }
    if context["is_available"]:
        per_week = capacity(request.GET.get("per_week", ""))
        context |= {
            "figures": [
                presented(
                    figure,
                    csv_href=reverse(
                        "risk-csv", args=[figure.key], query=context["query"]
                    ),
                )
                for figure in selectors.figures(asked)
            ],
            "halted": not_in_order(selectors.NAME),
            "movements": selectors.movements(asked),
            "expected": selectors.expected_and_observed(asked),
            "explored": selectors.explore(asked, per_week),
            "most": selectors.MOST_PER_WEEK,
            "may_see_model": request.viewer.may_open("model"),
        }
    return render(request, "models/risk.html", context)


@access.page("risk")
@require_safe
def profile_csv(request: HttpRequest, key: str) -> HttpResponse:
    """Send one of the profile's figures as CSV, protected whoever asks."""
    asked = asked_from(request, leaves=True)
    if asked is None or not selectors.is_available(asked):
        raise Http404("no such figure")
    found = {figure.key: figure for figure in selectors.figures(asked)}.get(key)
    if found is None:
        raise Http404("no such figure")
    audit.record("figure_downloaded", asked.viewer, subject=key, place=asked.place.code)
    return csv_response(found)


def capacity(given: str) -> int:
    """Return the reviews a week that were asked for, within reason."""
    if not given.isdecimal():
        return USUAL_PER_WEEK
    return max(1, min(int(given[:6]), selectors.MOST_PER_WEEK))
