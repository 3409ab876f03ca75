"""The page templates: what they render, escape and refuse, without a database."""

import json
import re
from datetime import UTC, date, datetime
from types import ModuleType, SimpleNamespace

import pytest
from django.template.loader import get_template
from django.test import RequestFactory
from django.urls import path

from config.jinja import json_block, url

VIEWER = SimpleNamespace(
    spec=SimpleNamespace(title="Place lead"),
    purpose_title="Planning",
    org_name="Northgate <Place>",
)
RELEASE = SimpleNamespace(
    number=4, as_of=date(2026, 3, 1), published_at=datetime(2026, 3, 2, 5, tzinfo=UTC)
)


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_error_pages_need_no_request_and_name_no_one(status):
    page = get_template(f"{status}.html").render()
    assert '<html lang="en">' in page
    assert page.count("<h1") == 1
    assert "Sign out" not in page
    assert "app-strip" not in page


def test_base_shows_role_purpose_place_and_release_escaped():
    frame = {"viewer": VIEWER, "release": RELEASE, "navigation": [], "account": []}
    request = RequestFactory().get("/")
    source = '{% extends "base.html" %}{% block challenge %}{% endblock %}'
    env = get_template("base.html").backend.env
    page = env.from_string(source).render(frame=frame, request=request, title="Test")
    for words in ["Place lead", "Planning", "Northgate &lt;Place&gt;", "1 March 2026"]:
        assert words in page
    assert "<Place>" not in page
    assert not re.findall(r"<script(?![^>]*src=)", page), "nothing inline"
    assert 'href="#maincontent"' in page, "skip link"


def test_no_template_carries_inline_script_style_or_handler():
    env = get_template("base.html").backend.env
    own = [name for name in env.list_templates() if not name.startswith("nhsuk/")]
    assert len(own) > 5
    for name in own:
        source, _, _ = env.loader.get_source(env, name)
        assert "style=" not in source, name
        assert "<style" not in source, name
        for part in source.split("<script")[1:]:
            tag = part.split(">")[0]
            assert "src=" in tag or 'type="application/json"' in tag, name
        assert " onclick=" not in source.lower(), name


def test_json_block_cannot_end_its_script_element():
    text = json_block({"title": "</script><!-- & more"})
    assert "<" not in text
    assert json.loads(text) == {"title": "</script><!-- & more"}


def test_json_block_refuses_what_json_does_not_know():
    with pytest.raises(ValueError):
        json_block({"value": float("nan")})


def test_url_leaves_out_empty_query_values(settings):
    addresses = ModuleType("addresses")
    addresses.urlpatterns = [path("there/", lambda request: None, name="somewhere")]
    settings.ROOT_URLCONF = addresses
    assert url("somewhere", query={"place": "P1", "basis": ""}) == "/there/?place=P1"
