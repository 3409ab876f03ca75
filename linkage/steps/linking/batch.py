"""Link a whole file of records among themselves."""

from typing import NamedTuple

import polars as pl

from linkage.steps.linking.decide import decide
from linkage.steps.linking.model import LinkModel
from linkage.steps.linking.prepare import INPUT, prepare
from linkage.steps.linking.weigh import Engine, shares


class Clusters(NamedTuple):
    """links: record_id, cluster_id (Int64), rule, weight (bits; null where no weight
    decided). review: record_id, other_id, weight, why: likely pairs left apart,
    one for each cluster."""

    links: pl.DataFrame
    review: pl.DataFrame


def link_all(
    records: pl.DataFrame, model: LinkModel, *, engine: Engine = "duckdb"
) -> Clusters:
    """Find the records of one person among these.

    records: record_id and the INPUT columns of `prepare`; their order is of no account.
    """
    prepared = prepare(records.select(INPUT))
    unknown = pl.Series("known", [None] * records.height, dtype=pl.Int64)
    decided = decide(
        prepared,
        unknown,
        model,
        common=shares(prepared, model),
        engine=engine,
    )
    ids = records.select("record_id").with_row_index("row")
    rows = decided.rows.join(ids, on="row").sort("row")
    first = rows.unique("unit", keep="first", maintain_order=True).select(
        "unit", "record_id"
    )
    review = (
        decided.review.join(first, on="unit")
        .join(first.rename({"unit": "other", "record_id": "other_id"}), on="other")
        .select("record_id", "other_id", "weight", "why")
    )
    return Clusters(
        rows.select("record_id", "rule", "weight", cluster_id="unit").select(
            "record_id", "cluster_id", "rule", "weight"
        ),
        review,
    )
