"""Choose one value for each attribute of a person where sources disagree."""

import polars as pl

from linkage.best_known_specs import BestKnownSpec


def best_known(statements: pl.DataFrame, spec: BestKnownSpec) -> pl.DataFrame:
    """One row per person_no: each attribute of the spec, and `<attribute>_source`.

    statements: person_no, feed (name), seen_on, subject_key, and a column for each
    attribute. Feeds in the rule's order are believed first, all others after them;
    within a rank the statement seen last wins, then the higher key, so that the same
    statements always give the same answer. Null is no statement.
    """
    people = statements.select("person_no").unique().sort("person_no")
    for name, rule in spec.attributes.items():
        ranks = {feed: rank for rank, feed in enumerate(rule.order)}
        rank = pl.col("feed").replace_strict(
            ranks, default=len(ranks), return_dtype=pl.Int32
        )
        stated = statements.filter(
            pl.col(name).is_not_null()
            & ~pl.col(name).cast(pl.String).is_in(rule.says_nothing)
        )
        chosen = (
            stated.select(
                "person_no",
                name,
                pl.col("feed").alias(f"{name}_source"),
                "seen_on",
                "subject_key",
                rank=rank,
            )
            .sort(
                "rank",
                "seen_on",
                "subject_key",
                descending=[False, True, True],
                nulls_last=True,
            )
            .unique("person_no", keep="first", maintain_order=True)
            .select("person_no", name, f"{name}_source")
        )
        people = people.join(chosen, on="person_no", how="left")
    return people
