"""A filter that may say yes too often and never no wrongly."""

import numpy as np
import polars as pl
import pytest

from linkage import key_filter as filters
from linkage.key_filter import _probes, may_hold
from linkage.key_runs import KeyRuns
from linkage.keys import row_keys


def keys(first: int, many: int) -> pl.Series:
    numbers = pl.int_range(first, first + many, eager=True).alias("n")
    return row_keys(numbers.to_frame(), ["n"], "test")


def key_filter(put_in: pl.Series) -> list[bytes]:
    runs = KeyRuns()
    runs.add(put_in.to_numpy())
    return list(filters.key_filter(runs.many, runs.between))


@pytest.mark.parametrize("many", [1, 3, 1000, 65_536, 65_537])
def test_what_was_put_in_is_always_found(many: int) -> None:
    put_in = keys(0, many)
    assert may_hold(key_filter(put_in), put_in).all()


def test_of_others_hardly_any_are_found() -> None:
    known = key_filter(keys(0, 87_381))  # 48 bits a key, the fullest it gets
    assert len(known[0]) == 1 + 2**19
    assert not may_hold(known, keys(1_000_000, 4_000_000)).any()


def test_of_others_a_fuller_filter_finds_as_many_as_foretold(monkeypatch) -> None:
    monkeypatch.setattr(filters, "BITS_A_KEY", 8)
    monkeypatch.setattr(filters, "PROBES", 4)
    known = key_filter(keys(0, 65_536))
    found = may_hold(known, keys(1_000_000, 1_000_000)).mean()
    assert 0.8 < found / (1 - np.exp(-4 / 8)) ** 4 < 1.25


@pytest.mark.parametrize(("probes", "head"), [(4, b""), (8, bytes([8]))])
def test_filters_of_fewer_probes_are_still_understood(probes, head) -> None:
    put_in = keys(0, 1000)
    held = np.zeros(16_384, dtype=np.bool_)
    places = list(_probes(put_in.to_numpy(), 16_384, probes, even=True))
    held[np.concatenate(places)] = True
    known = [head + np.packbits(held, bitorder="little").tobytes()]
    assert may_hold(known, put_in).all()
    assert may_hold(known, keys(5000, 1000)).mean() < 1 / 100


def test_an_empty_filter_holds_nothing() -> None:
    known = key_filter(pl.Series([], dtype=pl.Int64))
    assert not may_hold(known, keys(0, 1000)).any()


def test_no_keys_are_asked_for() -> None:
    asked = may_hold(key_filter(keys(0, 10)), pl.Series([], dtype=pl.Int64))
    assert asked.dtype == np.bool_
    assert asked.size == 0


def test_a_large_filter_is_in_pieces_and_says_the_same(monkeypatch) -> None:
    monkeypatch.setattr(filters, "PIECE_KEYS", 4096)
    put_in = keys(0, 30_000)
    known = key_filter(put_in)
    assert len(known) == 8
    assert max(map(len, known)) < 40_000  # none holds them all
    assert may_hold(known, put_in).all()
    assert may_hold(known, keys(100_000, 200_000)).mean() < 1 / 20_000
