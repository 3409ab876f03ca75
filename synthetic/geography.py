"""Where the demo ICS is: areas, practices, trusts and postcodes, invented or real."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class World:
    """One ICS as frames, each sorted by its first column.

    areas: lsoa_code, lsoa_name, msoa_code, msoa_name, ward_code, ward_name,
        district_code, district_name, council_code (ONS code of the upper tier),
        imd_decile (1 = most deprived), imd_rank, rural (bool), lon, lat,
        population_weight (sums to 1), white, asian, black, mixed, other (shares).
    practices: practice_code, practice_name, pcn_code, neighbourhood_code, place_code,
        list_weight (sums to 1), lon, lat.
    trusts: trust_code, trust_name, kind ("acute", "mental_health", "community"),
        lon, lat.
    postcodes: postcode, lsoa_code.
    councils: la_code (as the council client list and CLD write it), council_code,
        council_name.
    """

    areas: pl.DataFrame
    practices: pl.DataFrame
    trusts: pl.DataFrame
    postcodes: pl.DataFrame
    councils: pl.DataFrame
    icb_code: str
    sub_icb_code: str
    reference: Path

    def trusts_of(self, kind: str) -> list[str]:
        """Codes of the trusts of one kind, in order."""
        return self.trusts.filter(pl.col("kind") == kind)["trust_code"].to_list()
