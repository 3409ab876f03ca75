"""The shard that is worked out is the partition that Postgres itself chooses."""

import polars as pl
import pytest

from config.environment import shard_count
from linkage.shards import OtherCutError, refuse_other_cut, shards


@pytest.mark.parametrize("count", [1, 4, 16, 64])
def test_postgres_would_have_put_them_there(stored, settings, count) -> None:
    settings.SHARDS = count
    numbers = [1, 2, 3, 65_535, 65_536, 2_999_999, 2_147_483_647, *range(1000, 1400)]
    found = shards(pl.Series(numbers, dtype=pl.Int32)).to_list()
    assert set(found) == set(range(settings.SHARDS))
    placed = ", ".join(f"({n}, {s})" for n, s in zip(numbers, found, strict=True))
    (wrong,) = stored(
        f"SELECT count(*) FROM (VALUES {placed}) v (n, s) WHERE NOT"
        f" satisfies_hash_partition('event'::regclass, {settings.SHARDS}, s, n::int)"
    )
    assert wrong == (0,)


@pytest.mark.django_db
def test_a_process_told_of_other_shards_than_the_store_has_ends(settings) -> None:
    refuse_other_cut()
    settings.SHARDS = 4
    with pytest.raises(OtherCutError, match="set CATCHMENT_SHARDS to 16"):
        refuse_other_cut()


@pytest.mark.parametrize("text", ["0", "3", "128", "many", ""])
def test_a_number_of_shards_is_a_power_of_two(text) -> None:
    with pytest.raises(ValueError, match="CATCHMENT_SHARDS"):
        shard_count(text)
