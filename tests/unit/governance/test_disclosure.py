"""Disclosure control: what may be shown, and that nothing else can be."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from governance import disclosure
from governance.disclosure import Cell, DisclosureClass, Measure, Published

SHARE = Measure("With diabetes", per=100)
COUNT = Measure("People")


class Analyst:
    user_id = 7
    role = "system_analyst"
    purpose = "planning"


def published(population: int, having: int | None = None, measure: Measure = SHARE):
    people = BitMap(range(population))
    chosen = None if having is None else BitMap(range(having))
    return disclosure.protect(
        [Cell({"sex": "F"}, people, chosen)], measure=measure, viewer=Analyst()
    ).cells[0]


@pytest.mark.parametrize("people", range(1, 8))
def test_one_to_seven_people_are_hidden(people):
    cell = published(people, measure=COUNT)
    assert cell.is_hidden
    assert cell.count is None
    assert cell.denominator is None


def test_nobody_is_shown_as_nobody():
    assert published(0, measure=COUNT).count == 0


def test_eight_people_are_shown_as_ten():
    assert published(8, measure=COUNT).count == 10


@given(st.integers(0, 400), st.integers(0, 400))
def test_nothing_shown_tells_a_small_count(population, having):
    having = min(having, population)
    cell = published(population, having)
    for shown in (cell.count, cell.denominator):
        assert shown is None or shown % 5 == 0
    if 1 <= having <= 7 or 1 <= population - having <= 7:
        assert cell.is_hidden
    if cell.rate is not None:
        assert math.isclose(cell.rate, cell.count / cell.denominator * 100)
        assert 0 <= cell.rate <= 100
        assert cell.lower - 1e-9 <= cell.rate <= cell.upper + 1e-9


def test_a_rate_of_nearly_everyone_is_hidden():
    assert published(100, 97).hidden == "nearly everyone"


def test_an_amount_is_hidden_when_few_contribute():
    measure = Measure("Attendances", unit="attendances", per=1000)
    few = Cell({}, BitMap(range(500)), BitMap(range(6)), amount=90)
    many = Cell({}, BitMap(range(500)), BitMap(range(60)), amount=91)
    shown = disclosure.protect([few, many], measure=measure, viewer=Analyst())
    assert shown.cells[0].is_hidden
    assert shown.cells[1].count == 90
    assert shown.cells[1].rate == pytest.approx(180)


def test_own_list_and_official_figures_are_exact():
    cell = Cell({}, BitMap([1, 2, 3]))
    own = disclosure.for_own_list([cell], measure=COUNT, viewer=Analyst())
    rows = disclosure.official([({"feed": "ecds"}, 3)], measure=COUNT, viewer=Analyst())
    assert own.cells[0].count == 3
    assert own.kind is DisclosureClass.OWN_LIST
    assert rows.cells[0].count == 3


def test_nobody_else_can_make_published_values():
    with pytest.raises(TypeError, match="governance.disclosure alone"):
        Published(COUNT, DisclosureClass.OFFICIAL, (), 1, "planning")


def test_wilson_agrees_with_a_published_example():
    # Newcombe (1998), method 3: 81 of 263 gives 0.2553 to 0.3662.
    low, high = disclosure.wilson(81, 263)
    assert low == pytest.approx(0.2553, abs=1e-4)
    assert high == pytest.approx(0.3662, abs=1e-4)


def test_byar_is_exact_below_ten_and_near_exact_above():
    # Exact Poisson limits of 5 events: 1.6235 to 11.6683 (standard tables).
    assert disclosure.byar(5) == pytest.approx((1.6235, 11.6683), abs=1e-4)
    # Exact limits of 100 events: 81.36 to 121.63; Byar lies within 0.1 of them.
    assert disclosure.byar(100) == pytest.approx((81.36, 121.63), abs=0.1)


def test_rows_for_tables_carry_the_same_figure():
    shown = disclosure.protect(
        [Cell({"sex": "F"}, BitMap(range(203)), BitMap(range(52)))],
        measure=SHARE,
        viewer=Analyst(),
    )
    row = disclosure.as_rows(shown)[0]
    assert row["sex"] == "F"
    assert (row["count"], row["denominator"]) == (50, 205)
    assert row["rate"] == pytest.approx(24.39)
