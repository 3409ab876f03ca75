"""How well clusters match the truth: pairs, groups, twins, and numbers that met."""

from typing import NamedTuple

import polars as pl

from linkage.steps.check_digit import check_digit


class Quality(NamedTuple):
    """Counted in pairs of records of one person. The gap is between the ethnic groups
    with the best and the worst recall; twin_precision counts pairs with a twin's
    record; breaches counts clusters that hold two valid NHS numbers. Null where the
    truth does not say."""

    precision: float
    recall: float
    f1: float
    false_pairs: int
    missed_pairs: int
    recall_gap: float | None
    twin_precision: float | None
    breaches: int
    by_group: dict[str, float]


def measure(
    clusters: pl.DataFrame, truth: pl.DataFrame, records: pl.DataFrame
) -> Quality:
    """Compare clusters (record_id, cluster_id) with truth (record_id, person_id and,
    if known, ethnic_group and twin).

    records: record_id and nhs_number, for the numbers that met. A record that stands
    in the truth and in no cluster is an error of the caller's, and raises.
    """
    known = truth.join(clusters, on="record_id", how="left")
    if known["cluster_id"].null_count():
        raise ValueError("records of the truth have no cluster")
    sizes = known.with_columns(
        both=pl.len().over("cluster_id", "person_id"),
        found=pl.len().over("cluster_id"),
        true=pl.len().over("person_id"),
    )
    right, found, true = (
        int((sizes[name].cast(pl.Int64) - 1).sum() // 2)
        for name in ("both", "found", "true")
    )
    precision = right / found if found else 1.0
    recall = right / true if true else 1.0
    groups = _shares(sizes, "ethnic_group", "true")
    twins = _shares(sizes, "twin", "found")
    numbers = (
        records.select("record_id", number=check_digit("nhs_number"))
        .drop_nulls("number")
        .join(clusters, on="record_id")
        .group_by("cluster_id")
        .agg(pl.col("number").n_unique())
    )
    return Quality(
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if right else 0.0,
        false_pairs=found - right,
        missed_pairs=true - right,
        recall_gap=max(groups.values()) - min(groups.values()) if groups else None,
        twin_precision=twins.get("true"),
        breaches=numbers.filter(pl.col("number") > 1).height,
        by_group=groups,
    )


def _shares(sizes: pl.DataFrame, column: str, of: str) -> dict[str, float]:
    """Right pairs among the true (recall) or found (precision) ones, by group."""
    if column not in sizes.columns:
        return {}
    counted = (
        sizes.group_by(pl.col(column).cast(pl.String).alias("group"))
        .agg(right=(pl.col("both") - 1).sum(), of=(pl.col(of) - 1).sum())
        .filter(pl.col("of") > 0)
    )
    return {
        str(group): right / of for group, right, of in counted.drop_nulls().iter_rows()
    }
