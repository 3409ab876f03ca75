"""Shares of quality: what does not apply never counts as passed."""

from datetime import date

import polars as pl
import pytest

from dashboards.steps.quality_scores import coverage, overdue_days, quality_scores


def counts(*rows: tuple) -> pl.DataFrame:
    names = ["provider", "field", "rows", "filled", "valid", "defaults"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_shares_of_one_provider() -> None:
    found = quality_scores(
        counts(
            ("A", "", 100, 72, 80, 0),
            ("A", "nhs_number", 100, 90, 81, 0),
            ("A", "ethnicity", 100, 80, 80, 20),
            ("A", "note", 100, 10, 5, 0),
        ),
        ["provider"],
        ["nhs_number", "ethnicity"],
        pl.DataFrame({"provider": ["A"], "coverage": [0.5]}),
    ).row(0, named=True)
    assert found["rows"] == 100
    assert found["in_order"] == 0.8
    assert found["linked"] == 0.9
    assert found["valid"] == pytest.approx(166 / 180)
    assert found["complete"] == pytest.approx((81 + 60) / 200)
    assert found["dqmi"] == pytest.approx((0.81 + 0.6) / 2 * 0.5 * 100)


def test_a_share_of_nothing_is_not_known() -> None:
    found = quality_scores(
        counts(("A", "", 3, 0, 0, 0), ("A", "note", 3, 0, 0, 0)), ["provider"], []
    ).row(0, named=True)
    assert found["linked"] is None
    assert found["valid"] is None
    assert found["complete"] is None


def test_who_never_came_is_covered_in_no_period() -> None:
    periods = pl.DataFrame(
        {
            "provider": ["A", "A", "B"],
            "period": [date(2026, 1, 1), date(2026, 2, 1), date(2026, 2, 1)],
        }
    )
    found = coverage(periods, ["A", "B", "C"])
    assert found["coverage"].to_list() == [1.0, 0.5, 0.0]
    assert found["came"].to_list() == [2, 1, 0]


def test_a_feed_is_late_after_its_interval() -> None:
    last = date(2026, 9, 1)
    assert overdue_days("weekly", last, date(2026, 9, 8)) == 0
    assert overdue_days("weekly", last, date(2026, 9, 11)) == 3
    assert overdue_days("as needed", last, date(2026, 9, 11)) is None
    assert overdue_days("weekly", None, date(2026, 9, 11)) is None
