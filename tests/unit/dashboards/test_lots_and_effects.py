"""Lots, their balance, what a lot shows, and places shared fairly."""

from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from dashboards.list_specs import Comparison
from dashboards.steps.allocate import (
    allocate_people,
    allocate_practices,
    balance,
    lot,
)
from dashboards.steps.effect import before_and_after, by_lot
from dashboards.steps.fairness import fairer, shares

BY_PERSON = Comparison(
    by="person",
    share=0.5,
    seed=7,
    start_on=date(2026, 10, 1),
    until=date(2027, 9, 30),
    why="x",
)
BY_PRACTICE = BY_PERSON.model_copy(update={"by": "practice", "steps": 3})


def test_a_lot_is_the_same_whenever_and_with_whomever_it_is_drawn():
    alone = allocate_people(pl.DataFrame({"person_no": [5]}), BY_PERSON)
    among = allocate_people(pl.DataFrame({"person_no": [9, 5, 1]}), BY_PERSON)
    assert among.row(1) == alone.row(0)
    assert lot(7, "5") != lot(8, "5")


def test_the_share_of_lots_is_the_one_asked_for():
    people = pl.DataFrame({"person_no": range(20_000)})
    share = (allocate_people(people, BY_PERSON)["arm"] == "offer").mean()
    assert share == pytest.approx(0.5, abs=0.015)


def test_who_draws_usual_care_starts_after_the_comparison():
    made = allocate_people(pl.DataFrame({"person_no": range(50)}), BY_PERSON)
    starts = dict(made.select("arm", "starts_on").unique().iter_rows())
    assert starts == {"offer": BY_PERSON.start_on, "usual": BY_PERSON.until}


def test_practices_start_in_equal_groups_step_by_step():
    codes = [f"Z8{n:04d}" for n in range(8)]
    made = allocate_practices(codes, BY_PRACTICE)
    assert sorted(made["practice_code"]) == codes
    assert made["step"].value_counts().sort("step")["count"].to_list() == [3, 3, 2]
    days = made.unique("step").sort("step")["starts_on"].to_list()
    assert [(b - a).days for a, b in pairwise(days)] == [56, 56]
    assert made.equals(allocate_practices(codes[::-1], BY_PRACTICE))


def test_balance_is_the_standardised_difference():
    people = pl.DataFrame(
        {
            "arm": ["offer"] * 3 + ["usual"] * 3,
            "age": [60.0, 70.0, 80.0, 70.0, 80.0, 90.0],
            "same": [1.0] * 6,
            "unknown": [None] * 5 + [1.0],
        }
    )
    made = balance(people, ["age", "same", "unknown"])
    assert made.row(0) == ("age", 70.0, 80.0, pytest.approx(-1.0))
    assert made.row(1) == ("same", 1.0, 1.0, 0.0)
    assert made.row(2)[3] is None


def test_the_interval_of_a_lot_is_welchs():
    """Against scipy's own Welch interval."""
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(1)
    a, b = rng.gamma(1, 1, 40), rng.gamma(2, 1, 25)
    found = by_lot(a, b)
    peer = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found.lower, found.upper) == pytest.approx((peer.low, peer.high))
    assert found.difference == pytest.approx(a.mean() - b.mean())


def test_too_few_people_have_no_effect_and_equal_ones_no_width():
    with pytest.raises(ValueError, match="two people"):
        by_lot(np.array([1.0]), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="two or more"):
        before_and_after(np.array([1.0, 2.0]), np.array([1.0]))
    same = by_lot(np.ones(3), np.zeros(3))
    assert (same.lower, same.upper) == (1.0, 1.0)


def test_a_lot_recovers_an_effect_that_before_and_after_does_not():
    """People chosen for a bad year get better by themselves: here, all of it."""
    rng = np.random.default_rng(3)
    held = fooled = 0
    for _ in range(100):
        rate = rng.gamma(1, 0.5, 20_000)
        before = rng.poisson(rate).astype(float)
        chosen = np.flatnonzero(before >= 2)
        offered = rng.random(len(chosen)) < 0.5
        effect = np.where(offered, 0.8, 1.0)
        after = rng.poisson(rate[chosen] * effect).astype(float)
        truth = -0.2 * float(rate[chosen].mean())
        held += by_lot(after[offered], after[~offered]).holds(truth)
        alone = before_and_after(before[chosen][offered], after[offered])
        fooled += not alone.holds(truth)
    assert held >= 90
    assert fooled == 100


def people(groups, chances):
    return pl.DataFrame(
        {
            "person_no": range(len(groups)),
            "chance": chances,
            "fifth": groups,
        }
    )


def test_a_group_with_fewer_places_than_its_need_is_short():
    frame = people(["5"] * 6 + ["1"] * 6, [0.5] * 12)
    by = {s.group: s for s in shares(frame, ["fifth"], 6)}
    assert (by["1"].of_places, by["1"].expected, by["1"].is_short) == (0, 3.0, True)
    assert not by["5"].is_short


def test_too_few_expected_places_are_called_nothing():
    frame = people(["5"] * 11 + ["1"], [0.5] * 12)
    assert not any(s.is_short for s in shares(frame, ["fifth"], 6))


def test_a_fairer_order_mends_the_shortfall_within_the_margin():
    chances = [0.50] * 6 + [0.49] * 6
    frame = people(["5"] * 6 + ["1"] * 6, chances)
    found = fairer(frame, ["fifth"], 6, 0.05)
    first = set(found.people[:6])
    assert sum(n >= 6 for n in first) == 3
    assert found.expected >= 0.95 * 3.0
    assert sorted(found.people) == list(range(12))


def test_no_order_is_offered_that_costs_more_than_the_margin():
    frame = people(["5"] * 6 + ["1"] * 6, [0.9] * 6 + [0.1] * 6)
    assert fairer(frame, ["fifth"], 6, 0.05) is None


def test_no_order_is_offered_where_nobody_is_short():
    frame = people(["5", "1"] * 6, [0.5] * 12)
    assert fairer(frame, ["fifth"], 6, 0.05) is None
