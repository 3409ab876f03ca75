"""A person's reference opens only where it was made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import pseudonym

HERE = {"recipient": "U90001", "purpose": "direct_care"}


@given(st.integers(0, 2**31 - 1))
def test_a_reference_opens_where_it_was_made(person_no):
    reference = pseudonym.seal(person_no, **HERE)
    assert pseudonym.unseal(reference, **HERE) == person_no


@pytest.mark.parametrize(
    "there",
    [
        {"recipient": "U90002", "purpose": "direct_care"},
        {"recipient": "U90001", "purpose": "population_health"},
    ],
)
def test_a_reference_opens_nowhere_else(there):
    reference = pseudonym.seal(42, **HERE)
    assert pseudonym.seal(42, **there) != reference
    with pytest.raises(pseudonym.UnknownReferenceError):
        pseudonym.unseal(reference, **there)


@pytest.mark.parametrize("forged", ["", "42", "aaaa", "é" * 32, "a" * 32])
def test_a_forged_reference_is_refused(forged):
    with pytest.raises(pseudonym.UnknownReferenceError):
        pseudonym.unseal(forged, **HERE)


def test_no_reference_is_all_digits_like_an_nhs_number():
    references = [pseudonym.seal(n, **HERE) for n in range(2000)]
    assert not any(r.isdigit() for r in references)
    assert len(set(references)) == 2000
