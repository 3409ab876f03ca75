import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from segmentation.cohorts.steps.bins import (
    MOST_CODES,
    MOST_SHORT_CODES,
    MOST_STEPS,
    Dense,
    Steps,
    bitmap_of_mask,
    by_number,
)

NUMBERS = st.one_of(
    st.just(float("nan")),
    st.integers(-5, 40).map(float),
    st.floats(-1e5, 1e6, width=32),
)
BOUND = st.none() | st.floats(-1e5, 1e6, width=32)


def slowly(ids, column, low, high):
    return BitMap(
        int(n)
        for n, value in zip(ids, column, strict=True)
        if not np.isnan(value)
        and (low is None or value >= np.float32(low))
        and (high is None or value < np.float32(high))
    )


@settings(deadline=None)
@given(
    st.lists(NUMBERS, max_size=60),
    BOUND,
    BOUND,
    st.sampled_from([256, 4, 0]),
    st.sampled_from([255, 2]),
)
def test_a_range_holds_exactly_whom_the_numbers_say(numbers, low, high, most, short):
    """By steps, by codes of either length and by numbers: all ways to keep a column."""
    ids = np.arange(3, 3 + len(numbers), dtype=np.uint32)
    column = np.array(numbers, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmentation.cohorts.steps.bins.MOST_STEPS", min(most, 4) or -1)
        patch.setattr("segmentation.cohorts.steps.bins.MOST_CODES", most)
        patch.setattr("segmentation.cohorts.steps.bins.MOST_SHORT_CODES", short)
        if np.isnan(column).all():
            patch.undo()  # nobody is known: there are no levels at all
        made = by_number(ids, column)
    assert made.between(low, high) == slowly(ids, column, low, high)
    assert made.known == slowly(ids, column, None, None)
    for few in (BitMap(), BitMap(ids[:2]), BitMap(ids[::2]), BitMap([1, 10**6])):
        wanted = slowly(ids, column, low, high) & few
        assert made.within(few, low, high) == wanted
    some = BitMap(ids[::2]) | BitMap([1, 10**6])
    inside = {int(n): float(v) for n, v in zip(ids, column, strict=True) if n in some}
    known = {n: value for n, value in inside.items() if not np.isnan(value)}
    assert made.total(some) == pytest.approx(sum(known.values()), rel=1e-5, abs=1e-3)


@pytest.fixture(scope="module")
def kinds():
    rng = np.random.default_rng(5)
    n = 100_000
    ids = np.sort(rng.choice(4 * n, n, replace=False)).astype(np.uint32)
    unknown = rng.random(n) < 0.3
    made = {}
    for name, numbers in {
        "count": rng.poisson(3, n),
        "age": rng.integers(0, 100, n),
        "measure": rng.normal(60, 15, n).round(1),
        "cost": rng.lognormal(5, 2, n) * (rng.random(n) < 0.7),
    }.items():
        column = numbers.astype(np.float32)
        column[unknown] = np.nan
        made[name] = (ids, column, by_number(ids, column))
    return made


def test_few_values_have_a_set_each_and_many_have_codes(kinds):
    count, age, measure, cost = (made for _, _, made in kinds.values())
    assert isinstance(count, Steps)
    assert len(count.above) <= MOST_STEPS
    assert isinstance(age, Dense)
    assert MOST_STEPS < len(age.levels) == 100 <= MOST_SHORT_CODES
    assert age.codes.dtype == np.uint8
    assert isinstance(measure, Dense)
    assert measure.codes.dtype == np.uint16
    assert isinstance(cost, Dense)
    assert MOST_STEPS < len(measure.levels) <= MOST_CODES
    assert measure.codes.dtype == np.uint16


@pytest.mark.parametrize("name", ["count", "age", "measure", "cost"])
@pytest.mark.parametrize("low", [None, 0, 37.5, 60, 5000])
@pytest.mark.parametrize("high", [None, 61, 2500.25])
def test_thousands_of_people_are_found_as_the_column_says(kinds, name, low, high):
    ids, column, made = kinds[name]
    chosen = ~np.isnan(column)
    if low is not None:
        chosen &= column >= np.float32(low)
    if high is not None:
        chosen &= column < np.float32(high)
    wanted = BitMap(ids[chosen].tolist())
    assert made.between(low, high) == wanted
    for scope in (BitMap(ids[:900].tolist()), BitMap(ids[::3].tolist()), BitMap([7])):
        assert made.within(scope, low, high) == wanted & scope


@pytest.mark.parametrize("name", ["count", "age", "cost"])
def test_who_contributes_has_another_number_than_zero(kinds, name):
    ids, column, made = kinds[name]
    used = ids[np.nan_to_num(column) != 0]
    some = BitMap(ids[::3].tolist())
    assert made.contributors(some) == BitMap(used.tolist()) & some


@pytest.mark.parametrize("share", [0, 0.0001, 0.06, 0.07, 0.5, 1])
@pytest.mark.parametrize("size", [0, 1, 65_536, 200_001])
def test_a_mask_becomes_its_positions(share, size):
    mask = np.random.default_rng(1).random(size) < share
    made = bitmap_of_mask(mask)
    assert made == BitMap(np.flatnonzero(mask).tolist())
    assert made | BitMap([7]) == BitMap([7, *np.flatnonzero(mask).tolist()])


def test_nobody_known_is_nobody_found():
    made = by_number(np.arange(3, dtype=np.uint32), np.full(3, np.nan, np.float32))
    assert made.between(None, None) == BitMap()
    assert made.total(BitMap([1])) == 0
