"""What stands around every page: who is looking, where they can go, which release."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse

from linkage.release import selectors as release

# (what the reader sees, the page of the access definition, the name of its address)
NAVIGATION = (
    ("Home", "home", "home"),
    ("Overview", "overview", "overview"),
    ("Cohorts", "cohorts", "cohorts"),
    ("Risk", "risk", "risk"),
    ("Board", "board", "board"),
    ("Indicators", "indicator", "indicators"),
    ("Lists", "worklist", "worklists"),
    ("Requests", "rights_review", "rights-own"),
    ("Research", "research", "research"),
    ("Definitions", "features", "features"),
    ("Feeds", "feeds", "feeds"),
    ("Review links", "linkage_review", "linkage-queue"),
    ("API", "api_guide", "api-guide"),
    ("Governance", "access", "access"),
    ("Registers", "registers", "registers"),
    ("Requests", "rights", "rights"),
    ("Outputs", "release_output", "research-outputs"),
    ("Special access", "approve_access", "special-access-waiting"),
    ("About", "about", "about"),
)


MOST = 7


@dataclass(frozen=True)
class Link:
    """One entry of the navigation."""

    title: str
    href: str
    is_current: bool = False


def around(request: HttpRequest) -> dict[str, Any]:
    """Return what the base template shows: a template context processor."""
    viewer = getattr(request, "viewer", None)
    frame: dict[str, Any] = {
        "viewer": viewer,
        "release": release.current() if viewer else None,
        "messages": messages.get_messages(request),
        "navigation": [],
        "demo": settings.DEMO,
        "second_factor": settings.SECOND_FACTOR,
    }
    if viewer:
        frame["navigation"] = navigation(viewer, request.path)
    return {"frame": frame}


def navigation(viewer: Any, path: str) -> list[Link]:
    """Return the pages that this viewer may open, at most seven."""
    links = []
    for title, page, name in NAVIGATION:
        if viewer.may_open(page):
            href = reverse(name)
            inside = path == href or (href != "/" and path.startswith(href))
            links.append(Link(title, href, inside))
    # The last is About, which the foot of every page also leads to.
    return links[:MOST]
