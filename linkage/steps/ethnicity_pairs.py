"""Whether two feeds say the same ethnic category of the people of whom both say one."""

import polars as pl

from linkage.vocabulary import ETHNICITIES

GROUPS = {letter: group for letter, (_, group) in ETHNICITIES.items()}


def ethnicity_pairs(stated: pl.DataFrame) -> pl.DataFrame:
    """One row per pair of feeds and person: one, other, person_no, same, same_group.

    stated: feed, person_no, ethnicity (a letter of the NHS Data Dictionary), a person
    once per feed. `one` comes before `other` in the alphabet. What is not stated (Z)
    agrees with nothing and contradicts nothing: it is left out. `same_group` compares
    the five census groups.
    """
    said = stated.filter(pl.col("ethnicity") != "Z").with_columns(
        group=pl.col("ethnicity").replace_strict(GROUPS, return_dtype=pl.String)
    )
    return (
        said.join(said, on="person_no", suffix="_other")
        .filter(pl.col("feed") < pl.col("feed_other"))
        .select(
            "person_no",
            one="feed",
            other="feed_other",
            same=pl.col("ethnicity") == pl.col("ethnicity_other"),
            same_group=pl.col("group") == pl.col("group_other"),
        )
    )
