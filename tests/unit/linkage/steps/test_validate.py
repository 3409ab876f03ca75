"""What a value may be, and what becomes of a row whose value may not."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from linkage.specs import FeedSpec
from linkage.steps.validate import EXCLUDING, RULES, Checked, validate

RECEIVED_ON = date(2026, 9, 30)


def spec(columns: dict[str, dict[str, Any]], **more: Any) -> FeedSpec:
    told = {"title": "t", "owner": "o", "review_by": "2027-01-01", "source": "s"}
    told |= {"number": 99, "order": 1, "tier": "reference", "layout": "l"}
    named = {name: {"headers": [name.upper()]} | c for name, c in columns.items()}
    return FeedSpec.model_validate(
        told | {"key": [next(iter(columns))], "columns": named} | more
    )


def check(kind: str, written: list[Any], **column: Any) -> Checked:
    frame = pl.DataFrame({"value": written}).with_row_index("row_number", offset=1)
    return validate(
        frame.with_columns(pl.col("row_number").cast(pl.Int64)),
        spec({"value": {"type": kind} | column}),
        RECEIVED_ON,
    )


def read(kind: str, value: Any, **column: Any) -> Any:
    return check(kind, [value, "x"], **column).accepted["value"][0]


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        ("text", "  a b ", "a b"),
        ("text", "   ", None),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("date", "2026-02-28T23:59:59Z", date(2026, 2, 28)),
        ("date", "2026-02-30", None),
        ("date", "28/02/2026", None),
        ("date", "2026-10-01", None),  # after it was received
        ("date", "1753-01-01", None),
        ("number", "12.5", 12.5),
        ("number", "12,5", None),
        ("integer", "12", 12),
        ("flag", "Y", True),
        ("flag", "n", False),
        ("flag", "maybe", None),
        ("presence", "VLXYZ", True),
        ("presence", " ", False),
        ("sex", "1", "M"),
        ("sex", "Female", "F"),
        ("sex", "X", None),
        ("sex", "9", None),
        ("ethnicity", "A", "A"),
        ("ethnicity", "A1", "A"),  # a provider's own subdivision
        ("ethnicity", "Z", "Z"),
        ("ethnicity", "I", None),  # never a category
        ("ethnicity", "Asian or Asian British: Chinese", "R"),
        ("ethnicity", "Asian, in words of our own", None),  # not White British
        ("postcode", "zx11aa", "ZX1 1AA"),
        ("postcode", "ZX1  1AA", "ZX1 1AA"),
        ("postcode", "ZZ99 3VZ", None),  # no fixed abode
        ("postcode", "HERE", None),
        ("name", "O'Brien", "O'Brien"),
        ("name", "BABY OF SMITH", None),
        ("name", "test", None),
        ("organisation", "Z81001", "Z81001"),
        ("organisation", "z81001", None),
        ("trust", "RZ1A4", "RZ1"),
        ("snomed", "44054006", "44054006"),
        ("snomed", "0123456", None),
        ("snomed", "EMISNQ123", None),
        ("icd10", "I10X", "I10X"),
        ("icd10", "R99X?", None),
        ("opcs4", "W371", "W371"),
        ("bnf", "0212000B0AAAAAA", "0212000B0AAAAAA"),
    ],
)
def test_values(kind: str, written: str, meant: Any) -> None:
    assert read(kind, written) == meant


def test_a_birth_date_of_1900_stands_for_none() -> None:
    frame = pl.DataFrame({"row_number": [1], "born_on": ["1901-01-01"]})
    feed = spec({"born_on": {"type": "date"}})
    assert validate(frame, feed, RECEIVED_ON).accepted["born_on"][0] is not None
    early = frame.with_columns(born_on=pl.lit("1900-01-01"))
    assert validate(early, feed, RECEIVED_ON).accepted["born_on"][0] is None


def test_some_dates_may_lie_ahead() -> None:
    assert read("date", "2027-03-31", may_be_future=True) == date(2027, 3, 31)


def test_other_date_formats_are_named_by_the_definition() -> None:
    assert read("date", "31/12/2025", formats=["%d/%m/%Y"]) == date(2025, 12, 31)


def test_values_that_mean_missing() -> None:
    assert read("text", "99", missing=["99"]) is None


def test_a_closed_list_of_values_translates() -> None:
    assert read("text", "21", values={"21": "emergency"}) == "emergency"
    assert read("text", "77", values={"21": "emergency"}) is None


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (None, "missing"),
        ("  ", "missing"),
        ("2026-02-30", "not_a_date"),
        ("2031-01-01", "in_the_future"),
        ("1753-01-01", "too_early"),
    ],
)
def test_a_required_value_that_cannot_be_used_rejects_its_row(written, rule) -> None:
    checked = check("date", [written, "2026-01-01"], required=True)
    assert checked.accepted["row_number"].to_list() == [2]
    assert checked.rejected.rows() == [(1, rule, "VALUE")]


def test_an_optional_one_is_left_blank_and_counted() -> None:
    checked = check("date", ["2026-02-30", "2026-13-01", "2031-01-01", None])
    assert checked.accepted.height == 4
    assert checked.rejected.height == 0
    assert checked.blanked == {"VALUE: not_a_date": 2, "VALUE: in_the_future": 1}


def test_a_row_may_break_several_rules() -> None:
    feed = spec(
        {
            "a": {"type": "date", "required": True},
            "b": {"type": "snomed", "required": True},
        }
    )
    frame = pl.DataFrame(
        {"row_number": [1, 2], "a": ["x", "2026-01-01"], "b": ["?", "44054006"]}
    )
    checked = validate(frame, feed, RECEIVED_ON)
    assert checked.rejected.select("row_number", "rule").rows() == [
        (1, "not_a_date"),
        (1, "not_a_snomed_code"),
    ]
    assert checked.accepted["row_number"].to_list() == [2]


def test_rows_outside_what_a_feed_uses_are_left_out_with_the_value() -> None:
    feed = spec(
        {"state": {}, "on": {"type": "date", "required": True}}, uses={"state": ["3"]}
    )
    frame = pl.DataFrame(
        {
            "row_number": [1, 2, 3],
            "state": ["1", "3", None],
            "on": ["x", "x", "2026-01-01"],
        }
    )
    checked = validate(frame, feed, RECEIVED_ON)
    assert checked.rejected.rows() == [
        (1, "not_used", "STATE: 1"),
        (2, "not_a_date", "ON"),
    ]
    assert checked.accepted["row_number"].to_list() == [3]


def test_typed_parquet_values_are_checked_too() -> None:
    days = [date(2026, 1, 1), date(2031, 1, 1), None]
    checked = check("date", days, required=True)
    assert checked.accepted["value"].to_list() == [date(2026, 1, 1)]
    assert checked.rejected["rule"].to_list() == ["in_the_future", "missing"]


def test_every_rule_has_words_for_an_analyst() -> None:
    assert set(EXCLUDING) <= set(RULES)
    assert all(words[0].isupper() for words in RULES.values())
