"""Rows of published series to values: nothing lost, nothing chosen in silence."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from linkage.series_specs import SeriesSpec
from linkage.steps.tidy_series import tidy_series

HEAD = {
    "title": "A series",
    "owner": "Somebody",
    "review_by": "2027-01-01",
    "source": "A test",
    "layout": "wide",
    "licence": "none",
    "controller": "Nobody",
    "cadence": "monthly",
    "files": ["a*"],
}
WIDE = HEAD | {
    "area": {"kind": "trust", "column": "org"},
    "period": {"length": "month", "column": "date", "formats": ["%B %Y"]},
    "by": {"type": "type"},
    "measures": {
        "came": {"header": "Came", "title": "Came", "unit": "people"},
        "stayed": {"header": "Stayed", "title": "Stayed", "unit": "people"},
    },
}
SPEC = SeriesSpec.model_validate(WIDE)


def rows(*given: tuple[str, ...]) -> pl.DataFrame:
    columns = ["org", "date", "type", "Came", "Stayed"]
    frame = pl.DataFrame(given, schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame.with_row_index("row_number", offset=1).cast({"row_number": pl.Int64})


def test_a_wide_row_gives_each_measure() -> None:
    found = tidy_series(rows(("RZ1", "April 2022", "1", "12", "3.5")), SPEC)
    assert found.values.drop("row_number", "record").rows() == [
        ("came", "RZ1", "1", date(2022, 4, 1), 12.0),
        ("stayed", "RZ1", "1", date(2022, 4, 1), 3.5),
    ]


def test_what_is_withheld_is_kept_as_not_known() -> None:
    found = tidy_series(rows(("RZ1", "April 2022", "1", "NA", "3")), SPEC)
    assert found.values["value"].to_list() == [None, 3.0]
    assert found.blanked == {"Came: withheld": 1}
    assert found.rejected.is_empty()


def test_every_reason_is_said() -> None:
    found = tidy_series(rows(("", "soon", "1", "many", "3")), SPEC)
    assert sorted(found.rejected.rows()) == [
        (1, "missing", "org"),
        (1, "not_a_date", "date"),
        (1, "not_a_number", "Came"),
    ]
    assert found.values.is_empty()


def test_a_repeat_is_a_duplicate_and_a_contradiction_is_nobodys() -> None:
    found = tidy_series(
        rows(
            ("RZ1", "April 2022", "1", "12", "3"),
            ("RZ1", "April 2022", "1", "12", "3"),
            ("RZ2", "April 2022", "1", "12", "3"),
            ("RZ2", "April 2022", "1", "13", "3"),
        ),
        SPEC,
    )
    assert found.duplicate == 1
    assert found.rejected.rows() == [(3, "two_values", ""), (4, "two_values", "")]
    assert set(found.values["area_code"]) == {"RZ1"}


def test_a_long_file_names_its_measures() -> None:
    long = WIDE | {"by": {}, "long": {"measure": "type", "value": "Came"}}
    spec = SeriesSpec.model_validate(long)
    found = tidy_series(
        rows(
            ("RZ1", "April 2022", "Stayed", "12", ""),
            ("RZ1", "April 2022", "Slept", "13", ""),
        ),
        spec,
    )
    assert found.values["measure"].to_list() == ["stayed"]
    assert found.rejected.rows() == [(2, "unknown_measure", "type")]


def test_a_rate_of_no_measure_is_refused() -> None:
    rate = {"r": {"title": "R", "count": "came", "out_of": "went", "per": 100}}
    with pytest.raises(ValidationError, match="went"):
        SeriesSpec.model_validate(WIDE | {"rates": rate})


CELL = st.sampled_from(
    ["", "RZ1", "RZ2", "April 2022", "May 2022", "1", "2", "x", "NA"]
)


@given(st.lists(st.tuples(CELL, CELL, CELL, CELL, CELL), max_size=12))
def test_no_row_is_lost(given_rows: list[tuple[str, ...]]) -> None:
    frame = rows(*given_rows)
    found = tidy_series(frame, SPEC)
    loaded = set(found.values["row_number"])
    rejected = set(found.rejected["row_number"])
    assert not loaded & rejected
    assert len(loaded) + len(rejected) + found.duplicate == frame.height
