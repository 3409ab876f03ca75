"""Organisations of the registered hierarchy, trusts and councils, and their links."""

from dataclasses import dataclass

import polars as pl

from linkage.reference.files import (
    BadReference,
    Delivery,
    read_table,
    require,
    to_date,
    to_number,
    unique,
)
from linkage.reference.hierarchy import member_links
from linkage.reference.places import neighbourhoods_and_places

# Positions in NHS Digital's epraccur.csv, which is published without a header
# (ODS, "GP and GP practice related data", file definition).
EPRACCUR = {
    "code": 0,
    "name": 1,
    "icb_code": 3,
    "postcode": 9,
    "opened_on": 10,
    "closed_on": 11,
    "sub_icb_code": 14,
    "prescribing_setting": 25,
}
GP_PRACTICE = "4"  # epraccur, prescribing setting


@dataclass(frozen=True)
class Organisations:
    """orgs: code, kind, name, ons_code, opened_on, closed_on, longitude, latitude.

    links: child, parent, start_on, end_on. `outside` counts practices of the file
    that lie outside the ICBs of the area lookup and were left out.
    """

    orgs: pl.DataFrame
    links: pl.DataFrame
    outside: int


def read_organisations(
    delivery: Delivery, lookup: pl.DataFrame, postcodes: pl.DataFrame
) -> Organisations:
    """Read practices and what stands above them, trusts and councils.

    lookup: of `areas.read_areas`. postcodes: postcode, lsoa_code, longitude, latitude.
    """
    listed = _practices(delivery)
    commissioners = lookup["sub_icb_code"].unique().implode()
    inside = listed.filter(pl.col("sub_icb_code").is_in(commissioners))
    if inside.is_empty():
        raise BadReference(
            "ods_practices_epraccur: no GP practice of the file has a commissioner"
            f" of the lookup ({', '.join(sorted(lookup['sub_icb_code'].unique()))})"
        )
    practices = _located(delivery, inside, lookup, postcodes)
    membership = _membership(delivery, practices)
    pcns = _pcns(delivery, membership)
    upper = neighbourhoods_and_places(delivery, practices, membership, lookup, pcns)
    chain = practices.select("code", "sub_icb_code").join(
        lookup.select("sub_icb_code", "icb_code").unique(), on="sub_icb_code"
    )
    chain = chain.join(upper.own, on="code", how="left")
    trusts = _trusts(delivery)
    links = member_links(membership, upper.placed, chain)
    links = pl.concat([links, _homes_of(trusts, lookup)], how="diagonal_relaxed")
    orgs = pl.concat(
        [
            practices.select(
                "code",
                "name",
                "opened_on",
                "closed_on",
                "longitude",
                "latitude",
                kind=pl.lit("practice"),
            ),
            pcns.with_columns(kind=pl.lit("pcn")),
            upper.neighbourhoods.with_columns(kind=pl.lit("neighbourhood")),
            upper.places.with_columns(kind=pl.lit("place")),
            _commissioning(lookup, "sub_icb"),
            _commissioning(lookup, "icb"),
            trusts.drop("icb_code"),
            _councils(delivery, lookup),
        ],
        how="diagonal",
    )
    again = orgs.filter(pl.col("code").is_duplicated())
    if again.height:
        code, kinds = again["code"][0], again.filter(code=again["code"][0])["kind"]
        raise BadReference(
            f"organisation code {code} stands for more than one organisation"
            f" ({', '.join(kinds)})"
        )
    return Organisations(orgs, links, listed.height - inside.height)


def _practices(delivery: Delivery) -> pl.DataFrame:
    """GP practices (prescribing setting 4), open and closed."""
    path = delivery.mark(
        delivery.need("*epraccur*.csv*", "GP practices of the ODS, epraccur")
    )
    frame = read_table(
        path,
        {
            "code": ["organisation_code", "Organisation Code"],
            "name": ["name"],
            "icb_code": ["high_level_health_geography", "High Level Health Geography"],
            "postcode": ["postcode"],
            "opened_on": ["open_date", "Open Date"],
            "closed_on": ["close_date", "Close Date"],
            "sub_icb_code": ["commissioner"],
            "prescribing_setting": ["prescribing_setting", "Prescribing Setting"],
        },
        headerless=EPRACCUR,
    )
    require(frame, path, "code", "name")
    frame = frame.filter(pl.col("prescribing_setting") == GP_PRACTICE)
    if frame.is_empty():
        raise BadReference(
            f"{path.name}: no row has prescribing_setting {GP_PRACTICE} (GP practice)"
        )
    unique(frame, path, "code")
    return to_date(frame, path, "opened_on", "closed_on").with_columns(
        # The ODS writes names in capitals.
        name=pl.col("name").str.to_lowercase().str.to_titlecase()
    )


def _located(
    delivery: Delivery,
    practices: pl.DataFrame,
    lookup: pl.DataFrame,
    postcodes: pl.DataFrame,
) -> pl.DataFrame:
    """Practices with longitude, latitude, patients and council (by postcode)."""
    at = postcodes.join(
        lookup.select("lsoa_code", "council_code"), on="lsoa_code", how="left"
    ).select("postcode", "council_code", lon="longitude", lat="latitude")
    frame = practices.join(at, on="postcode", how="left")
    path = delivery.find("practice_locations*.csv")
    if path is None:
        return frame.with_columns(
            longitude="lon", latitude="lat", patients=pl.lit(1.0)
        ).drop("lon", "lat")
    located = read_table(
        delivery.mark(path),
        {"code": ["ODS_Code"], "longitude": ["longitude"], "latitude": ["latitude"]},
        optional={"patients": ["Patients"], "shown_name": ["ODS_Name"]},
    )
    located = to_number(
        require(located, path, "code"),
        path,
        pl.Float64,
        "longitude",
        "latitude",
        "patients",
    )
    unique(located, path, "code")
    return frame.join(located.drop("row"), on="code", how="left").with_columns(
        longitude=pl.coalesce("longitude", "lon"),
        latitude=pl.coalesce("latitude", "lat"),
        patients=pl.col("patients").fill_null(1.0),
        name=pl.coalesce("shown_name", "name"),
    )


def _membership(delivery: Delivery, practices: pl.DataFrame) -> pl.DataFrame:
    """code, pcn_code, pcn_name, start_on, end_on: dated membership of networks."""
    path = delivery.mark(
        delivery.need("*practice_to_pcn*.csv", "practices of primary care networks")
    )
    frame = read_table(
        path,
        {
            "code": ["ODS_Code", "Partner Organisation Code"],
            "pcn_code": ["PCN_Code", "PCN Code"],
            "start_on": ["Practice to PCN Relationship Start Date"],
            "end_on": ["Practice to PCN Relationship End Date"],
        },
        optional={"pcn_name": ["PCN_Name", "PCN Name"]},
    )
    require(frame, path, "code", "pcn_code")
    frame = to_date(frame, path, "start_on", "end_on")
    # The ODS gives the last day of membership; our links end on the day after it.
    frame = frame.with_columns(end_on=pl.col("end_on").dt.offset_by("1d"))
    unique(frame, path, "code", "pcn_code", "start_on")
    return frame.join(practices.select("code"), on="code", how="semi").drop("row")


def _pcns(delivery: Delivery, membership: pl.DataFrame) -> pl.DataFrame:
    """code, name, closed_on of every network; closed when its last practice left."""
    named = membership.select(code="pcn_code", name="pcn_name")
    path = delivery.find("pcn_metadata*.csv") or delivery.find("epcn_*_pcn.csv")
    if path is not None:
        listed = read_table(
            delivery.mark(path),
            {"code": ["PCN_Code", "PCN Code"], "name": ["PCN_Name", "PCN Name"]},
        )
        listed = require(listed, path, "code", "name").select("code", "name")
        listed = listed.join(named, on="code", how="semi")
        named = pl.concat([listed, named])
    ended = membership.group_by(code="pcn_code").agg(
        closed_on=pl.when(pl.col("end_on").is_not_null().all()).then(
            pl.col("end_on").max()
        )
    )
    return (
        named.unique("code", keep="first", maintain_order=True)
        .with_columns(pl.coalesce("name", "code").alias("name"))
        .join(ended, on="code")
        .sort("code")
    )


def _commissioning(lookup: pl.DataFrame, kind: str) -> pl.DataFrame:
    return (
        lookup.select(
            code=f"{kind}_code", name=f"{kind}_name", ons_code=f"{kind}_ons_code"
        )
        .unique("code")
        .sort("code")
        .with_columns(kind=pl.lit(kind))
    )


def _trusts(delivery: Delivery) -> pl.DataFrame:
    path = delivery.find("trusts.csv") or delivery.find("*[Tt]rust_metadata*.csv")
    kind = pl.lit("trust").alias("kind")
    if path is None:
        none = dict.fromkeys(("code", "name", "icb_code"), pl.String)
        return pl.DataFrame(schema=none).with_columns(kind)
    frame = read_table(
        delivery.mark(path),
        {
            "code": ["trust_code", "Trust_ODS_Code"],
            "name": ["trust_name", "Trust_Name"],
        },
        optional={
            "longitude": ["lon", "longitude"],
            "latitude": ["lat", "latitude"],
            "opened_on": ["Open_date", "open_date"],
            "closed_on": ["Close_date", "close_date"],
            "icb_code": ["ICB_Code", "icb_code"],
        },
    )
    unique(require(frame, path, "code", "name"), path, "code")
    frame = to_number(frame, path, pl.Float64, "longitude", "latitude")
    return to_date(frame, path, "opened_on", "closed_on").drop("row").with_columns(kind)


def _homes_of(trusts: pl.DataFrame, lookup: pl.DataFrame) -> pl.DataFrame:
    """Links of trusts to the integrated care board that is their home.

    What others publish by trust (beds) is the board's by way of these.
    """
    boards = lookup["icb_code"].unique().implode()
    return trusts.filter(pl.col("icb_code").is_in(boards)).select(
        child="code", parent="icb_code"
    )


def _councils(delivery: Delivery, lookup: pl.DataFrame) -> pl.DataFrame:
    """Upper-tier councils by the code that their own feeds carry, else ONS's."""
    path = delivery.find("councils.csv")
    kind = pl.lit("council").alias("kind")
    if path is None:
        found = lookup.select(
            code="council_code", name="council_name", ons_code="council_code"
        )
        return found.unique("code").sort("code").with_columns(kind)
    frame = read_table(
        delivery.mark(path),
        {
            "code": ["la_code"],
            "name": ["council_name"],
            "ons_code": ["council_code"],
        },
    )
    require(frame, path, "code", "name", "ons_code")
    return unique(frame, path, "code").drop("row").with_columns(kind)
