"""Calling the API in tests: its addresses, a token, and what a refusal looks like."""

from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboards.api import urls as api_urls
from dashboards.definitions import INDICATORS
from governance import access
from governance.access import Viewer
from segmentation.cohorts import actions as cohorts
from segmentation.cohorts.specs import Who

PROBLEM = "application/problem+json"
# What takes deliveries is not for partners; test_api_batches has all of it.
DELIVERIES = {"api-batches", "api-batch"}
API = {
    pattern.name: pattern.callback.api_scope
    for pattern in api_urls.urlpatterns
    if hasattr(pattern.callback, "api_scope") and pattern.name not in DELIVERIES
}
AVAILABLE = "frailty"
# The number of the cohort that the system that stands shares with everyone.
SHARED = {"cohort_id": 0}


def call(token: str | None, address: str, query: dict | None = None, method="get"):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return getattr(Client(headers=headers), method)(address, query)


def path_of(name: str) -> str:
    converters = next(
        p.pattern.converters for p in api_urls.urlpatterns if p.name == name
    )
    other = {"api-nowhere": "nowhere/", "api-indicator": AVAILABLE}
    known = SHARED | {"name": other.get(name)}
    return reverse(name, kwargs={key: known[key] for key in converters})


def share_cohort(viewer: Viewer) -> None:
    """Save a cohort in the words of the lattice, and share it with everyone."""
    today = timezone.localdate()
    review_by = today + timedelta(days=90)
    frail = {"feature": "frailty_recorded", "any_of": ["moderate", "severe"]}
    with access.scoped(viewer):
        cohort = cohorts.save_cohort(
            title="Frail",
            who=Who.model_validate({"all_of": [frail]}),
            why="A visit may help",
            review_by=review_by,
            today=today,
            by=viewer,
        )
        cohorts.settle_cohort(
            cohort_id=cohort.pk,
            sharing="everyone",
            every="",
            review_by=review_by,
            today=today,
            by=viewer,
        )
    SHARED["cohort_id"] = cohort.pk


def refused(response, status: int) -> dict:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["advice"]
    return body


def figures() -> list[tuple[str, dict]]:
    """Every figure, by the widest and narrowest kinds of place on either basis."""
    names = [reverse("api-indicator", args=[name]) for name in INDICATORS]
    return [
        (address, {"by": kind, "basis": basis})
        for address in [*names, reverse("api-segments")]
        for kind in ("icb", "practice", "council")
        for basis in ("registered", "resident")
    ]
