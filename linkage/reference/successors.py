"""Codes that changed: what replaced which, from when."""

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


def read_successors(delivery: Delivery) -> pl.DataFrame:
    """kind, old_code, old_name, new_code, changed_on from `successors*.csv`, or empty.

    One row per old and new code: several rows with one new code are a merger,
    several with one old code a split. An ICB, sub-ICB location or area may be given
    by its ONS code.
    """
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
        ).with_columns(pl.col("changed_on").cast(pl.Date))
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
