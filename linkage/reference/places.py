"""Neighbourhoods and places: as a local file says, or worked out from where practices
lie.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from linkage.reference.files import Delivery, read_table, require, unique


@dataclass(frozen=True)
class Upper:
    """placed: code (practice), pcn_code, neighbourhood_code, place_code.

    own: code, own_place_code, for practices while they are in no network.
    """

    placed: pl.DataFrame
    own: pl.DataFrame
    neighbourhoods: pl.DataFrame
    places: pl.DataFrame


def neighbourhoods_and_places(
    delivery: Delivery,
    practices: pl.DataFrame,
    membership: pl.DataFrame,
    lookup: pl.DataFrame,
    pcns: pl.DataFrame,
) -> Upper:
    """Neighbourhoods and places: as places.csv says, else worked out.

    places.csv gives them by network, or by practice where a `practice_code` stands
    (a neighbourhood may take in part of a network; a practice may be in none).
    Without it a place is the upper-tier council where most patients of a network's
    practices have their practice, and every network is a neighbourhood of its own.
    """
    pairs = membership.select("code", "pcn_code").unique().sort("code", "pcn_code")
    path = delivery.find("places.csv")
    if path is None:
        return _worked_out(pairs, practices, lookup, pcns)
    given = read_table(
        delivery.mark(path),
        {
            "place_code": ["place_code"],
            "place_name": ["place_name"],
            "pcn_code": ["pcn_code"],
            "neighbourhood_code": ["neighbourhood_code"],
            "neighbourhood_name": ["neighbourhood_name"],
        },
        optional={"code": ["practice_code"]},
    )
    unique(require(given, path, "place_code"), path, "pcn_code", "code")
    by_pcn = given.filter(pl.col("code").is_null()).select(
        "pcn_code", n="neighbourhood_code", p="place_code"
    )
    by_practice = given.drop_nulls("code").select(
        "code", "pcn_code", "neighbourhood_code", "place_code"
    )
    placed = (
        pairs.join(by_practice, on=["code", "pcn_code"], how="left")
        .join(by_pcn, on="pcn_code", how="left")
        .select(
            "code",
            "pcn_code",
            neighbourhood_code=pl.coalesce("neighbourhood_code", "n"),
            place_code=pl.coalesce("place_code", "p"),
        )
    )
    return Upper(
        placed,
        given.drop_nulls("code")
        .filter(pl.col("pcn_code").is_null())
        .select("code", own_place_code="place_code"),
        _named(given, "neighbourhood", path),
        _named(given, "place", path),
    )


def _named(given: pl.DataFrame, kind: str, path: Path) -> pl.DataFrame:
    """code and name of one kind; one code with two names is refused."""
    pairs = given.select("row", code=f"{kind}_code", name=f"{kind}_name")
    pairs = require(pairs.drop_nulls("code"), path, "name")
    pairs = pairs.unique(["code", "name"], keep="first", maintain_order=True)
    return unique(pairs, path, "code").drop("row")


def _worked_out(
    pairs: pl.DataFrame,
    practices: pl.DataFrame,
    lookup: pl.DataFrame,
    pcns: pl.DataFrame,
) -> Upper:
    place_of = (
        pairs.join(practices.select("code", "council_code", "patients"), on="code")
        .drop_nulls("council_code")
        .group_by("pcn_code", "council_code")
        .agg(pl.col("patients").sum())
        .sort("pcn_code", "patients", "council_code", descending=[False, True, False])
        .group_by("pcn_code", maintain_order=True)
        .first()
    )
    placed = pairs.join(place_of, on="pcn_code", how="left").select(
        "code",
        "pcn_code",
        neighbourhood_code=pl.format("N{}", "pcn_code"),
        place_code=pl.format("P{}", "council_code"),
    )
    own = practices.drop_nulls("council_code").select(
        "code", own_place_code=pl.format("P{}", "council_code")
    )
    councils = lookup.select("council_code", "council_name").unique("council_code")
    return Upper(
        placed,
        own,
        pcns.select(
            pl.format("N{}", "code").alias("code"),
            pl.col("name").str.replace(r" PCN$", "") + " neighbourhood",
            "closed_on",
        ),
        councils.select(code=pl.format("P{}", "council_code"), name="council_name")
        .filter(
            pl.col("code").is_in(
                pl.concat([placed["place_code"], own["own_place_code"]]).implode()
            )
        )
        .sort("code"),
    )
