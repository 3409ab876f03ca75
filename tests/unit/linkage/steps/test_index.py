"""Columns of a release as the profile's lists of numbers."""

import polars as pl

from linkage.steps.index import lists

FLAG = pl.Series("flag", [1.0, None, 0.0], dtype=pl.Float32)
NUMBER = pl.Series("number", [None, 2.5, -3.0], dtype=pl.Float32)


def test_every_row_has_its_values_in_the_order_of_the_columns() -> None:
    made = lists([FLAG, NUMBER])
    assert made.dtype == pl.List(pl.Float32)
    assert made.to_list() == [[1.0, None], [None, 2.5], [0.0, -3.0]]


def test_nobody_has_none() -> None:
    assert lists([FLAG.clear(), NUMBER.clear()]).to_list() == []
