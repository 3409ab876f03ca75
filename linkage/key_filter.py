"""Which rows an earlier run may have loaded already, without asking for each.

A Bloom filter (Bloom, CACM 1970) of a run's row keys: 48 to 96 bits, 16 probes each.
A key that was put in is always found; of others about one in 600 million is, where the
filter is fullest. So a new year's file is looked up in the store for the rows that came
before, and for no other: a single one is looked for in all partitions, and the tables
are read whole for it. With 32 bits and eight probes, one in 170,000, nearly every large
file had one among the filters of its dozen predecessors.

The filter of a large run is cut into pieces by the keys' first bits: it is made, kept
and read a few megabytes at a time.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

BITS_A_KEY = 48
PROBES = 16
# A filter of whole powers of two bytes was made with four probes; later ones say theirs
# in one byte more, the first. Up to eight lay evenly apart.
PROBES_AT_FIRST = 4
EVEN_PROBES = 8
PIECE_KEYS = 1 << 20
Keys = NDArray[np.int64]
Words = np.ndarray[tuple[int], np.dtype[np.uint64]]


def key_filter(many: int, between: Callable[[int, int], Keys]) -> Iterator[bytes]:
    """Give the pieces of a filter of so many 64-bit keys, in order.

    between: the keys from one number up to and with another. Each piece says how many
    probes it takes, and holds a power of two of bytes.
    """
    pieces = 1 << (max(many - 1, 0) // PIECE_KEYS).bit_length()
    span = (1 << 64) // pieces
    for n in range(pieces):
        low = n * span - (1 << 63)
        yield _filter(between(low, low + span - 1))


def may_hold(pieces: Sequence[bytes], keys: pl.Series) -> NDArray[np.bool_]:
    """For each key, False only where it was never put into the filter."""
    asked = keys.to_numpy()
    if len(pieces) == 1:
        return _may_hold(pieces[0], asked)
    found = np.zeros(asked.size, dtype=np.bool_)
    which = (asked >> (65 - len(pieces).bit_length())) + len(pieces) // 2
    for n, piece in enumerate(pieces):
        here = np.flatnonzero(which == n)
        found[here] = _may_hold(piece, asked[here])
    return found


def _filter(keys: Keys) -> bytes:
    bits = max(64, 1 << (max(keys.size * BITS_A_KEY, 1) - 1).bit_length())
    held = np.zeros(bits, dtype=np.bool_)
    for probe in _probes(keys, bits, PROBES):
        held[probe] = True
    return bytes([PROBES]) + np.packbits(held, bitorder="little").tobytes()


def _may_hold(known: bytes, keys: Keys) -> NDArray[np.bool_]:
    held, many = np.frombuffer(known, dtype=np.uint8), PROBES_AT_FIRST
    if held.size & (held.size - 1):
        held, many = held[1:], int(held[0])
    # Of keys never put in, all but few are told by their first probes.
    left = np.arange(keys.size)
    even = many <= EVEN_PROBES
    for n in range(many):
        probe = next(_probes(keys[left], held.size * 8, 1, first=n, even=even))
        left = left[held[probe >> np.uint64(3)] & _bit(probe) != 0]
    found = np.zeros(keys.size, dtype=np.bool_)
    found[left] = True
    return found


def _bit(places: Words) -> NDArray[np.uint8]:
    return np.left_shift(1, places & np.uint64(7)).astype(np.uint8)


def _probes(
    keys: Keys, bits: int, many: int, *, first: int = 0, even: bool = False
) -> Iterator[Words]:
    """Places by double hashing of the key's two halves; the keys are well mixed.

    Steps grow by the probe (Dillinger and Manolios, FMCAD 2004): even ones of two keys
    that begin near each other meet again and again, which found a hundred times as
    many keys as chance.
    """
    words = keys.view(np.uint64)
    begin, step = words & np.uint64(0xFFFFFFFF), (words >> np.uint64(32)) | np.uint64(1)
    mask = np.uint64(bits - 1)
    for n in range(first, first + many):
        more = 0 if even else (n**3 - n) // 6
        yield (begin + step * np.uint64(n) + np.uint64(more)) & mask
