"""From a request's address to the question asked: place, basis and release."""

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboards.frame import Link
from dashboards.selectors.asked import Asked
from dashboards.selectors.cohorts import among
from dashboards.selectors.places import (
    KIND_TITLES,
    Geography,
    PlaceRefused,
    usual_basis,
)
from governance import audit
from governance.access import RefusedOnRecordError
from linkage.release import selectors as release

BASES = {"registered": "Registered with", "resident": "Living in"}


def asked_from(request: HttpRequest, *, leaves: bool = False) -> Asked | None:
    """Return the question in this address, or None before the first release.

    PermissionDenied for a place that is not the viewer's, which is also audited.
    """
    viewer = request.viewer
    basis = request.GET.get("basis") or usual_basis(viewer)
    if basis not in BASES:
        raise SuspiciousOperation("basis is registered or resident")
    live = release.current()
    if live is None:
        return None
    geography = Geography(live, basis)
    code = request.GET.get("place", "")
    try:
        place, _ = geography.chosen(viewer, code)
    except PlaceRefused as refused:
        # What was typed may be anything, also someone's number: only codes are kept.
        known = code if code in geography.names else "not a place"
        audit.record(
            "place_refused",
            viewer,
            subject=request.path,
            outcome="refused",
            place=known,
        )
        why = "This place is outside your role's area."
        if not code:
            why = "None of your places has people in this release of the data."
        raise RefusedOnRecordError(why) from refused
    asked = Asked(viewer, live, geography, place, leaves)
    return among.narrowed(asked, request.GET.get("cohort", ""))


def choices(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Return the place picker and the basis switch, as a page's template shows them."""
    basis = asked.geography.basis
    places = asked.geography.visible_to(asked.viewer)
    cohort = request.GET.get("cohort", "") if asked.among else ""
    query = {"place": asked.place.code, "basis": basis}
    if cohort:
        query["cohort"] = cohort
    also = f"&cohort={cohort}" if cohort else ""
    return {
        "asked": asked,
        "place_name": asked.place.name,
        "basis": basis,
        "query": query,
        "places": [
            {
                "value": place.code,
                "text": f"{KIND_TITLES[place.kind]}: {place.name}",
                "selected": place.code == asked.place.code,
            }
            for place in places
        ],
        "bases": [
            Link(words, f"{request.path}?basis={name}{also}", name == basis)
            for name, words in BASES.items()
            if _on(asked, name).visible_to(asked.viewer)
        ],
    }


def _on(asked: Asked, basis: str) -> Geography:
    """The places of one basis, of everybody; the page's own where it is that one."""
    own = asked.geography
    is_own = own.basis == basis and own.within is None
    return own if is_own else Geography(asked.release, basis)


def no_release(request: HttpRequest, title: str) -> HttpResponse:
    """Answer a page before the first release: a designed state, not an error."""
    return render(request, "dashboards/no_release.html", {"title": title})
