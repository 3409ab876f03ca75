"""What was met is found, and nothing else."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from linkage import met_keys
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


def test_the_table_grows_with_the_keys_and_forgets_none(monkeypatch) -> None:
    monkeypatch.setattr(met_keys, "BITS", 1 << 10)
    monkeypatch.setattr(met_keys, "MOST_BITS", 1 << 13)
    put_in = pl.Series(np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 2000))
    met = MetKeys()
    sizes = set()
    for batch in put_in.gather_every(2).to_frame().iter_slices(100):
        met.add(batch.to_series())
        sizes.add(met._bits.size * 8)
    assert sizes == {1 << 11, 1 << 12, 1 << 13}
    assert met.held(put_in).to_list() == [True, False] * 1000
