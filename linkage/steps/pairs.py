"""How well records were linked, counted in pairs, where the truth is known."""

import polars as pl


def pairs(records: pl.DataFrame) -> pl.DataFrame:
    """Pairwise precision and recall by feed, and over all feeds ("all").

    records: feed, found (the person the product gave), true (the person it was); one
    row per source record. A pair counts for a feed when at least one of its two
    records came from that feed. Returns feed, records, pairs_found, pairs_true,
    pairs_right, precision, recall, f1 (null where there are no pairs).
    """
    everything = records.with_columns(feed=pl.lit("all"))
    parts = []
    for feeds in (everything, records):
        found = _pairs_within(feeds, records, ["found"], "pairs_found")
        true = _pairs_within(feeds, records, ["true"], "pairs_true")
        right = _pairs_within(feeds, records, ["found", "true"], "pairs_right")
        counted = feeds.group_by("feed").agg(records=pl.len())
        parts.append(
            counted.join(found, on="feed").join(true, on="feed").join(right, on="feed")
        )
    return (
        pl.concat(parts)
        .with_columns(
            precision=_share("pairs_found"),
            recall=_share("pairs_true"),
        )
        .with_columns(
            f1=2
            * pl.col("precision")
            * pl.col("recall")
            / (pl.col("precision") + pl.col("recall"))
        )
        .sort(pl.col("feed") == "all", "feed")
    )


def _share(of: str) -> pl.Expr:
    """Right pairs among these; null where there are none."""
    return pl.when(pl.col(of) > 0).then(pl.col("pairs_right") / pl.col(of))


def _pairs_within(
    feeds: pl.DataFrame, records: pl.DataFrame, group: list[str], name: str
) -> pl.DataFrame:
    """Pairs of records that share a group, at least one of them of the feed."""
    total = records.group_by(group).agg(total=pl.len())
    own, total_of = pl.col("own"), pl.col("total")
    return (
        feeds.group_by("feed", *group)
        .agg(own=pl.len())
        .join(total, on=group)
        .group_by("feed")
        .agg((own * (total_of - own) + own * (own - 1) // 2).sum().alias(name))
    )
