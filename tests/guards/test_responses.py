"""What every answer carries, whatever was asked and by whom."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from tests.guards.test_addresses import ALL, ARGUMENTS, PUBLIC, path_of
from tests.guards.test_source import ROOT

NAMES = sorted(ALL)
# What a stranger may open, each with who needs it. Whoever opens another says so here.
OPEN = {
    "sign-in",
    "sign-out",
    "api-document",
    "algorithms",
    "programme-register",
    "public-register",
    "security-txt",
}


# A refusal is written down before it is answered.
pytestmark = pytest.mark.django_db(databases=["default", "audit"])


@pytest.fixture
def answers(db):
    """What a stranger is answered at every address, by its name."""
    client = Client(raise_request_exception=False)
    return {name: client.get(path_of(ALL[name])) for name in NAMES}


def test_every_answer_forbids_sniffing_framing_and_foreign_script(answers):
    for name, answer in answers.items():
        assert answer["X-Content-Type-Options"] == "nosniff", name
        assert answer["X-Frame-Options"] == "DENY", name
        assert answer["Referrer-Policy"] == "same-origin", name
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin", name
        policy = answer["Content-Security-Policy"]
        for directive in ("default-src 'self'", "frame-ancestors 'none'"):
            assert directive in policy, name
        for directive in ("object-src 'none'", "base-uri 'none'"):
            assert directive in policy, name
        assert "unsafe" not in policy, name


def test_every_answer_names_its_type(answers):
    for name, answer in answers.items():
        if answer.content:
            kind = answer["Content-Type"]
            assert "charset=utf-8" in kind or "json" in kind, name


def test_no_answer_may_be_kept(answers):
    for name, answer in answers.items():
        assert "no-store" in answer["Cache-Control"], name


def test_no_answer_lets_another_origin_read_it(db):
    client = Client(headers={"Origin": "https://elsewhere.example"})
    for name in NAMES:
        for answer in (
            client.get(path_of(ALL[name])),
            client.options(path_of(ALL[name])),
        ):
            assert not [h for h in answer.headers if h.startswith("Access-Control")]


def test_trace_is_not_answered(db):
    for name in NAMES:
        answer = Client().trace(path_of(ALL[name]), headers={"X-Sent": "an echo"})
        assert answer.status_code in {302, 401, 403, 405}, name
        assert b"an echo" not in answer.content, name


def test_what_is_open_to_all_is_named():
    """No other address can be opened without signing in; see ASVS 6.3.4 and 13.4.5."""
    opened = {name for name in ALL if getattr(ALL[name].callback, "is_public", False)}
    assert opened <= OPEN | WAYS_IN
    assert opened >= OPEN & set(ALL)
    assert opened == PUBLIC & set(ALL)


# The steps of signing in and of a partner's token: they are before the door.
WAYS_IN = {name for name in ALL if name.startswith(("sign-in-", "oauth-", "passkey-"))}


def test_no_address_holds_a_person_number_or_secret():
    """A person is named by a sealed reference; nothing in an address is a secret."""
    holds = {held for name in NAMES for held in ALL[name].pattern.converters}
    assert holds <= set(ARGUMENTS)
    for word in ("person_no", "nhs_number", "token", "password", "secret", "session"):
        assert word not in holds


@pytest.mark.parametrize(
    "path",
    [
        "/.git/config",
        "/static/../config/settings.py",
        "/static/%2e%2e/manage.py",
        "/static/",
        "/requirements.lock",
        "/.env",
        "/governance/roles.yaml",
    ],
)
def test_nothing_of_the_checkout_is_served(db, path):
    answer = Client().get(path)
    assert answer.status_code in {302, 403, 404}
    assert b"repositoryformatversion" not in answer.content
    assert b"SECRET_KEY" not in answer.content
    assert b"Directory listing" not in answer.content


def in_production(https: str) -> dict[str, object]:
    """The settings that a web process has, read in a process of its own."""
    given = {
        **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME"}},
        "CATCHMENT_PROCESS": "web",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CATCHMENT_HTTPS": https,
        "CATCHMENT_SECRET_KEY": "x" * 50,
        "DATABASE_URL": "postgresql://web:x@localhost/store",
        "AUDIT_DATABASE_URL": "postgresql://audit_writer:x@localhost/store",
    }
    words = (
        "import json; from django.conf import settings as s;"
        "print(json.dumps({n: v for n in dir(s) if n.isupper()"
        " for v in [getattr(s, n)] if isinstance(v, (bool, int, str, type(None)))}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", words],
        env=given,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)


@pytest.fixture(scope="module")
def secure():
    return in_production("yes")


def test_debugging_is_off(secure):
    assert secure["DEBUG"] is False
    assert in_production("no")["DEBUG"] is False
    assert not settings.DEBUG


def test_over_https_cookies_are_secure(secure):
    for cookie in ("SESSION", "CSRF"):
        assert secure[f"{cookie}_COOKIE_SECURE"] is True
        assert secure[f"{cookie}_COOKIE_HTTPONLY"] is True
        assert secure[f"{cookie}_COOKIE_SAMESITE"] in {"Lax", "Strict"}
        # A browser takes such a cookie over HTTPS from this very host alone.
        assert str(secure[f"{cookie}_COOKIE_NAME"]).startswith("__Host-")
        assert secure.get(f"{cookie}_COOKIE_DOMAIN") is None
    plain = in_production("no")
    assert not str(plain["SESSION_COOKIE_NAME"]).startswith("__")


def test_over_https_every_answer_asks_for_https(secure, db):
    named = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS")
    with override_settings(**{name: secure[name] for name in named}):
        client = Client()
        for name in NAMES:
            answer = client.get(path_of(ALL[name]), secure=True)
            asked = answer["Strict-Transport-Security"]
            years = re.match(r"max-age=(\d+); includeSubDomains", asked)
            assert years, name
            assert int(years[1]) >= 31_536_000, name


def test_a_callers_forwarded_header_is_not_believed(db):
    """No header of a caller's makes the host or the scheme other than it is."""
    answer = Client().get(
        "/overview/",
        headers={"X-Forwarded-Host": "evil.example", "X-Original-URL": "/registers/"},
    )
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('sign-in')}?next=/overview/"
    assert settings.USE_X_FORWARDED_HOST is False


def test_logs_go_to_one_place():
    """To the console, through the filter that masks identifiers, one line each."""
    given = settings.LOGGING
    assert set(given["handlers"]) == {"console"}
    assert given["handlers"]["console"]["class"] == "logging.StreamHandler"
    assert given["handlers"]["console"]["filters"] == ["no_identifiers"]
    assert given["root"]["handlers"] == ["console"]


def test_times_of_records_carry_their_zone(db):
    assert settings.USE_TZ is True
    from governance.models import AuditEvent

    assert AuditEvent._meta.get_field("at").get_internal_type() == "DateTimeField"
