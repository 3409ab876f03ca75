"""A GP's day in a real browser: a second step, a name for a reason, and who sees it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from governance import factors
from governance.access import viewer_for
from governance.models import SecondFactor, SignInTries
from governance.second_factor import code_at, new_secret
from tests import live_system
from tests.functional.conftest import Visitor
from tests.functional.test_worklist_in_a_browser import (  # noqa: F401 (fixtures)
    address,
    live,
    serious,
)
from tests.live_people import ANNA, EVERYBODY
from tests.page_builders import PASSWORD

pytestmark = pytest.mark.browser
LIST = "/lists/proactive_care/"
NEW = "lantern marsh eleven"


@pytest.fixture
def gp(live: Any) -> Iterator[bytes]:  # noqa: F811
    """A clinician of our network with an authenticator app; its secret."""
    user = live_system.make_user("pcn_clinician", live_system.OUR_NETWORK, "gp")
    secret = new_secret()
    viewer = viewer_for(user)
    assert viewer is not None
    with factors.looking_after(user):
        factors.add(
            user,
            kind="app",
            name="Phone",
            secret=secret,
            now=live_system.timezone.now(),
            by=viewer,
        )
    yield secret
    with live_system.acting_as("worker"):
        SecondFactor.objects.filter(user=user).delete()
        SignInTries.objects.all().delete()
        user.delete()
    live.forget_decisions()


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Any]:  # noqa: F811
    """`visitor(address)` is somebody at a browser of their own."""
    contexts = []

    def come(at: str = address) -> Visitor:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        return Visitor(context, at)

    yield come
    for context in contexts:
        context.close()


def gives_password(somebody: Visitor, username: str) -> Any:
    page = somebody.goes_to("/sign-in/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state("load")
    return page


def test_a_gp_reveals_one_patient_and_the_lead_finds_it(gp, visitor, live):  # noqa: F811
    clinician = visitor()
    page = gives_password(clinician, "gp")
    expect(page.get_by_role("heading", name="Sign in: second step")).to_be_visible()
    assert serious(page) == []
    page.get_by_label("Code").fill(code_at(gp, int(time.time()) // 30))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_load_state("load")
    expect(page.get_by_text("Demonstration with invented people")).to_be_visible()
    page = clinician.goes_to(LIST)
    assert ANNA.surname not in page.content()
    page.locator(".app-card a[href*='/people/']").first.click()
    page.wait_for_load_state("load")
    page.get_by_label("Show names, because you need").select_option("check_record")
    page.get_by_role("button", name="Show names").click()
    page.wait_for_load_state("load")
    expect(page.get_by_text("Names are shown")).to_be_visible()
    named = page.content()
    assert any(each.surname.upper() in named for each in EVERYBODY)
    page.get_by_role("link", name="My access").click()
    page.wait_for_load_state("load")
    expect(page.get_by_role("heading", name="What you opened here")).to_be_visible()
    expect(page.get_by_role("cell", name="Asked for names").first).to_be_visible()
    expect(page.get_by_role("cell", name="check record").first).to_be_visible()
    own = page.content()
    assert not any(each.surname.upper() in own for each in EVERYBODY)
    assert serious(page) == []
    assert clinician.problems == []
    lead = visitor()
    lead.signs_in(live.users["ig_lead"].username)
    page = lead.goes_to("/access/audit/?who=gp&event=reveal_asked")
    expect(page.get_by_role("cell", name="Asked for names").first).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Check the last 31 days of the trail").click()
    page.wait_for_load_state("load")
    expect(
        page.get_by_role("heading", name="The trail stands as it was written")
    ).to_be_visible()
    page = lead.goes_to("/access/review/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("reveals to look at")
    assert serious(page) == []
    assert lead.problems == []


def test_a_passkey_is_made_and_asked_for(gp, visitor, address, settings):  # noqa: F811
    """A passkey is bound to a name, so the browser comes by one and not by a number."""
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    somebody = visitor(address.replace("127.0.0.1", "localhost"))
    devtools = somebody.page.context.new_cdp_session(somebody.page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )
    page = gives_password(somebody, "gp")
    page.get_by_label("Code").fill(code_at(gp, int(time.time()) // 30))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_load_state("load")
    page = somebody.goes_to("/security/passkey/")
    page.get_by_label("What to call it").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("rowheader", name="Laptop")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_load_state("load")
    page = gives_password(somebody, "gp")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    assert somebody.problems == []
    told = live_system.audit_rows("signed_in")[-1]
    assert told["detail"] == {"by": "passkey"}


def test_an_app_is_added_by_its_picture(gp, visitor, live):  # noqa: F811
    somebody = visitor()
    somebody.signs_in(live.users["place_lead"].username)
    page = somebody.goes_to("/security/")
    page.get_by_role("link", name="Add an authenticator app").click()
    page.wait_for_load_state("load")
    expect(page.get_by_role("img", name="Picture for the app")).to_be_visible()
    assert serious(page) == []
    assert somebody.problems == []


def test_a_password_is_changed_and_the_old_one_opens_nothing(gp, visitor, live):  # noqa: F811
    somebody = visitor()
    user = live_system.make_user("place_lead", "P1", "changer")
    try:
        somebody.signs_in(user.username)
        page = somebody.goes_to("/security/")
        page.get_by_role("link", name="Change your password").click()
        page.wait_for_load_state("load")
        assert serious(page) == []
        page.get_by_label("The password you have now").fill("not it")
        page.get_by_label("A new password").fill(NEW)
        page.get_by_label("The new password again").fill(NEW)
        page.get_by_role("button", name="Change it").click()
        page.wait_for_load_state("load")
        expect(
            page.get_by_role("link", name="That is not your password.")
        ).to_be_visible()
        assert serious(page) == []
        page.get_by_label("The password you have now").fill(PASSWORD)
        page.get_by_label("A new password").fill(NEW)
        page.get_by_label("The new password again").fill(NEW)
        page.get_by_role("button", name="Change it").click()
        page.wait_for_load_state("load")
        expect(page.get_by_text("Your password is changed.")).to_be_visible()
        user.refresh_from_db()
        assert user.check_password(NEW)
    finally:
        with live_system.acting_as("worker"):
            user.delete()
