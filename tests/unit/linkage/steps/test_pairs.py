"""Pairs counted in closed form, against pairs counted one by one."""

from itertools import combinations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.steps.pairs import pairs

RECORD = st.tuples(
    st.sampled_from(["gp", "sus", "list"]), st.integers(1, 4), st.integers(1, 4)
)


def counted(rows: list[tuple[str, int, int]], feed: str) -> tuple[int, int, int]:
    found = true = right = 0
    for one, other in combinations(rows, 2):
        if feed != "all" and feed not in (one[0], other[0]):
            continue
        found += one[1] == other[1]
        true += one[2] == other[2]
        right += one[1:] == other[1:]
    return found, true, right


@given(st.lists(RECORD, min_size=1, max_size=14))
def test_pairs_by_feed_agree_with_counting_them(rows) -> None:
    frame = pl.DataFrame(rows, schema=["feed", "found", "true"], orient="row")
    for row in pairs(frame).to_dicts():
        assert (row["pairs_found"], row["pairs_true"], row["pairs_right"]) == counted(
            rows, row["feed"]
        )


def test_precision_and_recall_of_a_small_case() -> None:
    """Three records of one person, of which one was given to somebody else."""
    rows = [("gp", 1, 1), ("gp", 1, 1), ("sus", 2, 1), ("sus", 2, 2)]
    frame = pl.DataFrame(rows, schema=["feed", "found", "true"], orient="row")
    everything = pairs(frame).filter(feed="all").to_dicts()[0]
    assert everything["precision"] == pytest.approx(1 / 2)
    assert everything["recall"] == pytest.approx(1 / 3)


def test_without_pairs_there_is_no_share() -> None:
    frame = pl.DataFrame({"feed": ["gp"], "found": [1], "true": [1]})
    row = pairs(frame).filter(feed="all").to_dicts()[0]
    assert (row["precision"], row["recall"]) == (None, None)
