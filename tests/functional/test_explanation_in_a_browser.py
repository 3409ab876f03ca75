"""What a person's figure rests on, in a real browser: accessible, on a phone too."""

import pytest

from linkage.release import selectors as release
from tests.functional import test_worklist_in_a_browser as team_loop
from tests.functional.test_worklist_in_a_browser import serious
from tests.live_pages import keep_risk
from tests.live_people import ANNA

pytestmark = pytest.mark.browser
live, address, team = team_loop.live, team_loop.address, team_loop.team
ADMITTED = "Three emergency admissions in the year to 30 September 2026"
REASONS = [
    {"feature": "emergency_admissions_12m", "words": ADMITTED, "adds": 0.9},
    {"feature": "", "words": "Everything else known", "adds": -1.7},
]


@pytest.fixture(scope="module")
def told(live) -> None:
    keep_risk(release.current().id, ANNA, 0.31, REASONS)


def test_a_card_and_a_person_say_what_the_chance_rests_on(team, told) -> None:
    page = team.goes_to(team_loop.LIST)
    assert page.get_by_text(ADMITTED).count() == 1
    assert serious(page) == []
    page.locator("li.app-card", has_text=ADMITTED).get_by_role(
        "link", name="Timeline"
    ).click()
    page.get_by_role("heading", name="Emergency admission in the next 12").wait_for()
    rows = page.locator("table", has_text="together these add up").locator("tbody tr")
    assert rows.count() == 2
    assert "+0.90" in rows.first.inner_text()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert team.problems == []


def test_a_figure_without_reasons_says_how_to_have_them(team, told) -> None:
    page = team.goes_to(team_loop.LIST)
    page.locator("li.app-card").filter(has_not_text=ADMITTED).first.get_by_role(
        "link", name="Timeline"
    ).click()
    page.get_by_role("heading", name="Figures without reasons").wait_for()
    assert page.get_by_role("button", name="Work out the reasons").is_visible()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert team.problems == []
