"""Postcodes and the small areas they lie in; kept in the vault alone."""

import polars as pl

from linkage.reference.files import Delivery, read_table, require, to_number, unique


def read_postcodes(delivery: Delivery) -> pl.DataFrame:
    """postcode (as published, "BN1 1AA"), lsoa_code, longitude, latitude.

    Ended postcodes are kept, because old addresses carry them; a postcode that no
    area is given for (Channel Islands, some large users) is left out.
    """
    path = delivery.mark(
        delivery.need("postcodes_lsoa*.csv*", "postcodes and their LSOA")
    )
    frame = read_table(
        path,
        {
            "postcode": ["pcds"],
            "lsoa_code": ["lsoa21cd"],
            "longitude": ["lon", "long"],
            "latitude": ["lat"],
        },
    )
    require(frame, path, "postcode")
    frame = to_number(frame, path, pl.Float64, "longitude", "latitude")
    unique(frame, path, "postcode")
    return frame.drop_nulls("lsoa_code").drop("row")
