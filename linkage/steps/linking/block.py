"""Which pairs of records are worth comparing: those that share a block.

Each rule survives another kind of error: a changed surname, a moved home, a mistyped
birth date, names exchanged, one of them missing.
"""

import numpy as np
import polars as pl

from linkage.steps.linking.prepare import Prepared

MOST = 2_000  # records of one block; larger ones are placeholders, not people
Pairs = np.ndarray[tuple[int], np.dtype[np.uint32]]
NAMED = (
    ("born", "letter"),
    ("born", "postcode"),
    ("postcode", "forename"),
    ("postcode", "surname"),
    ("forename", "surname", "year"),
    ("forename", "surname", "day_of_year"),
)
WITHOUT_NAMES = (("born", "postcode"),)


def block_columns(prepared: Prepared, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with year, day_of_year and the initials of both names."""
    initials = prepared.texts.str.head(1).str.to_integer(base=36, strict=False)
    letters = pl.DataFrame(
        {
            "code": pl.int_range(len(initials), dtype=pl.UInt32, eager=True),
            "letter": initials.cast(pl.UInt8),
        }
    )
    rows = rows.with_columns(
        year=pl.col("born").dt.year(),
        day_of_year=pl.col("born").dt.month().cast(pl.Int16) * 32
        + pl.col("born").dt.day(),
    )
    for name in ("forename", "surname"):
        rows = rows.join(
            letters.rename({"code": name, "letter": f"{name}_letter"}),
            on=name,
            how="left",
            maintain_order="left",
        )
    return rows


def candidate_pairs(
    one: pl.DataFrame, other: pl.DataFrame, *, names: bool
) -> tuple[Pairs, Pairs]:
    """Distinct pairs of rows, one from each side, that share a block.

    one, other: frames of `block_columns`; a row may stand on both sides, and is never
    paired with itself. The lower row of each pair comes first.
    """
    found = []
    for rule in NAMED if names else WITHOUT_NAMES:
        a, b = _keyed(one, rule), _keyed(other, rule)
        keys = list(rule)
        b = b.join(a.select(keys).unique(), on=keys, how="semi")
        a = a.join(
            b.group_by(keys).len().filter(pl.col("len") <= MOST), on=keys, how="semi"
        )
        pairs = a.join(b, on=keys, suffix="_other").select("row", "row_other")
        found.append(
            pairs.filter(pl.col("row") != pl.col("row_other")).select(
                pair=(pl.min_horizontal("row", "row_other").cast(pl.UInt64) * 2**32)
                + pl.max_horizontal("row", "row_other")
            )
        )
    packed = pl.concat(found)["pair"].unique().to_numpy()
    return (packed >> np.uint64(32)).astype(np.uint32), packed.astype(np.uint32)


def _keyed(rows: pl.DataFrame, rule: tuple[str, ...]) -> pl.DataFrame:
    """row and the rule's columns, without rows that lack one of them."""
    if "letter" not in rule:
        return rows.select("row", *rule).drop_nulls()
    # Either initial will do, so that exchanged names meet.
    others = [name for name in rule if name != "letter"]
    both = [
        rows.select("row", *others, letter=f"{name}_letter").drop_nulls()
        for name in ("forename", "surname")
    ]
    return pl.concat(both).unique()
