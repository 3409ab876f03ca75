"""Areas of the resident hierarchy: LSOA, MSOA, ward, district and council."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from governance.geography import AREA_DECILES, FUEL_POVERTY
from linkage.reference.files import (
    BadReference,
    Delivery,
    headers,
    read_table,
    require,
    to_number,
    unique,
)
from linkage.reference.successors import CHANGES, read_best_fit

# Our name of each domain's decile, and the header that the Indices give it.
DOMAINS = {
    "imd_income": ["Income_decile"],
    "imd_employment": ["Employment_decile"],
    "imd_education": ["Education_decile"],
    "imd_health": ["Health_decile"],
    "imd_crime": ["Crime_decile"],
    "imd_housing": ["Housing_and_Services_decile", "Housing_and_Access_decile"],
    "imd_environment": ["Environment_decile"],
}
# Columns of ONS's lookup, whose headers carry the year of each boundary set.
IMD = "imd[0-9][0-9][0-9][0-9]"
YEARS = ("24", "23", "22", "21", "25", "26")


@dataclass(frozen=True)
class Areas:
    """areas: code, kind, name, vintage, imd_rank, imd_decile, is_rural, traits (JSON:
    deciles of the domains of deprivation, fuel poverty), outline (JSON).

    links: child, parent. lookup: one row per LSOA with the codes above it and those
    of its sub-ICB location and ICB.
    """

    areas: pl.DataFrame
    links: pl.DataFrame
    lookup: pl.DataFrame


def read_areas(delivery: Delivery) -> Areas:
    """Read the LSOA lookup, deprivation and boundaries of a delivery."""
    lookup = _lookup(delivery)
    imd = _deprivation(delivery)
    lsoas = lookup.join(imd, on="lsoa_code", how="left").join(
        _fuel_poverty(delivery), on="lsoa_code", how="left"
    )
    kinds = [
        # A unitary council is district and upper tier in one: it is kept once, as
        # the council, and its wards and MSOAs lie in it directly.
        ("council", "council", lookup),
        ("district", "district", lookup.filter(~_unitary())),
        ("ward", "ward", lookup),
        ("msoa", "msoa", lookup),
    ]
    absent = {"imd_rank": pl.Int32, "imd_decile": pl.Int16, "is_rural": pl.Boolean}
    frames = [
        lsoas.select(
            code="lsoa_code",
            kind=pl.lit("lsoa"),
            name="lsoa_name",
            vintage=pl.lit(2021),
            imd_rank="imd_rank",
            imd_decile="imd_decile",
            is_rural="is_rural",
            traits=pl.struct(*AREA_DECILES, FUEL_POVERTY).struct.json_encode(),
        )
    ]
    for kind, column, rows in kinds:
        vintage = 2021 if kind == "msoa" else lookup["boundary_year"][0]
        frames.append(
            rows.select(
                code=f"{column}_code",
                kind=pl.lit(kind),
                name=f"{column}_name",
                vintage=pl.lit(vintage),
                **{n: pl.lit(None, dtype=t) for n, t in absent.items()},
                traits=pl.lit("{}"),
            ).unique("code")
        )
    areas = pl.concat(frames).sort("kind", "code")
    return Areas(
        areas=areas.join(_outlines(delivery, areas["code"]), on="code", how="left"),
        links=_links(lookup),
        lookup=lookup,
    )


def _unitary() -> pl.Expr:
    return pl.col("district_code") == pl.col("council_code")


def _links(lookup: pl.DataFrame) -> pl.DataFrame:
    """child, parent. An MSOA lies across wards, so both hang on the district."""
    pairs = [
        ("lsoa_code", "msoa_code"),
        ("lsoa_code", "ward_code"),
        ("msoa_code", "district_code"),
        ("ward_code", "district_code"),
        ("district_code", "council_code"),
    ]
    return (
        pl.concat(lookup.select(child=child, parent=parent) for child, parent in pairs)
        .filter(pl.col("child") != pl.col("parent"))
        .unique()
        .sort("child", "parent")
    )


def _lookup(delivery: Delivery) -> pl.DataFrame:
    path = delivery.mark(delivery.need("lsoa21_lookup*.csv", "LSOA to council lookup"))

    def named(stem: str, end: str) -> list[str]:
        return [f"{stem}{year}_{end}" for year in YEARS]

    columns = {
        "lsoa_code": ["lsoa21_code"],
        "lsoa_name": ["lsoa21_name"],
        "msoa_code": ["msoa21_code"],
        "msoa_name": ["msoa21_name"],
        "ward_code": named("ward", "code"),
        "ward_name": named("ward", "name"),
        "district_code": named("ltla", "code"),
        "district_name": named("ltla", "name"),
        "council_code": named("utla", "code"),
        "council_name": named("utla", "name"),
        "sub_icb_code": named("sicbl", "code_nhs"),
        "sub_icb_ons_code": named("sicbl", "code"),
        "sub_icb_name": named("sicbl", "name"),
        "icb_code": named("icb", "code_nhs"),
        "icb_ons_code": named("icb", "code"),
        "icb_name": named("icb", "name"),
    }
    frame = read_table(path, columns, optional={"ruc": ["ruc", "ruc21_name"]})
    frame = require(frame, path, *columns)
    unique(frame, path, "lsoa_code")
    year = next(y for y in YEARS if f"ward{y}_code" in headers(path))
    return frame.with_columns(
        # "Urban …" and "Rural …" of the 2021 rural-urban classification (ONS 2025).
        is_rural=pl.col("ruc").str.starts_with("Rural"),
        boundary_year=pl.lit(2000 + int(year)),
    )


def _deprivation(delivery: Delivery) -> pl.DataFrame:
    older = delivery.find(f"{IMD}_lsoa11*.csv*")
    if older is not None and delivery.find(f"{IMD}_lsoa21*.csv*") is None:
        return _carried_over(delivery, _indices(delivery.mark(older)))
    what = "Indices of Deprivation"
    return _indices(delivery.mark(delivery.need(f"{IMD}_lsoa21*.csv*", what)))


def _carried_over(delivery: Delivery, indices: pl.DataFrame) -> pl.DataFrame:
    """Indices by the areas of 2011 as those of 2021.

    A part of a split area takes the whole's; an area made of several takes their mean,
    rounded, since the lookup does not say how many people each brought.
    """
    best_fit = read_best_fit(delivery)
    if best_fit is None:
        raise BadReference(
            f"{delivery.folder}: deprivation is given by areas of 2011, and no file"
            f" {CHANGES} says what became of them"
        )
    joined = best_fit.join(indices, left_on="old_code", right_on="lsoa_code")
    return joined.group_by(lsoa_code="new_code").agg(
        pl.col(name).mean().round().cast(indices.schema[name])
        for name in indices.columns
        if name != "lsoa_code"
    )


def _indices(path: Path) -> pl.DataFrame:
    frame = read_table(
        path,
        {
            "lsoa_code": ["lsoa21_code", "lsoa11_code"],
            "imd_rank": ["IMD_rank"],
            "imd_decile": ["IMD_decile"],
        },
        optional=DOMAINS,
    )
    require(frame, path, "lsoa_code", "imd_rank", "imd_decile")
    frame = to_number(frame, path, pl.Int32, "imd_rank")
    frame = to_number(frame, path, pl.Int16, "imd_decile", *AREA_DECILES)
    unique(frame, path, "lsoa_code")
    wrong = frame.filter(~pl.col("imd_decile").is_between(1, 10))
    if wrong.height:
        raise BadReference(
            f"{path.name}: row {wrong['row'][0]}: imd_decile is not within 1 and 10"
        )
    return frame.drop("row")


def _fuel_poverty(delivery: Delivery) -> pl.DataFrame:
    """lsoa_code and the share of households in fuel poverty, where it is delivered.

    DESNZ publishes it by LSOA each year (Sub-regional fuel poverty data, table 4).
    """
    path = delivery.find("fuel_poverty_*lsoa*.csv")
    if path is None:
        return pl.DataFrame(schema={"lsoa_code": pl.String, FUEL_POVERTY: pl.Float64})
    delivery.mark(path)
    frame = read_table(
        path,
        {
            "lsoa_code": ["LSOA Code", "lsoa21_code"],
            FUEL_POVERTY: [
                "Proportion of households fuel poor (%)",
                "fuel_poor_percent",
            ],
        },
    )
    require(frame, path, "lsoa_code")
    unique(frame, path, "lsoa_code")
    return to_number(frame, path, pl.Float64, FUEL_POVERTY).drop("row")


def _outlines(delivery: Delivery, codes: pl.Series) -> pl.DataFrame:
    """code, outline (JSON text of rings), from every boundary file that knows codes.

    Where two files draw the same areas the smaller one is taken: it was simplified
    for maps on a screen, and the larger says nothing more at that size.
    """
    known, drawn = set(codes), dict[str, str]()
    paths = delivery.folder.glob("boundaries_*.geojson")
    for path in sorted(paths, key=lambda p: (p.stat().st_size, p.name)):
        found = dict(_features(path, known - set(drawn)))
        if found:
            delivery.mark(path)
            drawn |= found
    return pl.DataFrame(
        {"code": list(drawn), "outline": list(drawn.values())},
        schema={"code": pl.String, "outline": pl.String},
    )


def _features(path: Path, codes: set[str]) -> Iterator[tuple[str, str]]:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (ValueError, KeyError) as error:
        raise BadReference(f"{path.name}: is not GeoJSON: {error}") from error
    for number, feature in enumerate(features, start=1):
        values = feature.get("properties", {}).values()
        code = next((v for v in values if isinstance(v, str) and v in codes), None)
        if code:
            yield code, json.dumps(_rings(feature, path, number))


def _rings(feature: Any, path: Path, number: int) -> list[Any]:
    """The rings of a feature, outer ones first."""
    shape = feature.get("geometry") or {}
    if shape.get("type") == "Polygon":
        polygons = [shape["coordinates"]]
    elif shape.get("type") == "MultiPolygon":
        polygons = shape["coordinates"]
    else:
        raise BadReference(
            f"{path.name}: feature {number}: geometry is {shape.get('type')!r},"
            " not a Polygon or MultiPolygon"
        )
    return [p[0] for p in polygons] + [hole for p in polygons for hole in p[1:]]
