"""Home by role, what the platform is, and who did what."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.selectors import home as selectors
from governance import access


@access.page("home")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what needs this viewer today."""
    viewer = request.viewer
    needs = selectors.needs(viewer)
    context = {"title": "What needs you today", "needs": needs}
    return render(request, "dashboards/home.html", context)


@access.page("about")
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Say what the platform is, how figures are protected, how to challenge one."""
    context = {
        "title": "About this platform",
        "figure": request.GET.get("figure", "")[:200],
        "roles": access.ACCESS.granted,
    }
    return render(request, "dashboards/about.html", context)
