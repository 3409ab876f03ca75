"""How well cases were found, where the truth is known."""

import polars as pl


def cases(found: pl.DataFrame, true: pl.DataFrame) -> pl.DataFrame:
    """Sensitivity and positive predictive value by condition.

    found, true: `person`, `condition`, one row per case. Returns condition, true,
    found, right, sensitivity (right of true), ppv (right of found; null where there
    is nothing to divide by), sorted by condition.
    """
    both = pl.concat(
        [
            true.unique(["person", "condition"]).with_columns(is_true=pl.lit(True)),
            found.unique(["person", "condition"]).with_columns(is_found=pl.lit(True)),
        ],
        how="align_full",
    )
    is_true = pl.col("is_true").fill_null(value=False)
    is_found = pl.col("is_found").fill_null(value=False)
    return (
        both.group_by("condition")
        .agg(
            true=is_true.sum(),
            found=is_found.sum(),
            right=(is_true & is_found).sum(),
        )
        .with_columns(
            sensitivity=pl.when(pl.col("true") > 0).then(
                pl.col("right") / pl.col("true")
            ),
            ppv=pl.when(pl.col("found") > 0).then(pl.col("right") / pl.col("found")),
        )
        .sort("condition")
    )
