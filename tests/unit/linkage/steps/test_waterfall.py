"""Bars that begin where the last one ended and end at the sum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.steps.waterfall import Part, waterfall

BITS = st.floats(-40, 40).map(lambda bits: round(bits, 3))


def test_a_small_one_by_hand() -> None:
    found = waterfall([Part("prior", "", -4.0), Part("surname", "the same", 12.0)])
    assert found.zero == pytest.approx(1 / 3)
    prior, surname = found.bars
    assert (prior.start, prior.width, prior.sum) == (0.0, pytest.approx(1 / 3), -4.0)
    assert (surname.start, surname.width, surname.sum) == (0.0, 1.0, 8.0)
    assert (prior.words, surname.words) == ("−4.0", "+12.0")


@given(st.lists(BITS, max_size=8))
def test_everything_is_drawn_inside_and_ends_at_the_sum(bits) -> None:
    found = waterfall([Part(str(n), "", each) for n, each in enumerate(bits)])
    assert 0 <= found.zero <= 1
    for bar in found.bars:
        assert -1e-9 <= bar.start <= bar.start + bar.width <= 1 + 1e-9
    if bits:
        assert found.bars[-1].sum == pytest.approx(sum(bits))
