"""Model card and threshold explorer in a real browser: axe, keyboard, tables."""

import numpy as np
import polars as pl
import pytest

from linkage.release import selectors as release
from linkage.release.catalogue import Attribute
from risk.specs import ModelSpec
from risk.steps.assess import assess
from risk.steps.train import train
from tests.builders import AS_OF, release_view
from tests.functional.test_pages_in_a_browser import serious_findings
from tests.page_builders import attributes, make_model, make_people
from tests.unit.risk.model_people import SPEC, learnt

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "audit"]),
]
CARD = "/models/emergency_admission/"
POUNDS = "/models/cost_next_year/"


@pytest.fixture
def with_model(site, monkeypatch) -> None:
    """Two small trained models, and a release with the bands of one."""
    people = make_people(3000, 1)
    bands = [band.name for band in SPEC.bands]
    place = np.searchsorted([0.1, 0.2, 0.4], people["risk_emergency_12m"].to_numpy())
    made = people.with_columns(
        risk_band=pl.Series([bands[len(bands) - 1 - n] for n in place])
    )
    band = Attribute("risk_band", "Band", "category", values=tuple(bands))
    view = release_view(made, [*attributes(), band], as_of=AS_OF)
    monkeypatch.setattr(release, "current", lambda: view)
    outcome = SPEC.outcome.model_validate({"of": "cost", "horizon_days": 365})
    of_cost = SPEC.model_copy(update={"outcome": outcome})
    keep("emergency_admission", SPEC, learnt(3000), learnt(3000, seed=2))
    spent = pl.col("amount_gbp") > 0
    rows, later = (learnt(3000, seed=n).with_columns(outcome=spent) for n in (1, 2))
    keep("cost_next_year", of_cost, rows, later)


def keep(name: str, spec: ModelSpec, rows: pl.DataFrame, later: pl.DataFrame) -> None:
    """Train a model on `rows`, try it on `later` and put it to use."""
    performance = assess(train(rows, spec), rows, later, spec)
    make_model(name, performance, people=rows.height)


@pytest.mark.parametrize("path", ["/risk/", "/models/", CARD, POUNDS])
def test_pages_of_risk_are_accessible_and_quiet(visit, with_model, path) -> None:
    visitor = visit("system_analyst", "QZZ")
    page = visitor.goes_to(path)
    assert page.locator("h1").count() == 1
    assert serious_findings(page) == []
    assert visitor.problems == []
    assert visitor.elsewhere == []


@pytest.mark.parametrize(("path", "drawn"), [(CARD, 2), (POUNDS, 1)])
def test_every_drawing_has_its_table(visit, with_model, path, drawn) -> None:
    page = visit("place_lead", "P1").goes_to(path)
    figures = page.locator("figure.app-figure")
    assert figures.count() == drawn
    for n in range(drawn):
        assert figures.nth(n).locator("table tbody tr").count() >= 10


def test_the_explorer_works_by_keyboard_alone(visit, with_model) -> None:
    page = visit("place_lead", "P1").goes_to("/risk/")
    page.get_by_label("Reviews a week").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    page.wait_for_url("**per_week=20**")
    assert "For 20 reviews a week" in page.get_by_role("status").inner_text()
    assert page.locator("#sizes tbody tr").count() == 4


@pytest.mark.parametrize("path", [CARD, POUNDS])
def test_a_phone_shows_the_card_in_one_column(visit, with_model, path) -> None:
    page = visit("icb_board_member", "QZZ", width=390).goes_to(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
