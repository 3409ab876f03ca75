"""Linkage pages in a real browser: axe, a small phone, the keyboard."""

import base64
from datetime import date

import pytest
from pyroaring import BitMap

from dashboards.views import linkage, special_access
from linkage.models import LinkageAudit
from linkage.steps.side_by_side import side_by_side
from linkage.steps.waterfall import Part, waterfall
from tests.functional.test_pages_in_a_browser import serious_findings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "audit"]),
]
LEFT = {"surname": "Young", "forename": "Ada", "born_on": date(1950, 3, 7)}
RIGHT = {"surname": "YOUNG", "forename": "Eda", "born_on": date(1950, 3, 8)}
DRAWN = waterfall(
    [
        Part("Before anything is compared", "", -14.0),
        Part("Surname", "the same", 10.2),
        Part("Forename", "different", -3.1),
        Part("Date of birth", "one part differs", 9.0),
    ]
)
PAIR = {
    "id": 4,
    "state": "open",
    "why": "Another person is nearly as likely",
    "weight": 2.1,
    "facts": 1234,
    "two_numbers": True,
    "same_person": False,
    "sources": ["Registered list", "Trust patient index"],
    "lines": [line._asdict() for line in side_by_side(LEFT, RIGHT)],
    "household": [
        {
            "name": "Abel Young",
            "born_on": "1948-01-02",
            "sex": "M",
            "postcode": "ZX1 1AA",
        }
    ],
    "weights": [bar._asdict() for bar in DRAWN.bars],
    "zero": DRAWN.zero,
}
QUEUE = {
    "pairs": [
        {
            "id": 4,
            "why": PAIR["why"],
            "weight": 2.1,
            "facts": 1234,
            "is_second": False,
            "raised_at": "2026-09-30T09:00:00+00:00",
            "feed": "Registered list",
            "other_feed": "Trust patient index",
        }
    ],
    "states": {"open": 1, "link": 3},
    "agreement": {"pairs": 5, "observed": 0.8, "expected": 0.5, "kappa": 0.6},
}
WAITING = {
    "requests": [
        {
            "id": 1,
            "viewer": "A team member",
            "viewer_id": 1,
            "role": "pcn_mdt_member",
            "org_code": "U1",
            "reason": "Her daughter rang about the warfarin dose",
            "asked_at": "2026-09-30T09:00:00+00:00",
            "expires_at": None,
            "state": "waits for approval",
        }
    ]
}
ANSWERS = {
    "review_queue": QUEUE,
    "review_pair": PAIR,
    "review_judge": {"state": "link", "changed": True},
    "access_waiting": WAITING,
    "access_own": {"requests": []},
}
PAGES = {
    ("data_manager", "QZZ"): ["/linkage/"],
    ("linkage_reviewer", "QZZ"): ["/", "/linkage/review/", "/linkage/review/4/"],
    ("pcn_mdt_member", "U1"): ["/imported-lists/", "/special-access/"],
    ("ig_lead", "QZZ"): ["/special-access/waiting/"],
}


@pytest.fixture
def answered(site, monkeypatch):
    """The vault's answers, and one check of the links."""
    asked: list[tuple[str, dict]] = []

    def ask(viewer, what, content=b"", **arguments):
        asked.append((what, arguments))
        return ANSWERS[what]

    monkeypatch.setattr(linkage, "ask", ask)
    monkeypatch.setattr(special_access, "ask_vault", ask)
    people = base64.b64encode(BitMap(range(1, 301)).serialize()).decode()
    nobody = base64.b64encode(BitMap().serialize()).decode()
    cell = {"feed": "sus_apc", "ethnicity_group": "White", "imd_fifth": "1"}
    LinkageAudit.objects.create(
        as_of=date(2026, 9, 30),
        index_version=3,
        tried=300,
        cells=[
            cell
            | {"age_band": "65-79", "tried": people, "right": people, "wrong": nobody}
        ],
        unlinked=[{"feed": "sus_apc", "rows_in": 900, "unlinked": 4}],
    )
    return asked


@pytest.mark.parametrize(("role", "org"), PAGES)
@pytest.mark.parametrize("width", [1280, 320])
def test_pages_are_accessible_and_fit_a_phone(answered, visit, role, org, width):
    visitor = visit(role, org, width=width)
    for path in PAGES[role, org]:
        page = visitor.goes_to(path)
        assert page.locator("h1").count() == 1, path
        assert serious_findings(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert visitor.problems == []
    assert visitor.elsewhere == []


def test_a_pair_is_judged_by_keyboard_alone(answered, visit):
    page = visit("linkage_reviewer", "QZZ").goes_to("/linkage/review/")
    page.get_by_role("link", name="Pair 4").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/linkage/review/4/")
    assert page.get_by_text("One part differs").first.is_visible()
    page.get_by_label("The same person").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("Same home, one digit of the birth date")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/linkage/review/")
    assert page.get_by_text("The records are one person now").is_visible()
    what, told = next(each for each in answered if each[0] == "review_judge")
    assert told == {
        "id": 4,
        "verdict": "link",
        "reason": "Same home, one digit of the birth date",
    }
