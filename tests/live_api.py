"""Calling the API in tests: its addresses, a token, and what a refusal looks like."""

from django.test import Client
from django.urls import reverse

from dashboards.api import urls as api_urls
from dashboards.definitions import INDICATORS

PROBLEM = "application/problem+json"
API = {
    pattern.name: pattern.callback.api_scope
    for pattern in api_urls.urlpatterns
    if hasattr(pattern.callback, "api_scope")
}
AVAILABLE = "frailty"


def call(token: str | None, address: str, query: dict | None = None, method="get"):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return getattr(Client(headers=headers), method)(address, query)


def path_of(name: str) -> str:
    converters = next(
        p.pattern.converters for p in api_urls.urlpatterns if p.name == name
    )
    other = {"api-nowhere": "nowhere/", "api-indicator": AVAILABLE}
    arguments = {"name": other[name]} if converters else {}
    return reverse(name, kwargs=arguments)


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
