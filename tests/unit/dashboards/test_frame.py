"""The navigation: what a role may open, at most seven ways, the current one marked."""

from types import SimpleNamespace

import pytest

from dashboards.frame import navigation
from governance.access import ACCESS


def viewer(role):
    spec = ACCESS.roles[role]
    return SimpleNamespace(may_open=lambda page: page in spec.pages)


@pytest.mark.parametrize("role", ACCESS.granted)
def test_no_role_has_more_than_seven_ways(role):
    links = navigation(viewer(role), "/")
    assert 3 <= len(links) <= 7
    assert [link.title for link in links if link.is_current] == ["Home"]


def test_a_page_below_marks_its_way():
    links = navigation(viewer("place_lead"), "/indicators/smoking/")
    assert [link.title for link in links if link.is_current] == ["Indicators"]
    titles = [link.title for link in links]
    assert "Feeds" not in titles
