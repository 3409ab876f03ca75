"""Bits as bitmaps: every way to write a container, beside the numbers themselves."""

import numpy as np
import pytest
from pyroaring import BitMap

from segmentation.cohorts.steps.bins import MOST_CODES, Dense, by_number
from segmentation.cohorts.steps.containers import (
    BLOCK_BITS,
    FEW,
    bitmap_of_bits,
    bitmap_of_sorted,
    bits_of_mask,
    chosen,
    ids_of,
)

SIZE = 4 * BLOCK_BITS + 700


def mask_of(*shares):
    """A mask with another share of members in each block."""
    rng = np.random.default_rng(3)
    mask = np.zeros(SIZE, dtype=np.bool_)
    for n, share in enumerate(shares):
        block = mask[n * BLOCK_BITS : (n + 1) * BLOCK_BITS]
        block[:] = rng.random(len(block)) < share
    return mask


@pytest.mark.parametrize(
    "shares",
    [
        (0, 0, 0, 0, 0),
        (0.5, 0.5, 0.5, 0.5, 0.5),
        (0.01, 0.02, 0, 0.001, 0.5),  # lists: written as the rest
        (0.01, 0.999, 1, 0.02, 0.03),  # their rests hold lists too
        (1, 1, 1, 1, 1),
    ],
)
def test_bits_become_the_same_people_however_they_are_written(shares):
    mask = mask_of(*shares)
    bits = bits_of_mask(mask)
    numbers = np.flatnonzero(mask).tolist()
    assert bitmap_of_bits(bits) == BitMap(numbers)
    beyond = len(bits) * BLOCK_BITS
    for scope in (
        BitMap(),
        BitMap([3, 5, BLOCK_BITS + 1, beyond, beyond + 9]),
        BitMap(range(0, beyond, 3)),
    ):
        assert chosen(scope, bits) == BitMap(numbers) & scope


@pytest.mark.parametrize("many", [0, 1, FEW, FEW + 1, 150_000])
def test_ascending_numbers_become_a_bitmap_and_numbers_again(many):
    ids = np.sort(np.random.default_rng(4).choice(SIZE, many, replace=False))
    made = bitmap_of_sorted(ids.astype(np.uint32))
    assert made == BitMap(ids.tolist())
    assert ids_of(made).tolist() == ids.tolist()


def test_a_range_reaches_over_all_codes_where_every_one_is_used():
    numbers = np.arange(MOST_CODES, dtype=np.float32)
    made = by_number(np.arange(1, MOST_CODES + 1, dtype=np.uint32), numbers)
    assert isinstance(made, Dense)
    assert made.levels is not None
    assert len(made.between(None, 1e9)) == MOST_CODES
    assert len(made.within(made.known, 10, 1e9)) == MOST_CODES - 10
    assert made.within(BitMap([MOST_CODES, 10**7]), 1e9, None) == BitMap()
