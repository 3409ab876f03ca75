"""A real browser on a live server: Debian's chromium, and nothing from elsewhere."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from config import assets
from config.environment import database
from linkage.release import selectors as release
from linkage.release.selectors import ReleaseView
from tests.page_builders import PASSWORD, make_organisations, make_release, make_user

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# What htmx says of a request that a newer one took the place of. Of one that failed it
# says another thing besides.
TAKEN_BACK = ("htmx:afterRequest", "htmx:sendAbort")
# Playwright's own loop makes Django think that it runs inside async code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium")
    assets.build(say=lambda words: None)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=ARGUMENTS
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def invented_release() -> ReleaseView:
    return make_release()


@pytest.fixture
def site(
    browser: Browser,
    invented_release: ReleaseView,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    transactional_db: None,
    live_server: Any,
) -> str:
    """The address of a server on the invented system; its store role is the web's."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(release, "current", lambda: invented_release)
    monkeypatch.setattr(release, "previous", lambda: None)
    monkeypatch.setattr(release, "earlier", list)
    make_organisations()
    # The test's own thread stays connected as the owner, who makes the users; the
    # server's threads connect anew, as the role that the web has in production.
    known = connections["default"].settings_dict
    web = database(os.environ["TEST_WEB_DATABASE_URL"])
    for key in ("USER", "PASSWORD"):
        monkeypatch.setitem(known, key, web[key])
    return live_server.url


class Visitor:
    """Someone at the browser. `problems` collects what the console and policy said."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.page: Page = context.new_page()
        self.site = site
        self.problems: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._watch)

    def _note(self, message: Any) -> None:
        is_problem = message.type in {"error", "warning"}
        if is_problem and not message.text.startswith(TAKEN_BACK):
            self.problems.append(message.text)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def goes_to(self, path: str) -> Page:
        self.page.goto(self.site + path, wait_until="load")
        return self.page

    def signs_in(self, username: str) -> Page:
        self.goes_to("/sign-in/")
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_load_state()
        # Who works for more than one purpose says which; the usual one is chosen.
        if "/role/" in self.page.url:
            self.page.get_by_role("button", name="Continue").click()
        self.page.wait_for_url(f"{self.site}/")
        return self.page


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Visitor]]:
    """`visit("place_lead", "P1", width=320)` is a signed-in visitor, no one else."""
    contexts: list[BrowserContext] = []

    def start(role: str, org_code: str, *, width: int = 1280, **more: Any) -> Visitor:
        user = make_user(role, org_code)
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, **more)
        contexts.append(context)
        visitor = Visitor(context, site)
        visitor.signs_in(user.username)
        return visitor

    yield start
    for context in contexts:
        context.close()
