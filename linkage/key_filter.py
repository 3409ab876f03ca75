"""Which rows an earlier run may have loaded already, without asking for each.

A Bloom filter (Bloom, CACM 1970) of a run's row keys: 32 to 64 bits, eight probes each.
A key that was put in is always found; of others about one in 170,000 is, where the
filter is fullest. So a new year's file is looked up in the store for the rows that came
before, and hardly ever for another: one of those is looked for in all partitions.
"""

import numpy as np
import polars as pl

BITS_A_KEY = 32
PROBES = 8
# A filter of whole powers of two bytes was made with four probes; later ones say theirs
# in one byte more, the first.
PROBES_AT_FIRST = 4
Words = np.ndarray[tuple[int], np.dtype[np.uint64]]


def key_filter(keys: pl.Series) -> bytes:
    """Return a filter of 64-bit keys: how many probes, and a power of two of bytes."""
    bits = max(64, 1 << (max(keys.len() * BITS_A_KEY, 1) - 1).bit_length())
    held = np.zeros(bits // 8, dtype=np.uint8)
    for probe in _probes(keys, bits, PROBES):
        np.bitwise_or.at(held, probe >> np.uint64(3), _bit(probe))
    return bytes([PROBES]) + held.tobytes()


def may_hold(known: bytes, keys: pl.Series) -> np.ndarray:
    """For each key, False only where it was never put into the filter."""
    held, many = np.frombuffer(known, dtype=np.uint8), PROBES_AT_FIRST
    if held.size & (held.size - 1):
        held, many = held[1:], int(held[0])
    found = np.ones(keys.len(), dtype=np.bool_)
    for probe in _probes(keys, held.size * 8, many):
        found &= held[probe >> np.uint64(3)] & _bit(probe) != 0
    return found


def _bit(places: Words) -> np.ndarray:
    return np.left_shift(1, places & np.uint64(7)).astype(np.uint8)


def _probes(keys: pl.Series, bits: int, many: int) -> list[Words]:
    """Places by double hashing of the key's two halves; the keys are well mixed."""
    words = keys.to_numpy().view(np.uint64)
    first, step = words & np.uint64(0xFFFFFFFF), (words >> np.uint64(32)) | np.uint64(1)
    mask = np.uint64(bits - 1)
    return [(first + step * np.uint64(n)) & mask for n in range(many)]
