"""The team's loop in a real browser: sign in, see why, show names, decide, undo."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from playwright.sync_api import Browser, Page

from tests import live_system
from tests.functional.conftest import Visitor
from tests.live_people import ANNA, OURS
from tests.live_system import Live

pytestmark = pytest.mark.browser

FAST_HASH = "django.contrib.auth.hashers.MD5PasswordHasher"
LIST = "/lists/proactive_care/"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""


@pytest.fixture(scope="module")
def live(django_db_setup: None, django_db_blocker: Any) -> Iterator[Live]:
    """Two networks with lists and names; Django's store connection is the web's."""
    with (
        django_db_blocker.unblock(),
        override_settings(PASSWORD_HASHERS=[FAST_HASH], ALLOWED_HOSTS=["127.0.0.1"]),
        ExitStack() as stack,
    ):
        yield live_system.raise_system(stack)


@pytest.fixture(scope="module")
def address(browser: Browser, live: Live) -> Iterator[str]:
    """The product's own WSGI application on a port of this machine.

    Made after the browser's fixture has built the assets: it looks for them once.
    """
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.daemon_threads = True
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def team(browser: Browser, address: str, live: Live) -> Iterator[Visitor]:
    """A member of our network's team, signed in; what they write is taken back."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    visitor = Visitor(context, address)
    visitor.signs_in(live.users["pcn_mdt_member"].username)
    yield visitor
    context.close()
    live.forget_decisions()


def serious(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    grave = {"serious", "critical"}
    return [(v["id"], v["help"]) for v in found if v["impact"] in grave]


def test_a_newcomer_records_a_first_decision_by_keyboard(team: Visitor):
    page = team.goes_to("/")
    page.get_by_role("link", name="Lists").first.press("Enter")
    listed = page.locator("main").get_by_role("link", name="Proactive care")
    listed.first.press("Enter")
    page.wait_for_url(f"**{LIST}")
    waiting = page.locator(".app-card").count()
    assert waiting
    page.get_by_role("button", name="Accept").first.press("Enter")
    page.wait_for_load_state()
    assert page.locator(".app-card").count() == waiting - 1
    decided = page.get_by_role("table").last
    assert "Accepted" in decided.inner_text()
    assert "due" in decided.inner_text()
    page.get_by_role("button", name="Undo").first.press("Enter")
    page.wait_for_load_state()
    assert page.locator(".app-card").count() == waiting
    assert team.problems == []
    assert team.elsewhere == []


def test_names_come_for_a_reason_and_go_again(team: Visitor):
    page = team.goes_to(LIST)
    assert ANNA.surname.upper() not in page.inner_text("main").upper()
    page.get_by_role("button", name="Show names").click()
    page.wait_for_load_state()
    assert ANNA.surname.upper() in page.inner_text("main").upper()
    page.get_by_role("button", name="Hide names").click()
    page.wait_for_load_state()
    assert ANNA.surname.upper() not in page.inner_text("main").upper()


def test_a_meeting_is_held_with_one_key_a_decision(team: Visitor):
    page = team.goes_to(f"{LIST}meeting/")
    page.get_by_role("button", name="Start").press("Enter")
    page.wait_for_load_state()
    people = page.locator("main ol > li").count()
    assert people == len(OURS)
    assert serious(page) == []
    for n, key in enumerate("a1a2a1", start=1):
        assert f"Person {n} of {people}" in page.inner_text("h1")
        with page.expect_navigation():
            page.keyboard.press(key)
    assert "The agenda is done" in page.inner_text("h1")
    agenda = page.locator("main ol").inner_text()
    assert agenda.count("Accepted") == 3
    assert agenda.count("Not suitable") == 3
    assert team.problems == []


def test_a_card_is_worked_on_and_accessible(team: Visitor):
    page = team.goes_to(LIST)
    page.get_by_role("link", name="Assign, invite, note").first.click()
    page.wait_for_url("**/card/")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Role", exact=True).select_option("GP")
    page.get_by_role("button", name="Give", exact=True).press("Enter")
    page.wait_for_load_state()
    assert "with GP" in page.inner_text("main")
    page.set_viewport_size({"width": 320, "height": 900})
    page.get_by_label("Stays with your team").fill("\u202e" + "x" * 300)
    page.get_by_role("button", name="Add the note").click()
    page.wait_for_load_state()
    assert "x" * 300 in page.locator("main ol").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert team.problems == []


def test_two_presses_are_one_decision(team: Visitor):
    page = team.goes_to(LIST)
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if r.method == "POST" else None)
    page.get_by_role("button", name="Accept").first.dblclick()
    page.wait_for_load_state()
    assert "Accepted: 1" in page.locator("#decided-caption").inner_text()
    assert len(sent) == 1
    assert "A colleague has changed this card" not in page.inner_text("main")


def test_a_key_that_is_held_down_decides_about_one_person(team: Visitor):
    page = team.goes_to(f"{LIST}meeting/")
    page.get_by_role("button", name="Start").press("Enter")
    page.wait_for_load_state()
    with page.expect_navigation():
        page.keyboard.down("a")
    for _ in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")
    page.wait_for_load_state("networkidle")
    assert "Person 2 of" in page.inner_text("h1")
    assert page.locator("main ol").inner_text().count("Accepted") == 1


def test_who_is_passed_over_keeps_their_place_on_the_agenda(team: Visitor):
    page = team.goes_to(f"{LIST}meeting/")
    page.get_by_role("button", name="Start").press("Enter")
    page.wait_for_load_state()
    with page.expect_navigation():
        page.keyboard.press("n")
    assert "Person 2 of" in page.inner_text("h1")


@pytest.mark.parametrize(
    "path",
    [
        "/lists/",
        LIST,
        f"{LIST}missing/",
        f"{LIST}export/",
        f"{LIST}room/",
        f"{LIST}print/",
        "/lists/team/",
        "/lists/mine/",
        "/lists/digest/",
        "/programmes/",
        "/programmes/proactive_care/",
        "/programmes/register/",
    ],
)
def test_list_pages_are_accessible_on_a_phone(team: Visitor, path: str):
    page = team.goes_to(path)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert team.problems == []


def test_what_was_decided_does_not_widen_a_phones_page(team: Visitor):
    """The table scrolls in its own box, with what its buttons say to screen readers."""
    page = team.goes_to(LIST)
    page.set_viewport_size({"width": 320, "height": 900})
    page.get_by_role("button", name="Accept").first.press("Enter")
    page.wait_for_load_state()
    assert "Accepted" in page.get_by_role("table").last.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_persons_page_is_accessible(team: Visitor):
    page = team.goes_to(LIST)
    page.locator(".app-card a", has_text="Timeline").first.click()
    page.wait_for_url("**/people/**")
    assert serious(page) == []
    assert "Use of services" in page.inner_text("main")
    assert team.problems == []
