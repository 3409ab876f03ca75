"""What was met is found, and nothing else."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from linkage.met_keys import BITS, MetKeys

# Few low halves, so that different keys meet in the table of bits.
keys = st.builds(
    lambda low, high: low + high * BITS, st.integers(0, 3), st.integers(-4, 4)
)
batches = st.lists(st.lists(keys, max_size=8), max_size=5)


@given(batches=batches)
def test_keys_of_earlier_batches_are_found_exactly(batches: list[list[int]]) -> None:
    met = MetKeys()
    before: set[int] = set()
    for batch in batches:
        asked = pl.Series(batch, dtype=pl.Int64)
        assert met.held(asked).to_list() == [key in before for key in batch]
        met.add(asked)
        before |= set(batch)
