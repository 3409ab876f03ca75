"""Each role's pages in a real browser: axe, policy, keyboard, phone, no script."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from governance.models import Org
from tests.integration.dashboards.test_published_indicators import STEADY, keep, waits

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "audit"]),
]

PAGES = {
    ("icb_board_member", "QZZ"): ["/", "/overview/", "/board/", "/indicators/"],
    ("place_lead", "P1"): ["/", "/overview/?basis=resident", "/indicators/smoking/"],
    ("pcn_mdt_member", "U1"): ["/", "/overview/", "/lists/"],
    ("system_analyst", "QZZ"): [
        "/overview/map/",
        "/board/?place=P1",
        "/features/",
        "/features/imd_fifth/",
        "/codelists/?q=asthma",
        "/codelists/asthma/",
        "/schemes/",
        "/schemes/bridges_to_health/",
    ],
    ("data_manager", "QZZ"): ["/", "/feeds/", "/about/"],
    ("ig_lead", "QZZ"): ["/", "/access/", "/access/audit/"],
    ("partner_client", "P1"): ["/", "/api-guide/"],
}
SERIOUS = {"serious", "critical"}


def serious_findings(page):
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    found = found.response["violations"]
    return [
        (each["id"], [node["target"] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize(("role", "org"), PAGES)
def test_pages_are_accessible_and_quiet(visit, role, org):
    visitor = visit(role, org)
    for path in PAGES[role, org]:
        page = visitor.goes_to(path)
        assert page.locator("h1").count() == 1, path
        assert serious_findings(page) == [], path
    assert visitor.problems == []
    assert visitor.elsewhere == []


def test_errors_are_pages_too_and_break_no_policy(visit):
    visitor = visit("pcn_mdt_member", "U1")
    page = visitor.goes_to("/board/")
    assert page.locator("h1").inner_text() == "You cannot open this page"
    assert serious_findings(page) == []
    visitor.goes_to("/nowhere/")
    assert [words for words in visitor.problems if "status of 40" not in words] == []


def test_sign_in_page_is_accessible_and_refuses_in_words(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/sign-in/")
    assert serious_findings(page) == []
    page.get_by_label("User name").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("heading", name="There is a problem").is_visible()
    assert serious_findings(page) == []
    page.close()


def test_figures_are_drawn_and_their_tables_fold_away(visit):
    page = visit("place_lead", "P1").goes_to("/overview/")
    drawn = page.locator(".app-chart .main-svg").first
    drawn.wait_for()
    assert page.locator("figure .app-chart svg.main-svg").count() >= 7
    table = page.locator("#ages details[data-figure-table]")
    assert not table.evaluate("element => element.open")
    table.locator("summary").click()
    assert page.locator("#ages-table").is_visible()


def test_the_map_joins_the_page_when_it_comes_into_view(visit):
    visitor = visit("icb_board_member", "QZZ")
    page = visitor.goes_to("/overview/")
    page.locator("#map-part").scroll_into_view_if_needed()
    page.locator("#map .main-svg").first.wait_for()
    said = page.locator("#announcements", has_text="map has been added")
    said.wait_for(state="attached")
    assert visitor.problems == []


@pytest.mark.parametrize("path", ["/", "/overview/", "/board/"])
def test_nothing_is_wider_than_a_small_phone(visit, path):
    page = visit("place_lead", "P1", width=320).goes_to(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.locator(".app-chart svg").count() == 0, "the table is the figure"


def test_a_phone_shows_the_tables(visit):
    page = visit("place_lead", "P1", width=320).goes_to("/overview/")
    assert page.locator("#deprivation-table").is_visible()


def test_pages_read_without_script(visit):
    page = visit("place_lead", "P1", java_script_enabled=False).goes_to("/overview/")
    assert page.locator("#ages-table").is_visible()
    page.get_by_label("Place", exact=True).select_option("U1")
    page.get_by_role("button", name="Show").click()
    assert "Northgate East PCN" in page.locator("h1").inner_text()
    page.get_by_role("link", name="See the map and its table").click()
    assert page.locator("#map-table").is_visible()


def test_the_keyboard_reaches_content_and_tables(visit):
    page = visit("place_lead", "P1").goes_to("/overview/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == (
        "Skip to main content"
    )
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#maincontent"


def test_signing_out_ends_the_session(visit):
    page = visit("place_lead", "P1").page
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/")
    page.goto(page.url.replace("/sign-in/", "/overview/"))
    assert "/sign-in/" in page.url


def test_printing_shows_every_table(visit):
    page = visit("icb_board_member", "QZZ").goes_to("/board/")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    tables = page.locator("figure table")
    assert tables.count() >= 8
    assert all(table.is_visible() for table in tables.all())
    assert not page.locator(".app-nav").is_visible()


def test_control_charts_on_the_board_are_accessible_on_a_phone_too(visit):
    Org.objects.filter(code="QZZ").update(ons_code="E54000999")
    keep("ae_by_icb", *waits("E54000999", [*STEADY, 60.0]))
    visitor = visit("icb_board_member", "QZZ")
    page = visitor.goes_to("/board/")
    matter = page.locator("#matter-ae_over_4_hours").locator("..")
    assert matter.locator(".app-spc__icon").count() == 2
    assert "Always misses its target" in matter.inner_text()
    assert serious_findings(page) == []
    page = visitor.goes_to("/indicators/ae_over_4_hours/")
    assert serious_findings(page) == []
    assert visitor.problems == []
    small = visit("place_lead", "P1", width=320).goes_to("/board/")
    assert small.evaluate("document.documentElement.scrollWidth") <= 320
    assert small.locator(".app-spc__icon").count() == 2
