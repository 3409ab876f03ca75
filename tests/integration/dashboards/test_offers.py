"""No page offers a link or a button that would refuse who reads it."""

import re

import pytest
from django.urls import Resolver404, resolve

from governance.access import Viewer
from tests import live_system as system
from tests.live_pages import words

pytestmark = pytest.mark.usefixtures("as_made")
LEADS = re.compile(r'<(a|form)\b[^>]*? (?:href|action)="(/[^"#?]*)')


def offered(page: str) -> set[tuple[str, str, str]]:
    """What a page leads to: link or form, the address and its name."""
    found = set()
    for kind, address in LEADS.findall(page):
        try:
            found.add((kind, address, resolve(address).view_name))
        except Resolver404:
            assert address.startswith("/static/")
    return found


def may(viewer: Viewer, address: str) -> bool:
    page = getattr(resolve(address).func, "page_name", None)
    return page is None or bool(viewer.may_open(page))


@pytest.mark.parametrize("role", system.ROLE_PLACES)
def test_what_a_role_is_offered_it_may_open(live, role):
    """From the home page on, one page of each name."""
    client, viewer = live.client(role), live.viewer(role)
    waiting, known, refused = ["/"], {"home"}, set()
    while waiting:
        here = waiting.pop()
        answer = client.get(here)
        if answer.status_code != 200 or "text/html" not in answer["Content-Type"]:
            continue
        for kind, address, name in sorted(offered(words(answer))):
            if not may(viewer, address):
                refused.add((here, name))
            elif kind == "a" and name not in known:
                known.add(name)
                waiting.append(address)
    assert refused == set()
    assert len(known) > 3
