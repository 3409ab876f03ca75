"""Rules between the columns of a row."""

from datetime import date

import polars as pl
import pytest

from linkage.specs import CheckSpec, FeedSpec
from linkage.steps.validate import validate
from tests.unit.linkage.steps.test_read import SPEC

COLUMNS = {
    "visit": {"headers": ["VisitId"], "required": True},
    "kind": {"headers": ["KIND"]},
    "came": {"headers": ["CAME"], "type": "date"},
    "went": {"headers": ["WENT"], "type": "date"},
    "beds": {"headers": ["BEDS"], "type": "integer"},
}
ROW = {"visit": "1", "kind": None, "came": None, "went": None, "beds": None}


def checked(check: dict, *rows: dict):
    made = SPEC.model_dump() | {"columns": COLUMNS, "checks": [check]}
    spec = FeedSpec.model_validate(made)
    frame = pl.DataFrame(
        [ROW | row | {"row_number": n} for n, row in enumerate(rows, start=1)],
        schema=dict.fromkeys(ROW, pl.String) | {"row_number": pl.Int64},
    )
    return validate(frame, spec, date(2026, 9, 30))


ORDER = {"rule": "earlier_than", "column": "went", "other": "came"}


@pytest.mark.parametrize(
    ("check", "broken", "kept"),
    [
        (
            ORDER,
            {"came": "2026-01-02", "went": "2026-01-01"},
            {"came": "2026-01-02", "went": "2026-01-02"},
        ),
        (
            {"rule": "needs", "column": "went", "other": "came"},
            {"went": "2026-01-01"},
            {"came": "2026-01-01"},
        ),
        (
            {"rule": "not_with", "column": "beds", "other": "kind"},
            {"beds": "1", "kind": "day"},
            {"beds": "1"},
        ),
        (
            {"rule": "out_of_range", "column": "beds", "at_least": 1, "at_most": 9},
            {"beds": "10"},
            {"beds": "9"},
        ),
        (
            {"rule": "none_of_these", "any_of": ["came", "went"]},
            {},
            {"went": "2026-01-01"},
        ),
        (
            ORDER | {"when": {"kind": ["stay"]}},
            {"came": "2026-01-02", "went": "2026-01-01", "kind": "stay"},
            {"came": "2026-01-02", "went": "2026-01-01", "kind": "day"},
        ),
    ],
)
def test_a_row_that_breaks_a_rule_waits_with_its_columns_named(
    check, broken, kept
) -> None:
    found = checked(check, broken, kept)
    assert found.accepted["row_number"].to_list() == [2]
    ((row, rule, field),) = found.rejected.rows()
    assert (row, rule) == (1, check["rule"])
    for name in (check.get("column"), check.get("other")):
        assert name is None or COLUMNS[name]["headers"][0] in field


def test_all_reasons_of_a_row_are_given() -> None:
    found = checked(ORDER, {"visit": None, "came": "2026-01-02", "went": "2026-01-01"})
    assert sorted(found.rejected["rule"]) == ["earlier_than", "missing"]


def test_a_check_may_only_note() -> None:
    found = checked(
        ORDER | {"then": "note"}, {"came": "2026-01-02", "went": "2026-01-01"}
    )
    assert found.accepted.height == 1
    assert found.noted == {"WENT and CAME: earlier_than": 1}


def test_a_range_without_one_end_is_open_there() -> None:
    found = checked(
        {"rule": "out_of_range", "column": "beds", "at_least": 0},
        {"beds": "-1"},
        {"beds": "999999"},
    )
    assert found.rejected["row_number"].to_list() == [1]


def test_checks_speak_of_columns_that_are_defined() -> None:
    with pytest.raises(ValueError, match="does not define it"):
        FeedSpec.model_validate(
            SPEC.model_dump() | {"checks": [{"rule": "needs", "column": "nothing"}]}
        )
    assert CheckSpec(rule="needs", column="a", other="b").columns == ("a", "b")


def test_values_too_long_or_with_a_zero_byte_are_set_aside() -> None:
    found = checked(ORDER, {"kind": "x" * 65_537}, {"kind": "a\0b"}, {"kind": "ok"})
    assert found.rejected.rows() == [(1, "too_long", "KIND"), (2, "zero_byte", "KIND")]
    assert found.accepted["row_number"].to_list() == [3]
