"""Where nearly everybody sought has been found, the rest are sought less warily."""

import numpy as np
import polars as pl
import pytest

from linkage.steps.linking.cluster import DOUBT, Joined, join_units, pair_frame
from linkage.steps.linking.model import model_in_use
from linkage.steps.linking.weigh import Weighed

MODEL = model_in_use("names")
FAINT = MODEL.accept_bits - 3.0  # less than a link needs


def joined(found: int, lost: int, *faint: float) -> Joined:
    """Units without a number: `found` that plainly mean somebody, `lost` that mean
    nobody, and one that means unit 0 by the first of `faint`, unit 1 by the next."""
    people = max(found, 2)
    last = people + found + lost
    left = [*range(found), *range(len(faint))]
    right = [*range(people, people + found), *[last] * len(faint)]
    bits = np.array([20.0] * found + list(faint), dtype=np.float32)
    nothing = np.zeros(len(left), dtype=np.float32)
    weighed = Weighed(
        np.array(left, dtype=np.uint32),
        np.array(right, dtype=np.uint32),
        {c.field: np.zeros(len(left), dtype=np.int8) for c in MODEL.comparisons},
        {c.field: bits if c.field == "sex" else nothing for c in MODEL.comparisons},
    )
    nobody = pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64})
    return join_units(
        pair_frame(weighed).with_columns(local_bits=pl.lit(None, dtype=pl.Float32)),
        np.arange(last + 1),
        pl.Series(range(people), dtype=pl.Int64),
        pl.Series([], dtype=pl.Int64),
        nobody,
        MODEL,
        0.0,
        pl.Series(range(people, last + 1), dtype=pl.Int64),
    )


@pytest.mark.parametrize(
    ("found", "lost", "joins"),
    [
        (2_000, 20, True),  # nearly all have their person here
        (2_000, 2_000, False),  # as many are nobody here
        (4, 0, False),  # too few to tell
    ],
)
def test_a_faint_match_counts_where_nearly_all_are_known(found, lost, joins) -> None:
    moves = joined(found, lost, FAINT).moves
    assert moves.height == found + joins
    last = moves.filter(pl.col("unit") == moves["unit"].max())
    if joins:
        assert last["into"].item() == 0
        # The weight that is kept says what was added, and not beyond the model's most.
        assert last["weight"].item() == pytest.approx(FAINT + MODEL.most_known_bits)


def test_a_close_second_still_keeps_a_faint_match_apart() -> None:
    assert joined(2_000, 20, FAINT, FAINT - 2.0).moves.height == 2_000


def test_what_is_added_follows_the_share_that_was_found() -> None:
    lost = 300  # odds of about one to six: 2.5 bits
    odds = (2_000 + DOUBT) / (lost + 1 + DOUBT)
    needed = MODEL.accept_bits - np.log2(odds)
    assert joined(2_000, lost, needed + 0.1).moves.height == 2_001
    assert joined(2_000, lost, needed - 0.1).moves.height == 2_000
