"""Choose records whose number is hidden, and say what linking made of them anew."""

import polars as pl

from linkage.keys import row_keys

STRATA = ("feed", "ethnicity_group", "imd_fifth", "age_band")
NOT_KNOWN = "Not known"
AGE_BANDS = ((0, "0-17"), (18, "18-39"), (40, "40-64"), (65, "65-79"), (80, "80+"))


def choose(records: pl.DataFrame, *, one_in: int, seed: str) -> pl.DataFrame:
    """A stratified sample: of each stratum one record in `one_in`, at least one.

    records: subject_key, person_no and STRATA. A person is chosen once. The same seed
    chooses the same records, whatever their order.
    """
    lots = records.with_columns(
        lot=row_keys(records, ["subject_key"], f"sample {seed}"),
    )
    once = lots.sort("lot", "subject_key").unique(
        "person_no", keep="first", maintain_order=True
    )
    place = pl.int_range(pl.len()).over(STRATA)
    wanted = ((pl.len().over(STRATA) + one_in - 1) // one_in).cast(pl.Int64)
    return once.filter(place < wanted).drop("lot").sort("subject_key")


def outcomes(tried: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Add `outcome`: right (the same person again), wrong (another), missed (none).

    tried: subject_key, person_no. decisions: subject_key, person_no as found now;
    records that found nobody known are not in it.
    """
    found = decisions.select("subject_key", found_no="person_no")
    return (
        tried.join(found, on="subject_key", how="left", maintain_order="left")
        .with_columns(
            outcome=pl.when(pl.col("found_no").is_null())
            .then(pl.lit("missed"))
            .when(pl.col("found_no") == pl.col("person_no"))
            .then(pl.lit("right"))
            .otherwise(pl.lit("wrong"))
        )
        .drop("found_no")
    )


def numbered(records: pl.DataFrame) -> list[dict[str, str | int]]:
    """How many linked records of each group had a number that agreed, and had none.

    records: number_agreed and STRATA. Those without had to be found by the rest of
    what they state, as the hidden ones are.
    """
    return [
        row
        for division in ("ethnicity_group", "imd_fifth")
        for row in records.group_by(pl.col(division).alias("group"))
        .agg(
            agreed=pl.col("number_agreed").sum(),
            without=(~pl.col("number_agreed")).sum(),
        )
        .sort("group")
        .select(pl.lit(division).alias("division"), "group", "agreed", "without")
        .to_dicts()
    ]


def link_rate(agreed: int, without: int, found_again: float) -> float:
    """The share of a group's records that were linked, the unlinked being reckoned.

    Who has no number is found as often as those whose number was hidden: for each
    record linked without one, 1 / found_again such records came.
    """
    if not found_again:
        return agreed / (agreed + without) if agreed else 0.0
    return (agreed + without) / (agreed + without / found_again)


def age_band(years: pl.Expr) -> pl.Expr:
    """Five bands, wide enough for a sample of one in a hundred."""
    band = pl.lit(NOT_KNOWN)
    for youngest, words in AGE_BANDS:
        band = pl.when(years >= youngest).then(pl.lit(words)).otherwise(band)
    return band
