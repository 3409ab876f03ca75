import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from linkage.steps.index import bitmap_of
from segmentation.cohorts.steps.bins import MOST_BINS, fine_bins

NUMBERS = st.one_of(
    st.just(float("nan")),
    st.integers(-5, 40).map(float),
    st.floats(-1e5, 1e6, width=32),
)


def made(numbers):
    ids = np.arange(3, 3 + len(numbers), dtype=np.uint32)
    column = np.array(numbers, dtype=np.float32)
    return ids, column, fine_bins(ids, column)


def asked(ids, column, bins, low, high):
    def values(people):
        chosen = np.isin(ids, np.array(people))
        return ids[chosen], column[chosen]

    return bins.between(low, high, values)


def slowly(ids, column, low, high):
    return BitMap(
        int(n)
        for n, value in zip(ids, column, strict=True)
        if not np.isnan(value)
        and (low is None or value >= np.float32(low))
        and (high is None or value < np.float32(high))
    )


@given(
    st.lists(NUMBERS, max_size=60),
    st.none() | st.floats(-1e5, 1e6, width=32),
    st.none() | st.floats(-1e5, 1e6, width=32),
)
def test_a_range_holds_exactly_whom_the_numbers_say(numbers, low, high):
    ids, column, bins = made(numbers)
    assert asked(ids, column, bins, low, high) == slowly(ids, column, low, high)


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(5)
    numbers = rng.lognormal(5, 2, 20_000)
    numbers[rng.random(20_000) < 0.3] = np.nan
    return made(numbers)


@pytest.mark.parametrize("low", [None, 0, 100, 137.77, 5000])
@pytest.mark.parametrize("high", [None, 101, 2500, 31_234.5])
def test_many_values_are_binned_and_still_exact(many, low, high):
    assert asked(*many, low, high) == slowly(*many[:2], low, high)


def test_numbers_as_people_type_them_are_edges_and_need_no_column(many):
    def never(people):
        raise AssertionError("the column was read")

    _, _, bins = many
    for low, high in [(100, 200), (2500, None), (None, 1000)]:
        bins.between(low, high, never)


def test_bins_stay_few_and_hold_everyone_known(many):
    ids, column, bins = many
    assert 100 < len(bins.bins) <= 3 * MOST_BINS
    assert BitMap.union(*bins.bins) == bins.known == bitmap_of(ids[~np.isnan(column)])


def test_nobody_known_is_nobody_found():
    ids, column, bins = made([float("nan")] * 3)
    assert asked(ids, column, bins, None, None) == BitMap()
