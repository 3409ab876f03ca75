"""Which shard of the store a person belongs to, without asking Postgres.

A shard is a hash partition. To write into a partition directly, its number is needed
beforehand; this is the hash by which Postgres itself routes a row (hashint4extended
with the seed of partitioning, then hash_combine64: src/common/hashfn.c and
src/backend/partitioning/partbounds.c).
"""

import numpy as np
import polars as pl
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

Words = NDArray[np.uint32]
SEED = 0x7A5B22367996DCFD  # HASH_PARTITION_SEED
COMBINED = 0x49A0F4DD15E5A8E3  # what hash_combine64 adds to the first key's hash
BEGUN = (0x9E3779B9 + 4 + 3923095) & 0xFFFFFFFF  # of a key of four bytes


class OtherCutError(RuntimeError):
    """The store was cut into another number of shards than this process was told."""


def refuse_other_cut() -> None:
    """Raise OtherCutError where SHARDS is not the number of the store's partitions.

    Too few would leave people out of a release without a word. A store without tables
    yet is no other one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('event')"
        )
        ((made,),) = cursor.fetchall()
    if made not in (0, settings.SHARDS):
        raise OtherCutError(
            f"The store was made with {made} shards and this process was told"
            f" {settings.SHARDS}: set CATCHMENT_SHARDS to {made}."
        )


def shards(person_nos: pl.Series) -> pl.Series:
    """The shard of each person number, 0 to SHARDS - 1, as Int32."""
    with np.errstate(over="ignore"):
        low = _hash(person_nos.to_numpy().astype(np.uint32))
        low += np.uint32(COMBINED & 0xFFFFFFFF)
    # The modulus is a power of two, so the low half of the 64 bits decides.
    return pl.Series("shard", low & np.uint32(settings.SHARDS - 1), dtype=pl.Int32)


def _hash(keys: Words) -> Words:
    """The low 32 bits of hashint4extended(key, SEED)."""
    a, b, c = _seeded()
    a, b, c = a + keys, np.full_like(keys, b[0]), np.full_like(keys, c[0])
    c = (c ^ b) - _turn(b, 14)
    a = (a ^ c) - _turn(c, 11)
    b = (b ^ a) - _turn(a, 25)
    c = (c ^ b) - _turn(b, 16)
    a = (a ^ c) - _turn(c, 4)
    b = (b ^ a) - _turn(a, 14)
    return (c ^ b) - _turn(b, 24)


def _seeded() -> tuple[Words, Words, Words]:
    begun = np.full(1, BEGUN, dtype=np.uint32)
    a = begun + np.uint32(SEED >> 32)
    b = begun + np.uint32(SEED & 0xFFFFFFFF)
    c = begun.copy()
    for first, second, third in ((4, 6, 8), (16, 19, 4)):
        a = (a - c) ^ _turn(c, first)
        c = c + b
        b = (b - a) ^ _turn(a, second)
        a = a + c
        c = (c - b) ^ _turn(b, third)
        b = b + a
    return a, b, c


def _turn(words: Words, bits: int) -> Words:
    left, right = np.uint32(bits), np.uint32(32 - bits)
    return (words << left) | (words >> right)
