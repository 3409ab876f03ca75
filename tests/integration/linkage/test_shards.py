"""The shard that is worked out is the partition that Postgres itself chooses."""

import polars as pl
from django.conf import settings

from linkage.shards import shards


def test_postgres_would_have_put_them_there(stored) -> None:
    numbers = [1, 2, 3, 65_535, 65_536, 2_999_999, 2_147_483_647, *range(1000, 1400)]
    found = shards(pl.Series(numbers, dtype=pl.Int32)).to_list()
    assert set(found) == set(range(settings.SHARDS))
    placed = ", ".join(f"({n}, {s})" for n, s in zip(numbers, found, strict=True))
    (wrong,) = stored(
        f"SELECT count(*) FROM (VALUES {placed}) v (n, s) WHERE NOT"
        f" satisfies_hash_partition('event'::regclass, {settings.SHARDS}, s, n::int)"
    )
    assert wrong == (0,)
