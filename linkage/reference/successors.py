"""Codes that changed: what replaced which, from when."""

from datetime import date

import polars as pl

from linkage.reference.files import (
    BadReference,
    Delivery,
    read_table,
    require,
    to_date,
)

KINDS = ("icb", "sub_icb", "place", "neighbourhood", "pcn", "practice", "trust")
AREA_KINDS = ("lsoa", "msoa", "ward", "district", "council")


# The small areas of the 2021 census stand from its day.
CENSUS_DAY = date(2021, 3, 21)
CHANGES = "lsoa11_lsoa21*.csv*"


def read_successors(delivery: Delivery, lsoas: pl.Series) -> pl.DataFrame:
    """kind, old_code, old_name, new_code, changed_on, row of what has been replaced.

    From `successors*.csv`, and for the small areas `lsoas` from ONS's best-fit lookup
    of 2011 to 2021. One row per old and new code: several rows with one new code are a
    merger, several with one old code a split. An ICB, sub-ICB location or area may be
    given by its ONS code.
    """
    stated, census = _stated(delivery), _between_censuses(delivery, lsoas)
    again = census.join(stated, on=["old_code", "new_code"], how="anti")
    return pl.concat([stated, again], how="diagonal_relaxed")


def read_best_fit(delivery: Delivery) -> pl.DataFrame | None:
    """old_code, old_name, new_code of small areas of 2011 and 2021; None without it."""
    path = delivery.find(CHANGES)
    if path is None:
        return None
    frame = read_table(
        delivery.mark(path),
        {
            "old_code": ["lsoa11_code", "LSOA11CD"],
            "new_code": ["lsoa21_code", "LSOA21CD"],
        },
        optional={"old_name": ["lsoa11_name", "LSOA11NM"]},
    )
    return require(frame, path, "old_code", "new_code")


def _between_censuses(delivery: Delivery, lsoas: pl.Series) -> pl.DataFrame:
    """Small areas of 2011 that were split, merged or redrawn into one of `lsoas`."""
    found = read_best_fit(delivery)
    if found is None:
        return pl.DataFrame(
            schema={"old_code": pl.String, "new_code": pl.String, "row": pl.Int64}
        )
    return found.filter(
        (pl.col("old_code") != pl.col("new_code"))
        & pl.col("new_code").is_in(lsoas.implode())
        # A code of 2011 that lives on for a part of its area is no former code.
        & ~pl.col("old_code").is_in(lsoas.implode())
    ).with_columns(kind=pl.lit("lsoa"), changed_on=pl.lit(CENSUS_DAY))


def _stated(delivery: Delivery) -> pl.DataFrame:
    columns = {
        "kind": ["kind"],
        "old_code": ["old_code"],
        "new_code": ["new_code"],
        "changed_on": ["changed_on"],
    }
    path = delivery.find("successors*.csv")
    if path is None:
        return pl.DataFrame(
            schema=dict.fromkeys([*columns, "old_name"], pl.String)
            | {"changed_on": pl.Date, "row": pl.Int64}
        )
    frame = read_table(
        delivery.mark(path), columns, optional={"old_name": ["old_name"]}
    )
    require(frame, path, *columns)
    frame = to_date(frame, path, "changed_on")
    wrong = frame.filter(~pl.col("kind").is_in([*KINDS, *AREA_KINDS]))
    if wrong.height:
        raise BadReference(
            f"{path.name}: row {wrong['row'][0]}: kind {wrong['kind'][0]!r} is none of"
            f" {', '.join([*KINDS, *AREA_KINDS])}"
        )
    return frame
