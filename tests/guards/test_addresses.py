"""Every address is in the access definition, and refuses whoever is not."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from governance.access import ACCESS

ARGUMENTS = {
    "programme": "proactive_care",
    "reference": "aaaa",
    "decision_id": 1,
    "cohort_id": 1,
    "pair_id": 1,
    "request_id": 1,
    "run_id": 1,
    "delivery_id": 1,
    "kind": "flow",
    "entry_id": 1,
    "key_id": 1,
    "event_id": 1,
    "name": "x",
    "key": "x",
    "version": 1,
    "proof": "x",
}


def addresses(patterns: Any = None) -> Iterator[URLPattern]:
    """Walk the whole URLconf, also the parts that are included."""
    for each in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns)
        else:
            yield each


ALL = {pattern.name: pattern for pattern in addresses()}
PAGES = frozenset().union(*(role.pages for role in ACCESS.roles.values()))
SCOPES = frozenset().union(*(role.api for role in ACCESS.roles.values()))
PUBLIC = set(ACCESS.roles["public"].pages)


def path_of(pattern: URLPattern) -> str:
    wanted = pattern.pattern.converters
    return reverse(pattern.name, kwargs={name: ARGUMENTS[name] for name in wanted})


def test_every_address_has_a_name():
    assert None not in ALL
    assert len(ALL) > 20


@pytest.mark.parametrize("name", ALL)
def test_every_address_is_declared(name):
    """A view without a page, a scope or the mark of being public fails the build."""
    view = ALL[name].callback
    if name in PUBLIC:
        assert view.is_public
    elif hasattr(view, "api_scope"):
        assert view.api_scope in SCOPES
    else:
        assert view.page_name in PAGES | {"any"}


@pytest.mark.django_db(databases=["default", "audit"])
@pytest.mark.parametrize("name", sorted(set(ALL) - PUBLIC))
def test_a_stranger_is_refused(name, client):
    response = client.get(path_of(ALL[name]))
    if hasattr(ALL[name].callback, "api_scope"):
        assert response.status_code == 401
        assert response["Content-Type"] == "application/problem+json"
    else:
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("name", sorted(PUBLIC & set(ALL)))
def test_what_is_public_says_nothing_of_anyone(name, client, db):
    response = client.get(path_of(ALL[name]))
    assert response.status_code in {200, 302, 405}
    assert b"person_no" not in response.content
