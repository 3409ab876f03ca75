"""Programmes: what came of each, all networks' work, and the public register."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.definitions import LISTS
from dashboards.selectors import programme_yield
from dashboards.selectors import programmes as selectors
from dashboards.steps.stepped import DRAWS
from dashboards.views.worklist import spec_of
from governance import access


@require_safe
@access.page("programme")
def programme_list(request: HttpRequest) -> HttpResponse:
    """Every programme, and how far each network of this place is with it."""
    context = {
        "title": "How far is each network with its lists?",
        "programmes": LISTS,
        "workload": selectors.workload(request.viewer),
    }
    return render(request, "lists/programmes.html", context)


@require_safe
@access.page("programme")
def programme(request: HttpRequest, programme: str) -> HttpResponse:
    """One programme month by month and by group, and what its list yields."""
    spec = spec_of(programme)
    context = {
        "title": spec.title,
        "page": selectors.programme(request.viewer, programme),
        "draws": DRAWS,
        "found": programme_yield.yield_of(request.viewer, programme),
    }
    return render(request, "lists/programme.html", context)


@require_safe
@access.public
def register(request: HttpRequest) -> HttpResponse:
    """The public register: what each programme is for, in plain English."""
    context = {"title": "Programmes that use health records", "programmes": LISTS}
    return render(request, "lists/register.html", context)
