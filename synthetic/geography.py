"""Where the demo ICS is: areas, practices, trusts and postcodes, invented or real."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from scipy.spatial import cKDTree

CENSUS_GROUPS = {
    "Asian": "asian",
    "Black": "black",
    "Mixed or Multiple ethnic groups": "mixed",
    "Other ethnic group": "other",
    "White": "white",
}
# Where residents by age are not known: young adults live in towns and poorer areas, old
# people in the country and better-off ones (ONS small-area population estimates).
# Each: exponent per IMD decile above the middle, factor in the country.
AGE_TILT = {"young": (-0.06, 0.7), "middle": (0.01, 1.1), "old": (0.06, 1.35)}
AGE_SCHEMA = dict.fromkeys(AGE_TILT, pl.Float64)
# Over real areas the trusts stay fictional: no invented stay in hospital should stand
# in a real hospital's name.
FICTIONAL_TRUSTS = (
    ("RZ1", "West Wen General Hospitals NHS Trust", "acute"),
    ("RZ2", "East Wen University Hospitals NHS Trust", "acute"),
    ("RZ3", "Wen Mental Health NHS Trust", "mental_health"),
    ("RZ4", "Wen Community Health NHS Trust", "community"),
)


@dataclass(frozen=True)
class World:
    """One ICS as frames, each sorted by its first column.

    areas: lsoa_code, lsoa_name, msoa_code, msoa_name, ward_code, ward_name,
        district_code, district_name, council_code (ONS code of the upper tier),
        imd_decile (1 = most deprived), imd_rank, rural (bool), lon, lat,
        population_weight (sums to 1), white, asian, black, mixed, other (shares),
        young, middle, old (weights of the area among people of 16-39, 40-64, 65+).
    practices: practice_code, practice_name, pcn_code, neighbourhood_code, place_code,
        list_weight (sums to 1), lon, lat.
    trusts: trust_code, trust_name, kind ("acute", "mental_health", "community"),
        lon, lat.
    postcodes: postcode, lsoa_code.
    councils: la_code (as the council client list and CLD write it), council_code,
        council_name.
    ages: weights of 19 age bands (0-4 ... 90+), or None for England's.
    """

    areas: pl.DataFrame
    practices: pl.DataFrame
    trusts: pl.DataFrame
    postcodes: pl.DataFrame
    councils: pl.DataFrame
    icb_code: str
    sub_icb_code: str
    reference: Path
    ages: tuple[float, ...] | None = None

    def trusts_of(self, kind: str) -> list[str]:
        """Codes of the trusts of one kind, in order."""
        return self.trusts.filter(pl.col("kind") == kind)["trust_code"].to_list()


def read_world(reference: Path) -> World:
    """Read one ICS from a folder of ONS and ODS files (or of fictional ones like them).

    Practices are those open, prescribing (setting 4) and with a known list and place.
    The folder may also hold councils.csv (la_code, council_code, council_name),
    trusts.csv (trust_code, trust_name, kind, lon, lat) and places.csv; without them the
    councils are numbered from 990, the trusts are fictional, and a place is the upper
    tier council of most of a network's practices.
    """
    postcodes = _postcodes(reference)
    areas = _areas(reference, postcodes)
    practices = _practices(reference, areas)
    lookup = pl.read_csv(reference / "lsoa21_lookup.csv", infer_schema=False)
    return World(
        areas=areas,
        practices=practices,
        trusts=_trusts(reference, practices),
        postcodes=postcodes.select("postcode", "lsoa_code"),
        councils=_councils(reference, lookup),
        icb_code=lookup["icb24_code_nhs"][0],
        sub_icb_code=lookup["sicbl24_code_nhs"][0],
        reference=reference,
        ages=_age_structure(reference),
    )


def _postcodes(reference: Path) -> pl.DataFrame:
    """Postcodes in use by households, not by single large users (usertype 1)."""
    return (
        pl.read_csv(reference / "postcodes_lsoa.csv.gz", infer_schema=False)
        .filter(
            pl.col("doterm").fill_null("") == "",
            pl.col("usertype") == "0",
            pl.col("lsoa21cd").str.starts_with("E01"),
        )
        .select(
            postcode="pcds",
            lsoa_code="lsoa21cd",
            lon=pl.col("lon").cast(pl.Float64),
            lat=pl.col("lat").cast(pl.Float64),
        )
        .sort("postcode")
    )


def _areas(reference: Path, postcodes: pl.DataFrame) -> pl.DataFrame:
    imd = pl.read_csv(
        reference / "imd2025_lsoa21.csv",
        columns=["lsoa21_code", "IMD_decile", "IMD_rank"],
    )
    centres = postcodes.group_by("lsoa_code").agg(pl.col("lon", "lat").mean())
    return (
        pl.read_csv(reference / "lsoa21_lookup.csv", infer_schema=False)
        .select(
            lsoa_code="lsoa21_code",
            lsoa_name="lsoa21_name",
            msoa_code="msoa21_code",
            msoa_name="msoa21_name",
            ward_code="ward24_code",
            ward_name="ward24_name",
            district_code="ltla24_code",
            district_name="ltla24_name",
            council_code="utla23_code",
            rural=pl.col("ruc") == "Rural",
        )
        .join(imd, left_on="lsoa_code", right_on="lsoa21_code")
        .join(centres, on="lsoa_code")
        .join(_residents(reference), on="lsoa_code")
        .with_columns(
            pl.col("IMD_decile").cast(pl.Int8).alias("imd_decile"),
            pl.col("IMD_rank").cast(pl.Int32).alias("imd_rank"),
            pl.col("population_weight") / pl.col("population_weight").sum(),
        )
        .drop("IMD_decile", "IMD_rank")
        .join(_age_weights(reference), on="lsoa_code", how="left")
        .with_columns(_tilted(pl.col(name), *tilt) for name, tilt in AGE_TILT.items())
        .sort("lsoa_code")
    )


def _tilted(known: pl.Expr, per_decile: float, rural: float) -> pl.Expr:
    """Counted residents of that age where known, else the usual pattern."""
    usual = (
        pl.col("population_weight")
        * ((pl.col("imd_decile") - 5.5) * per_decile).exp()
        * pl.when("rural").then(rural).otherwise(1.0)
    )
    return pl.when(known > 0).then(known).otherwise(usual)


def _single_years(reference: Path) -> pl.DataFrame | None:
    path = reference / "population_mid2020_lsoa11_single_year_age.csv"
    return pl.read_csv(path) if path.exists() else None


def _age_structure(reference: Path) -> tuple[float, ...] | None:
    """Residents by 19 age bands (ONS mid-2020), where the folder has them."""
    counts = _single_years(reference)
    if counts is None:
        return None
    total = counts.select(pl.col(r"^\d+\+?$").sum()).row(0)
    return tuple(float(sum(total[i : i + 5])) for i in range(0, len(total), 5))


def _age_weights(reference: Path) -> pl.DataFrame:
    """lsoa_code, young, middle, old; LSOAs changed since 2011 are left to the tilt."""
    counts = _single_years(reference)
    if counts is None:
        return pl.DataFrame(schema={"lsoa_code": pl.String} | AGE_SCHEMA)
    total = counts["total_population"].sum()

    def share(years: range) -> pl.Expr:
        ages = [f"{y}+" if y == 90 else str(y) for y in years]
        return pl.sum_horizontal(ages) / total

    return counts.select(
        lsoa_code="lsoa11_code",
        young=share(range(16, 40)) / 0.29,
        middle=share(range(40, 65)) / 0.33,
        old=share(range(65, 91)) / 0.19,
    )


def _residents(reference: Path) -> pl.DataFrame:
    """Residents and shares of five ethnic groups by LSOA (Census 2021, TS021)."""
    group = (
        pl.col("ethnic_group")
        .str.split(",")
        .list.first()
        .replace_strict(CENSUS_GROUPS, default=None)
    )
    return (
        pl.read_csv(reference / "census21_ethnicity_lsoa21.csv")
        .with_columns(group=group, prop=pl.col("prop").cast(pl.Float64))
        .pivot("group", index=["lsoa21_code", "total_residents"], values="prop")
        .select(
            pl.col("lsoa21_code").alias("lsoa_code"),
            pl.col("total_residents").cast(pl.Float64).alias("population_weight"),
            *[pl.col(g).fill_null(0.0) for g in CENSUS_GROUPS.values()],
        )
    )


def _practices(reference: Path, areas: pl.DataFrame) -> pl.DataFrame:
    text = {"infer_schema": False}
    opened = pl.read_csv(reference / "ods_practices_epraccur_2025.csv", **text).filter(
        pl.col("prescribing_setting") == "4", pl.col("status_code") == "A"
    )
    network = (
        pl.read_csv(reference / "practice_to_pcn_2022.csv", **text)
        .with_columns(start=pl.col("Practice to PCN\r\r\nRelationship\r\r\nStart Date"))
        .sort("ODS_Code", "start")
        .group_by("ODS_Code", maintain_order=True)
        .last()
        .select("ODS_Code", "PCN_Code")
    )
    size = pl.read_csv(reference / "practice_list_size_jul2022.csv")
    location = pl.read_csv(reference / "practice_locations_2023.csv")
    practices = (
        opened.select(ODS_Code="organisation_code")
        .join(network, on="ODS_Code")
        .join(size.select("ODS_Code", "Total"), on="ODS_Code")
        .join(location, on="ODS_Code")
        .select(
            practice_code="ODS_Code",
            practice_name="ODS_Name",
            pcn_code="PCN_Code",
            list_weight=pl.col("Total") / pl.col("Total").sum(),
            lon="longitude",
            lat="latitude",
        )
        .sort("practice_code")
    )
    return practices.join(_places(reference, practices, areas), on="pcn_code").sort(
        "practice_code"
    )


def _places(
    reference: Path, practices: pl.DataFrame, areas: pl.DataFrame
) -> pl.DataFrame:
    """pcn_code, neighbourhood_code, place_code for every network of the practices."""
    path = reference / "places.csv"
    if path.exists():
        return pl.read_csv(path, infer_schema=False).select(
            "pcn_code", "neighbourhood_code", "place_code"
        )
    nearest = cKDTree(areas.select("lon", "lat").to_numpy()).query(
        practices.select("lon", "lat").to_numpy()
    )[1]
    return (
        practices.with_columns(place_code=areas["council_code"].gather(nearest))
        .group_by("pcn_code", "place_code")
        .agg(pl.col("list_weight").sum())
        .sort("pcn_code", "list_weight", "place_code", descending=[False, True, False])
        .group_by("pcn_code", maintain_order=True)
        .first()
        .select(
            "pcn_code", pl.col("pcn_code").alias("neighbourhood_code"), "place_code"
        )
    )


def _trusts(reference: Path, practices: pl.DataFrame) -> pl.DataFrame:
    path = reference / "trusts.csv"
    if path.exists():
        return pl.read_csv(path)
    # Two general hospitals, one each half of the practices from west to east; the
    # trusts of mental health and community care cover all of it.
    ordered = practices.sort("lon")
    half = ordered.height // 2
    centres = [
        part.select(pl.col("lon", "lat").mean()).row(0)
        for part in (ordered[:half], ordered[half:], ordered, ordered)
    ]
    return pl.DataFrame(
        [
            (*trust, *centre)
            for trust, centre in zip(FICTIONAL_TRUSTS, centres, strict=True)
        ],
        schema=["trust_code", "trust_name", "kind", "lon", "lat"],
        orient="row",
    )


def _councils(reference: Path, lookup: pl.DataFrame) -> pl.DataFrame:
    path = reference / "councils.csv"
    if path.exists():
        return pl.read_csv(path, infer_schema=False)
    return (
        lookup.select(council_code="utla23_code", council_name="utla23_name")
        .unique()
        .sort("council_code")
        .with_row_index("number", offset=990)
        .select(pl.col("number").cast(pl.String).alias("la_code"), pl.exclude("number"))
    )
