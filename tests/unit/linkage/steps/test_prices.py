"""Pounds of one year as pounds of another."""

from datetime import date

import polars as pl
import pytest
from pydantic import ValidationError

from linkage.steps.prices import Prices, PricesSpec

ABOUT = {
    "title": "x",
    "owner": "x",
    "review_by": "2027-01-01",
    "source": "x",
    "why": "x",
}
SPEC = PricesSpec(**ABOUT, base_year=2023, index={2021: 80.0, 2022: 90.0, 2023: 100.0})
LISTED = pl.DataFrame(
    {
        "setting": ["gp", "gp"],
        "kind": ["appointment", "appointment"],
        "detail": ["", "GP"],
        "gbp": [11, 37],
        "per": ["activity", "activity"],
        "year": ["2021/22", "2023/24"],
    }
)


@pytest.mark.parametrize(
    ("on", "pounds"),
    [
        (date(2023, 4, 1), 90.0),
        (date(2023, 3, 31), 100.0),  # still the year that began in April 2022
        (date(2021, 4, 1), 112.5),
        (date(1999, 1, 1), 112.5),
        (date(2040, 1, 1), 90.0),
        (None, None),
    ],
)
def test_pounds_are_of_the_financial_year_of_their_day(on, pounds) -> None:
    frame = pl.DataFrame({"gbp": [90.0], "on": [on]}, schema_overrides={"on": pl.Date})
    asked = Prices(SPEC, LISTED).at_base(pl.col("gbp"), pl.col("on"))
    assert frame.select(asked).item() == pounds


def test_unit_costs_of_any_year_stand_in_whole_pounds_of_one() -> None:
    costs = Prices(SPEC, LISTED).unit_costs
    assert costs["gbp"].to_list() == [14.0, 37.0]
    assert Prices(SPEC, LISTED).words == "2023/24 prices"


@pytest.mark.parametrize(
    "wrong", [{"base_year": 2030}, {"index": {2023: 0.0}}, {"index": {2022: 90.0}}]
)
def test_an_index_that_cannot_be_is_refused(wrong) -> None:
    given = ABOUT | {"base_year": 2023, "index": {2023: 100.0}} | wrong
    with pytest.raises(ValidationError):
        PricesSpec(**given)
