"""Governance pages: who may see what, who looked at what, and about the platform."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboards.definitions import INDICATORS, LISTS
from dashboards.selectors import oversight as selectors
from governance import audit
from governance.access import ACCESS, page


@require_GET
@page("access")
def roles(request: HttpRequest) -> HttpResponse:
    """The access definition as a page: what can each role see, and for what?"""
    return render(
        request,
        "governance/access.html",
        {"access": ACCESS, "grants": selectors.grants()},
    )


@require_GET
@page("audit")
def audit_trail(request: HttpRequest) -> HttpResponse:
    """Who looked at what, latest first. Looking is itself recorded."""
    event = request.GET.get("event", "")
    audit.record("audit_viewed", request.viewer, subject=event or "all")
    return render(
        request,
        "governance/audit.html",
        {
            "event": event,
            "kinds": selectors.by_event(),
            "events": selectors.recent_events(event),
        },
    )


@require_GET
@page("about")
def about(request: HttpRequest) -> HttpResponse:
    """What the platform does, in plain words, and how to challenge a figure."""
    return render(
        request,
        "governance/about.html",
        {"lists": LISTS.values(), "indicators": INDICATORS.values()},
    )


@require_GET
@page("api_guide")
def api_guide(request: HttpRequest) -> HttpResponse:
    """How a partner's developer begins: token, addresses, errors."""
    return render(
        request,
        "governance/api_guide.html",
        {"scopes": sorted(request.viewer.spec.api)},
    )
