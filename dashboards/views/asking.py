"""From a request's address to the question asked: place, basis and release."""

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboards.frame import Link
from dashboards.selectors.asked import Asked
from dashboards.selectors.places import KIND_TITLES, Geography, Place, PlaceRefused
from governance import audit
from linkage.release import selectors as release

BASES = {"registered": "Registered with", "resident": "Living in"}


def asked_from(request: HttpRequest, *, leaves: bool = False) -> Asked | None:
    """Return the question in this address, or None before the first release.

    PermissionDenied for a place that is not the viewer's, which is also audited.
    """
    viewer = request.viewer  # type: ignore[attr-defined]
    basis = request.GET.get("basis") or "registered"
    if basis not in BASES:
        raise SuspiciousOperation("basis is registered or resident")
    live = release.current()
    if live is None:
        return None
    geography = Geography(live, basis)  # type: ignore[arg-type]
    code = request.GET.get("place", "")
    try:
        place, _ = geography.chosen(viewer, code)
    except PlaceRefused as refused:
        audit.record(
            "place_refused", viewer, subject=request.path, outcome="refused", place=code
        )
        raise PermissionDenied("This place is outside your role's area.") from refused
    return Asked(viewer, live, geography, place, leaves)


def choices(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Return the place picker and the basis switch, as a page's template shows them."""
    basis = asked.geography.basis
    places = asked.geography.visible_to(asked.viewer)
    return {
        "asked": asked,
        "place_name": asked.place.name,
        "basis": basis,
        "query": {"place": asked.place.code, "basis": basis},
        "places": [
            {
                "value": place.code,
                "text": f"{KIND_TITLES[place.kind]}: {place.name}",
                "selected": place.code == asked.place.code,
            }
            for place in places
        ],
        "bases": [
            Link(words, _with_basis(request, asked.place, name), name == basis)
            for name, words in BASES.items()
        ],
    }


def _with_basis(request: HttpRequest, place: Place, basis: str) -> str:
    """Return this page on the other basis; the place stays where both know it."""
    return f"{request.path}?basis={basis}"


def no_release(request: HttpRequest, title: str) -> HttpResponse:
    """Answer a page before the first release: a designed state, not an error."""
    return render(request, "dashboards/no_release.html", {"title": title})
