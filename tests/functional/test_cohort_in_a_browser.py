"""The clinician's cohort from an empty page: keyboard, no script, a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.cohort_people import CLINICIAN, make_cohort_release, slowly

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "audit"]),
]
OWN = {"Z81001", "Z81002"}
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def invented_release():
    return make_cohort_release()


def serious_findings(page):
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        (each["id"], [node["target"] for node in each["nodes"]][:3])
        for each in found.response["violations"]
        if each["impact"] in SERIOUS
    ]


def count_of(page) -> str:
    return page.locator(".app-answer__count").inner_text()


class Keyboard:
    """Someone with a keyboard and no mouse, who reads what the focus is on."""

    def __init__(self, page) -> None:
        self.page = page

    def focused(self) -> str:
        return self.page.evaluate(
            "(() => { const e = document.activeElement;"
            " const l = e.labels && e.labels[0];"
            " return (l ? l.textContent : e.textContent).trim(); })()"
        )

    def tab_to(self, words: str, most: int = 60) -> None:
        for _ in range(most):
            if words in self.focused():
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard never reached {words!r}")

    def add(self, typed: str, title: str) -> None:
        """Find a criterion by a word and add it; its fields come with the page."""
        self.tab_to("What should be true of them?")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(typed)
        self.page.locator("#found button", has_text=title).wait_for()
        self.tab_to(f"Add {title}")
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.page.locator("legend", has_text=title).wait_for()


def test_the_clinicians_cohort_is_built_by_keyboard_alone(visit, invented_release):
    visitor = visit("pcn_mdt_member", "U1")
    page = visitor.goes_to("/cohorts/build/")
    hands = Keyboard(page)
    assert hands.focused().startswith("What should be true of them?")

    hands.add("frail", "Frailty recorded")
    hands.tab_to("Moderate")
    page.keyboard.press("Space")
    hands.tab_to("Severe")
    page.keyboard.press("Space")

    hands.add("medicines", "Different medicines in 12 months")
    assert hands.focused().startswith("At least")
    page.keyboard.type("10")
    # Counts follow what is typed, and are said aloud, without a press of any button.
    page.locator(".app-steps__words", has_text="10 or more").wait_for()
    page.locator("#announcements", has_text="match").wait_for(state="attached")

    hands.add("alone", "Lives alone")
    wanted = slowly(invented_release, OWN)
    noun = "person matches" if wanted == 1 else "people match"
    assert count_of(page) == f"{wanted} {noun}"
    steps = page.locator(".app-steps__words").all_inner_texts()
    assert [re.sub(r":.*", "", each) for each in steps[1:]] == [
        "Frailty recorded",
        "Different medicines in 12 months",
        "Lives alone",
    ]
    assert serious_findings(page) == []
    assert visitor.problems == []
    assert visitor.elsewhere == []


def test_a_question_typed_over_is_taken_back_and_its_figures_come_at_once(
    visit, invented_release
):
    """One request in flight: whatever is asked next takes the place of what waits."""
    visitor = visit("system_analyst", "QZZ")
    page = visitor.goes_to("/cohorts/build/?c1=feature:age_years&focus=c1")
    held, taken_back = [], []

    def hold_the_first(route) -> None:
        target = route.request.headers.get("hx-target")
        if target in {"answer", "who"} and target not in held:
            held.append(target)
        else:
            route.continue_()

    page.route("**/cohorts/build/?*", hold_the_first)
    page.on("requestfailed", lambda gone: taken_back.append(gone.headers["hx-target"]))

    def until(found: list[str], wanted: list[str]) -> None:
        for _ in range(100):
            if found == wanted:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"{found} is not {wanted}")

    page.keyboard.type("6")
    until(held, ["answer"])  # and no answer comes
    page.keyboard.type("5")
    page.locator(".app-steps__words", has_text="65 or more").wait_for()
    assert taken_back == ["answer"]
    until(held, ["answer", "who"])  # the figures were asked for, and do not come
    page.keyboard.press("Backspace")
    page.keyboard.type("0")
    page.locator(".app-steps__words", has_text="60 or more").wait_for()
    assert taken_back == ["answer", "who"]
    page.locator("#ages .main-svg").first.wait_for()
    assert page.evaluate("document.activeElement.id") == "c1-low"
    page.locator("#announcements", has_text="figures").wait_for(state="attached")
    assert page.locator("#announcements").get_attribute("aria-live") == "polite"
    assert visitor.problems == []


def test_the_builder_works_without_script(visit, invented_release):
    page = visit("pcn_mdt_member", "U1", java_script_enabled=False).goes_to(
        "/cohorts/build/"
    )
    page.get_by_label("What should be true of them?").fill("alone")
    page.get_by_role("button", name="Count").click()
    page.get_by_role("button", name="Add Lives alone").click()
    assert "match" in count_of(page)
    page.get_by_label("What should be true of them?").fill("medicines")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add Different medicines").click()
    page.get_by_label("At least (medicines)").fill("10")
    page.get_by_role("button", name="Count").click()
    assert page.locator(".app-steps__step").count() == 3
    assert page.locator("#ages-table").is_visible()
    page.get_by_role("button", name="Remove Lives alone").click()
    assert page.locator(".app-steps__step").count() == 2


def test_a_cohort_is_saved_and_its_pages_are_accessible(visit):
    visitor = visit("system_analyst", "QZZ")
    page = visitor.goes_to(f"/cohorts/build/?{CLINICIAN}")
    page.get_by_text("Save this cohort").click()
    page.get_by_label("Name", exact=True).fill("Frail at home")
    page.get_by_label("Review by").fill("2099-01-31")
    page.get_by_role("button", name="Save as a new cohort").click()
    page.wait_for_url(re.compile(r"/cohorts/\d+/$"))
    page.locator("#ages .main-svg").first.wait_for()
    page.locator("#overlap .main-svg").first.wait_for()
    assert serious_findings(page) == []
    saved = page.url
    page.goto(saved.replace(re.search(r"/cohorts/\d+/", saved)[0], "/cohorts/"))
    assert page.get_by_role("link", name="Frail at home").is_visible()
    assert serious_findings(page) == []
    visitor.goes_to("/cohorts/compare/")
    assert serious_findings(visitor.page) == []
    assert visitor.problems == []
    assert visitor.elsewhere == []


def test_the_builder_fits_a_small_phone(visit):
    visitor = visit("pcn_mdt_member", "U1", width=320)
    page = visitor.goes_to(f"/cohorts/build/?{CLINICIAN}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.locator("#ages-table").is_visible()
