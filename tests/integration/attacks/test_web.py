"""Attempts on the web itself: forms from elsewhere, script, headers, addresses."""

import html
import logging
import socket

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from dashboards.models import CardEvent, Decision
from governance import access
from tests import live_system as system
from tests.live_pages import EXPORT, LIST, NAMES, sealed, words
from tests.live_people import ANNA, OURS, PROGRAMME

pytestmark = pytest.mark.usefixtures("as_made")
TAG = "<script>alert(1)</script>"
SHAPES = (
    TAG,
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% include '403.html' %}${7*7}",
    "javascript:alert(1)",
    "</textarea><svg/onload=alert(1)>",
)


def card(live):
    return reverse("list-card", args=[PROGRAMME, sealed(live, ANNA)])


def note(live, text):
    """A note that a colleague wrote, as the card's page shows it."""
    client = live.client("pcn_mdt_member")
    client.post(card(live), {"kind": "noted", "version": "0", "note": text})
    return client.get(card(live)).content.decode()


@pytest.mark.parametrize("text", SHAPES)
def test_what_somebody_wrote_is_never_a_tag(live, text):
    """XSS in free text: it stands on the page, and only as text."""
    page = note(live, text)
    assert text in html.unescape(page)
    if html.escape(text) != text:
        assert text not in page


def test_a_template_in_a_text_is_only_a_text(live):
    page = note(live, "{{ 1234567 * 7654321 }} {{ config }} {% raw %}")
    assert "9449772114007" not in page
    assert "{{ 1234567 * 7654321 }}" in html.unescape(page)


@pytest.mark.parametrize("text", SHAPES)
def test_what_is_in_an_address_is_never_a_tag(live, text):
    """Reflected XSS: queries, names in paths, the form's own values."""
    client = live.client("system_analyst")
    for path in ("/features/", "/codelists/", "/cohorts/build/", "/overview/", "/x/"):
        answer = client.get(path, {"q": text, "place": text, "basis": text, "c1": text})
        if html.escape(text) != text:
            assert text not in answer.content.decode()


@pytest.mark.parametrize(
    "word", ["'; DROP TABLE person; --", "' OR '1'='1", '" OR ""="', "%' --", "\\"]
)
def test_a_quote_is_a_word_and_no_query(live, word):
    """SQL injection: words are looked for as they are, and nothing falls over."""
    client = live.client("system_analyst")
    client.raise_request_exception = False
    for path, field in (
        ("/features/", "q"),
        ("/codelists/", "q"),
        ("/cohorts/build/", "find"),
        ("/overview/", "place"),
    ):
        assert client.get(path, {field: word}).status_code < 500
    mdt = live.client("pcn_mdt_member")
    mdt.raise_request_exception = False
    assert mdt.post(EXPORT, {"practice": word, "reason": ""}).status_code < 500
    with system.connect("worker") as worker:
        found = worker.execute("SELECT count(*) FROM person").fetchone()
    assert found[0] >= len(OURS)


def test_a_form_from_another_site_changes_nothing(live):
    """CSRF: without the token of this session, or with another's, nothing happens."""
    mine, other = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    for client, user in ((mine, "pcn_mdt_member"), (other, "colleague")):
        client.force_login(live.users[user])
    foreign = other.get(card(live)).cookies
    form = {"kind": "noted", "version": "0", "note": "from elsewhere"}
    stolen = next((c.value for n, c in foreign.items() if "csrf" in n), "x" * 32)
    assert mine.post(card(live), form).status_code == 403
    answer = mine.post(card(live), form | {"csrfmiddlewaretoken": stolen})
    assert answer.status_code == 403
    for method in ("put", "patch", "delete"):
        assert getattr(mine, method)(card(live)).status_code in {403, 405}
    with access.scoped(live.viewer("pcn_mdt_member")):
        assert not CardEvent.objects.exists()


def test_a_method_in_a_header_or_field_is_not_believed(live, mdt):
    answer = mdt.get(
        reverse("decide", args=[PROGRAMME, sealed(live, ANNA)]),
        {"decision": "accept:suitable", "_method": "POST"},
        headers={"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST"},
    )
    assert answer.status_code == 405
    with access.scoped(live.viewer("pcn_mdt_member")):
        assert not Decision.objects.exists()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "testserver:80@evil.example", "[::1"],
)
def test_another_hosts_name_is_refused(live, host):
    with override_settings(ALLOWED_HOSTS=["testserver", "localhost"]):
        answer = Client(headers={"Host": host}).get(reverse("sign-in"))
    assert answer.status_code == 400
    assert host not in answer.content.decode()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "///evil.example",
        "\thttps://evil.example",
        "http://testserver@evil.example/",
        "data:text/html,x",
    ],
)
def test_no_redirect_leaves_the_house(live, elsewhere):
    """Open redirect at every door that takes where to go on."""
    client = live.client("pcn_mdt_member")
    for path in ("/sign-in/", "/role/"):
        for answer in (
            client.get(path, {"next": elsewhere}),
            client.post(path, {"next": elsewhere, "choice": "1:x"}),
        ):
            to = answer.headers.get("Location", "")
            assert "evil" not in to or to.startswith(("/sign-in/", "/role/"))
            assert not to.startswith(("javascript", "data", "//", "/\\"))


@pytest.mark.parametrize(
    "path",
    [
        "/features/../../manage.py",
        "/features/..%2f..%2fmanage.py/",
        "/feeds/%2e%2e%2fsettings/",
        "/codelists/....//x/",
        "/series/..%5c..%5cx/",
        "/lists/%00/",
        "/schemes/bridges_to_health.yaml/",
    ],
)
def test_a_name_that_climbs_opens_nothing(live, path):
    client = live.client("data_manager")
    client.raise_request_exception = False
    answer = client.get(path)
    assert answer.status_code in {400, 403, 404}
    assert b"DJANGO_SETTINGS" not in answer.content


def test_another_spelling_of_an_address_opens_nothing(live):
    client = live.client("place_lead")
    for path in (
        "/ACCESS/AUDIT/",
        "//access/audit/",
        "/access//audit/",
        "/access/audit/.",
        "/access/audit;x=1/",
        "/access/audit/%20",
    ):
        assert client.get(path).status_code in {301, 400, 403, 404}


@pytest.mark.parametrize("number", ["9" * 20, "9" * 400, "2147483648"])
def test_a_number_too_large_is_the_callers_mistake(live, number):
    for role, path in (
        ("pcn_mdt_member", f"/lists/{PROGRAMME}/undo/{number}/"),
        ("system_analyst", f"/cohorts/{number}/"),
        ("data_manager", f"/codelists/asthma/versions/{number}/"),
        ("linkage_reviewer", f"/linkage/review/{number}/"),
        ("ig_lead", f"/registers/{number}/"),
        ("data_manager", f"/feeds/runs/{number}/"),
    ):
        client = live.client(role)
        client.raise_request_exception = False
        for answer in (client.get(path), client.post(path)):
            assert answer.status_code in {302, 400, 403, 404, 405}, path


def test_no_line_can_be_added_to_a_header(live, mdt):
    """Header injection by what names a file or where to go on."""
    wanted = "Z81001\r\nX-Injected: yes"
    answer = mdt.post(EXPORT, {"practice": wanted, "reason": ""})
    assert "X-Injected" not in answer.headers
    for path in ("/sign-in/", "/role/"):
        answer = mdt.post(path, {"next": "/\r\nX-Injected: yes"})
        assert "X-Injected" not in answer.headers
        assert "\n" not in answer.headers.get("Location", "")


def test_no_line_can_be_added_to_a_log(live, mdt, caplog):
    with caplog.at_level(logging.DEBUG):
        mdt.get("/nothing/%0aERROR%20somebody%20signed%20in/")
        mdt.get("/overview/", {"place": "x\nERROR injected"})
    assert all("\nERROR" not in record.getMessage() for record in caplog.records)


def test_a_download_has_a_name_of_ours(live, mdt):
    answer = mdt.post(EXPORT, {"practice": "Z81001", "reason": ""})
    assert answer.status_code == 200
    kept = answer["Content-Disposition"]
    assert kept.startswith("attachment; filename=")
    assert "\n" not in kept
    assert "/" not in kept


def test_no_address_is_fetched_that_somebody_sent(live, mdt, monkeypatch):
    """SSRF: whatever is typed, no connection is made but to our own sockets."""
    called = []
    connect = socket.socket.connect

    def watched(self, address):
        if self.family != socket.AF_UNIX:
            called.append(address)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    target = "http://169.254.169.254/latest/meta-data/"
    for path in ("/sign-in/", "/role/", NAMES, EXPORT, "/cohorts/read/", "/overview/"):
        for field in ("next", "url", "reason", "practice", "place", "callback"):
            mdt.post(path, {field: target})
            mdt.get(path, {field: target})
    assert called == []


def test_one_users_answer_is_nobody_elses(live):
    """Cache: the same address after another user, also with their validators."""
    first = live.client("their_mdt").get(LIST)
    headers = {
        "If-None-Match": "*",
        "If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT",
    }
    second = live.client("pcn_mdt_member").get(LIST, headers=headers)
    assert second.status_code == 200
    assert "no-store" in first["Cache-Control"]
    assert "ETag" not in second.headers
    assert "Last-Modified" not in second.headers
    assert sealed(live, ANNA) in words(second)
    assert sealed(live, ANNA) not in words(first)


def test_a_made_up_session_is_nobody(live):
    for key in ("x" * 32, "../../etc/passwd", "' OR 1=1 --", "", "0"):
        client = Client()
        client.cookies["sessionid"] = key
        assert client.get(LIST).status_code == 302


def test_session_keys_are_long_and_never_alike():
    keys = {SessionStore()._get_new_session_key() for _ in range(100)}
    assert len(keys) == 100
    assert min(len(key) for key in keys) >= 32


def test_a_text_that_is_no_json_or_yaml_of_ours_is_refused(live):
    """Deserialisation: a definition with Python in it is words that make no sense."""
    client = live.client("system_analyst")
    client.raise_request_exception = False
    for text in (
        "!!python/object/apply:os.system ['true']",
        '{"__class__": "os.system"}',
        "[" * 5000,
        "&a [*a, *a]",
    ):
        answer = client.post("/cohorts/save/", {"definition": text, "title": "x"})
        assert answer.status_code < 500, text[:30]


def test_the_caches_of_the_connection_hold_no_viewer(live, mdt):
    """After an answer nobody looks any more: the scope went with the request."""
    assert mdt.get(LIST).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.viewer_id', true), '')")
        assert cursor.fetchone() == ("",)
