"""Which rows an earlier run may have loaded already, without asking for each.

A Bloom filter (Bloom, CACM 1970) of a run's row keys: 16 to 32 bits a key, four probes.
A key that was put in is always found; of others at most one in 400 is. So a new year's
file is looked up in the store for a few rows, and not for all four million.
"""

import numpy as np
import polars as pl

BITS_A_KEY = 16
PROBES = 4
Words = np.ndarray[tuple[int], np.dtype[np.uint64]]


def key_filter(keys: pl.Series) -> bytes:
    """Return a filter of 64-bit keys, its length a power of two."""
    bits = max(64, 1 << (max(keys.len() * BITS_A_KEY, 1) - 1).bit_length())
    there = np.zeros(bits, dtype=np.bool_)
    for probe in _probes(keys, bits):
        there[probe] = True
    return np.packbits(there, bitorder="little").tobytes()


def may_hold(known: bytes, keys: pl.Series) -> np.ndarray:
    """For each key, False only where it was never put into the filter."""
    held = np.frombuffer(known, dtype=np.uint8)
    found = np.ones(keys.len(), dtype=np.bool_)
    for probe in _probes(keys, held.size * 8):
        bit = (probe & np.uint64(7)).astype(np.uint8)
        found &= (held[probe >> np.uint64(3)] >> bit) & np.uint8(1) == 1
    return found


def _probes(keys: pl.Series, bits: int) -> list[Words]:
    """Places by double hashing of the key's two halves; the keys are well mixed."""
    words = keys.to_numpy().view(np.uint64)
    first, step = words & np.uint64(0xFFFFFFFF), (words >> np.uint64(32)) | np.uint64(1)
    mask = np.uint64(bits - 1)
    return [(first + step * np.uint64(n)) & mask for n in range(PROBES)]
