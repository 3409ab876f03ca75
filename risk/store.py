"""What risk reads of a whole shard beyond what a release's features hold."""

import polars as pl

from linkage import bulk


def read_deaths(shard: int) -> pl.DataFrame:
    """Return when each person of a shard died: `person_no`, `died_on` or null."""
    with bulk.connect("default") as source:
        return bulk.fetch(source, f"SELECT person_no, died_on FROM person_p{shard:02d}")
