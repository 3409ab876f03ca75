"""Facts in the form in which the store takes them, made without the store.

Sorting and encoding took as long as the server needs to take rows in; done by the
thread that makes the next batch, the server waits for neither.
"""

from typing import NamedTuple

import polars as pl

from linkage.binary_rows import binary_rows
from linkage.shards import shards
from linkage.steps.pseudonymise import TABLES


class ReadyFacts(NamedTuple):
    """A batch's facts of one table.

    fresh: how many no earlier run can hold, of the `people`, as rows of `columns` for
    each partition by its name. aside: those of doubtful rows, as they came.
    """

    table: str
    fresh: int
    people: pl.Series
    columns: list[str]
    partitions: list[tuple[str, list[bytes]]]
    aside: pl.DataFrame


def ready_facts(
    table: str, facts: pl.DataFrame, doubtful: pl.Series, run_id: int
) -> ReadyFacts:
    """Part the facts of doubtful rows (their numbers); sort and encode the others."""
    aside = facts["row_number"].is_in(doubtful.implode())
    fresh = facts.filter(~aside)
    # By partition and person, so that each index grows along its leaves. One number
    # sorts in a third of the time of two columns and the key.
    columns = [*TABLES[table], "run_id"]
    shard = shards(fresh["person_no"])
    order = shard.cast(pl.Int64) * 2**32 + fresh["person_no"]
    run = pl.lit(run_id, dtype=pl.Int32)
    sorted_ = fresh.with_columns(shard, run_id=run)[order.arg_sort()]
    parts = sorted_.partition_by("shard", as_dict=True, maintain_order=True)
    return ReadyFacts(
        table,
        fresh.height,
        fresh["person_no"].unique(),
        columns,
        [
            (f"{table}_p{number:02d}", list(binary_rows(part.select(columns))))
            for (number,), part in parts.items()
        ],
        facts.filter(aside),
    )
