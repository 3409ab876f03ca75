"""The cross-check: records that state one NHS number, and agree who that is.

A number can be a relative's, so names, birth date and home must not contradict it:
their weight decides, with vetoes for another birth date and for twins.
"""

from typing import NamedTuple

import polars as pl

from linkage.steps.linking.compare import Flags
from linkage.steps.linking.model import LinkModel
from linkage.steps.linking.prepare import Prepared
from linkage.steps.linking.weigh import Shares, Weighed, weigh

NEEDS_BITS = 3.0  # with the number, this much agreement is enough
ROUNDS = 3


class Checked(NamedTuple):
    """row, unit (Int64), disputed (the number already belongs to somebody else by birth
    date and name), agreed (another record vouches for the number), weight (bits)."""

    rows: pl.DataFrame
    units: int


def cross_check(
    prepared: Prepared,
    unit: pl.Series,
    local: pl.Series,
    first_unit: int,
    model: LinkModel,
    common: Shares | None,
) -> Checked:
    """Group the rows that state an NHS number into people.

    unit: by row, the person a row is known to be of, or null. local: by row, the
    person whom the source's own identifier means, or null. Returns the rows that state
    a number and were not known, each with its unit; new units count up from first_unit.
    """
    told = prepared.rows.with_columns(unit=unit, local=local)
    rows = told.filter(pl.col("nhs").is_not_null())
    own = rows.select("nhs", "unit").drop_nulls().unique()
    # All that is known of a person counts, also what came without the number.
    held = (
        told.drop("nhs")
        .join(own, on="unit")
        .select(*rows.columns, disputed=pl.lit(False))
    )
    left = rows.filter(pl.col("unit").is_null()).drop("unit")
    odd = _intruders(rows)
    done = []
    for turn in range(ROUNDS):
        if turn or not held.is_empty():
            joined = _join(prepared, left, held, odd, model, common)
            done.append(joined)
            left = left.join(joined, on="row", how="anti")
        if left.is_empty():
            break
        anchors = _anchors(left, held, odd, first_unit)
        first_unit += anchors["unit"].n_unique()
        made = left.join(
            anchors.select("nhs", "born", "forename", "unit", "disputed"),
            on=["nhs", "born", "forename"],
            nulls_equal=True,
        )
        held = pl.concat([held, made.select(held.columns)])
        done.append(
            made.select(
                "row", "unit", "disputed", weight=pl.lit(None, dtype=pl.Float32)
            )
        )
        left = left.join(made, on="row", how="anti")
    alone = left.sort("row").select(
        "row",
        unit=pl.int_range(first_unit, first_unit + pl.len(), dtype=pl.Int64),
        disputed=pl.lit(True),
        weight=pl.lit(None, dtype=pl.Float32),
    )
    found = pl.concat([*done, alone])
    return Checked(found, first_unit + alone.height)


def _anchors(
    left: pl.DataFrame, held: pl.DataFrame, odd: pl.DataFrame, first_unit: int
) -> pl.DataFrame:
    """For each number the identity (birth date, forename) that most records state.

    One that looks like another number's person comes last. A number that is held
    already makes a second person, whom nobody joins without a decision.
    """
    told = (
        left.join(odd, on="row", how="left")
        .group_by("nhs", "born", "forename")
        .agg(
            stated=pl.len(),
            odd=pl.col("odd").any().fill_null(False),
        )
        .with_columns(of_date=pl.col("stated").sum().over("nhs", "born"))
        .sort(
            "nhs",
            pl.col("born").is_null(),
            "odd",
            pl.col("of_date") * -1,
            pl.col("forename").is_null(),
            pl.col("stated").cast(pl.Int64) * -1,
            "born",
            "forename",
        )
        .unique("nhs", keep="first", maintain_order=True)
    )
    taken = held.select("nhs").unique().with_columns(disputed=pl.lit(True))
    return told.join(taken, on="nhs", how="left", maintain_order="left").with_columns(
        pl.col("disputed").fill_null(False),
        unit=pl.int_range(first_unit, first_unit + pl.len(), dtype=pl.Int64),
    )


def _intruders(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose birth date, forename and surname or home another number's record has.

    Looked for only among numbers whose records differ; row, odd (always true).
    """
    differing = rows.filter(
        (pl.col("born").n_unique().over("nhs") > 1)
        | (pl.col("forename").n_unique().over("nhs") > 1)
    )
    met = differing.select(
        "row", "nhs", "born", "forename", "surname", "postcode"
    ).join(
        rows.select("nhs", "born", "forename", "surname", "postcode"),
        on=["born", "forename"],
        suffix="_other",
    )
    return (
        met.filter(
            (pl.col("nhs") != pl.col("nhs_other"))
            & (
                (pl.col("surname") == pl.col("surname_other"))
                | (pl.col("postcode") == pl.col("postcode_other"))
            )
        )
        .select("row", odd=pl.lit(True))
        .unique()
    )


def _join(
    prepared: Prepared,
    left: pl.DataFrame,
    held: pl.DataFrame,
    odd: pl.DataFrame,
    model: LinkModel,
    common: Shares | None,
) -> pl.DataFrame:
    """Rows that agree well enough with a record of a person who holds their number."""
    pairs = left.select("row", "nhs", "local").join(
        held.select("nhs", "unit", "disputed", known="row"), on="nhs"
    )
    weighed = weigh(
        prepared,
        pairs["row"].to_numpy(),
        pairs["known"].to_numpy(),
        model,
        common,
    )
    suspicious = pairs.join(odd, on="row", how="left", maintain_order="left")["odd"]
    fits = agrees(weighed, suspicious.fill_null(False).to_numpy(), model)
    return (
        pairs.with_columns(weight=weighed.total())
        .filter(pl.Series(fits) | (pl.col("local") == pl.col("unit")).fill_null(False))
        .sort("row", "disputed", pl.col("weight") * -1, "unit")
        .unique("row", keep="first", maintain_order=True)
        .select("row", "unit", "disputed", "weight")
    )


def agrees(
    weighed: Weighed,
    suspicious: Flags,
    model: LinkModel,
) -> Flags:
    """Whether two records with one number are one person's.

    suspicious: the first of the pair looks like another number's person, so that
    another forename means a twin's or a relative's number.
    """
    other_date = weighed.levels["born"] == model.level("born", "different")
    enough = weighed.total() >= NEEDS_BITS
    fits: Flags = enough & ~other_date
    if not model.has("forename"):
        return fits
    other_name = weighed.levels["forename"] >= model.level(
        "forename", "similar_spelling"
    )
    fits = enough & ~other_date & ~(other_name & suspicious)
    return fits
