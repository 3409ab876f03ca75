"""Sentences say differences only where chance hardly explains them."""

from types import SimpleNamespace

import pytest
from pyroaring import BitMap

from dashboards import sentences
from governance.disclosure import Cell, Measure, protect

VIEWER = SimpleNamespace(user_id=7, role="place_lead", purpose="planning")
SHARE = Measure("People who smoke", per=100)
COST = Measure("Cost of care", unit="£", per=1)


def cell(of, having, measure=SHARE, amount=None):
    cells = [Cell({}, BitMap(range(of)), BitMap(range(having)), amount)]
    return protect(cells, measure=measure, viewer=VIEWER).cells[0]


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        ((1000, 300), (9000, 1800), "higher than"),
        ((1000, 100), (9000, 1800), "lower than"),
        ((1000, 205), (9000, 1800), "much like"),
    ],
)
def test_a_place_against_the_system(mine, theirs, words):
    said = sentences.against("Northgate", cell(*mine), cell(*theirs), SHARE)
    assert words in said
    assert said.endswith("20.0% in the whole system")


def test_a_hidden_figure_is_said_to_be_hidden():
    said = sentences.against("Northgate", cell(900, 3), cell(9000, 1800), SHARE)
    assert said == "People who smoke in Northgate: a number too small to show"


def test_money_is_said_per_head_and_differs_by_five_per_cent():
    near = cell(100, 90, COST, 102_000), cell(1000, 900, COST, 1_000_000)
    far = cell(100, 90, COST, 110_000), near[1]
    assert "much like" in sentences.against("Here", *near, COST)
    assert "£1,100 a head, higher than £1,000" in sentences.against("Here", *far, COST)


def test_a_gap_needs_intervals_that_do_not_touch():
    groups = [("Most deprived", cell(1000, 300)), ("Least deprived", cell(1000, 150))]
    said = sentences.gap(groups, SHARE, "Northgate")
    assert "highest for most deprived, 30.0%; lowest for least deprived, 15.0%" in said
    close = [("A", cell(1000, 300)), ("B", cell(1000, 270))]
    assert "no group differs" in sentences.gap(close, SHARE, "Northgate")
    one = [("A", cell(1000, 300)), ("B", cell(900, 2))]
    assert "too few people" in sentences.gap(one, SHARE, "Northgate")


def test_exceptions_are_named_and_the_many_are_counted():
    names = ["A", "B", "C", "D", "E"]
    said = sentences.exceptions(names, ["F"], 9, SHARE, "pcn")
    assert said.endswith(
        "A, B, C and 2 others are higher and F is lower than chance allows"
    )
    none = sentences.exceptions([], [], 9, SHARE, "pcn")
    assert "none of 9 primary care networks differs" in none
    assert "no practice has enough people" in sentences.exceptions(
        [], [], 0, SHARE, "practice"
    )


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [(300, 200, "up 50%"), (200, 300, "down 33%"), (205, 200, "no clear change")],
)
def test_change_on_the_year_before(now, before, words):
    said = sentences.change(cell(1000, now), cell(1000, before), SHARE)
    assert said.startswith(words)


def test_no_change_is_said_without_a_year_before():
    assert sentences.change(cell(1000, 200), cell(1000, 3), SHARE) == ""


def test_labels_keep_their_capitals_where_they_are_names():
    assert sentences.low_case("Mostly healthy") == "mostly healthy"
    assert sentences.low_case("A&E attendances") == "A&E attendances"
    assert sentences.low_case("Asian") == "Asian"
