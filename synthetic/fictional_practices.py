"""Draws the practices, networks and places of the fictional ICS, and names it all."""

from pathlib import Path

import numpy as np
import polars as pl

from synthetic.tiling import split

ICB = ("QZ1", "E54900001", "NHS Wenmarsh Integrated Care Board")
SUB_ICB = ("Z01A", "E38900001", "NHS Wenmarsh ICB - Z01A")
DISTRICTS = (
    # code, name, upper tier code, upper tier name, place
    ("E06900001", "Saltmere", "E06900001", "Saltmere", "PL1"),
    ("E07900001", "Harrowfen", "E10900001", "Wenmarsh", "PL2"),
    ("E07900002", "Castrel Vale", "E10900001", "Wenmarsh", "PL3"),
    ("E07900003", "Nether Wyn", "E10900001", "Wenmarsh", "PL3"),
)
PLACES = {"PL1": "Saltmere", "PL2": "Harrowfen", "PL3": "West Wenmarsh"}
NAME_STARTS = (
    "Alder", "Bram", "Cald", "Dun", "Esk", "Fal", "Grim", "Hurst", "Ivel", "Kes",
    "Lang", "Mor", "Nor", "Orm", "Pell", "Quen", "Rav", "Sel", "Thurl", "Ulv", "Vent",
    "Wick", "Yar", "Ash", "Birk", "Cray",
)  # fmt: skip
NAME_ENDS = (
    "bourne", "by", "combe", "dale", "ey", "field", "ford", "holt", "ley", "mere",
    "more", "stead", "thorpe", "ton", "wold",
)  # fmt: skip


def write_practices(
    folder: Path,
    centres: np.ndarray,
    district_of: np.ndarray,
    areas: pl.DataFrame,
    postcodes: pl.DataFrame,
    practices: int,
    people: int,
    rng: np.random.Generator,
) -> None:
    """Practices in PCNs of two, PCNs in neighbourhoods of two, those in places."""
    pcns = practices // 2
    per_district = pcns // len(DISTRICTS)
    rows = []
    names = place_names(practices, rng)
    for pcn in range(pcns):
        district, within = divmod(pcn, per_district)
        inside = np.flatnonzero(district_of == district)
        mine = inside[split(centres[inside], per_district) == within]
        for area in rng.choice(mine, size=2, replace=False):
            rows.append((pcn, district, area, names[len(rows)]))
    frame = pl.DataFrame(rows, schema=["pcn", "district", "area", "base"], orient="row")
    kinds = np.array(["Surgery", "Medical Centre", "Health Centre", "Practice"])
    size = rng.lognormal(0, 0.35, practices)
    patients = (size / size.sum() * people).round().astype(int)
    women = (patients * 0.503).round().astype(int)
    at = postcodes.group_by("lsoa21cd", maintain_order=True).first()
    frame = (
        frame.with_columns(
            ODS_Code=pl.Series([f"Z{81001 + i}" for i in range(practices)]),
            ODS_Name=pl.Series(
                [
                    f"{b} {k}"
                    for b, k in zip(
                        frame["base"], rng.choice(kinds, practices), strict=True
                    )
                ]
            ),
            PCN_Code=pl.format(
                "U9{}", (pl.col("pcn") + 1).cast(pl.String).str.zfill(4)
            ),
            neighbourhood=pl.col("pcn") // 2,
            lsoa21cd=areas["lsoa21_code"].gather(frame["area"]),
            Patients=pl.Series(patients),
            Female=pl.Series(women),
        )
        .with_columns(
            PCN_Name=pl.format("{} PCN", pl.col("base").first().over("pcn")),
            neighbourhood_name=pl.format(
                "{} neighbourhood", pl.col("base").last().over("neighbourhood")
            ),
        )
        .join(at, on="lsoa21cd", how="left", maintain_order="left")
    )
    _write_practice_files(folder, frame)


def _write_practice_files(folder: Path, frame: pl.DataFrame) -> None:
    empty = pl.lit(None, dtype=pl.String)
    lit = pl.lit
    frame.select(
        organisation_code="ODS_Code",
        name=pl.col("ODS_Name").str.to_uppercase(),
        national_grouping=lit("Z59"),
        high_level_health_geography=lit(ICB[0]),
        address1=pl.format("{} HIGH STREET", pl.col("base").str.to_uppercase()),
        address2=empty,
        address3=empty,
        address4=pl.col("ladnm").str.to_uppercase(),
        address5=empty,
        postcode="pcds",
        open_date=lit("19740401"),
        close_date=empty,
        status_code=lit("A"),
        org_sub_type=lit("B"),
        commissioner=lit(SUB_ICB[0]),
        join_commissioner_date=lit("20130401"),
        left_commissioner_date=empty,
        telephone=empty,
        amended_indicator=lit("0"),
        provider_purchaser=lit(SUB_ICB[0]),
        prescribing_setting=lit("4"),
    ).write_csv(folder / "ods_practices_epraccur_2025.csv")
    frame.select(
        "ODS_Code",
        Partner_name="ODS_Name",
        Partner_Sub_ICB_code=lit(SUB_ICB[0]),
        Partner_Sub_ICB_name=lit(SUB_ICB[2]),
        PCN_Code="PCN_Code",
        PCN_Name="PCN_Name",
        **{
            # The published sheet has these line breaks inside its headers.
            "PCN Parent\r\r\nSub ICB Loc Code": lit(SUB_ICB[0]),
            "PCN Parent\r\r\nSub ICB Loc Name": lit(SUB_ICB[2].upper()),
            "Practice to PCN\r\r\nRelationship\r\r\nStart Date": lit("20190701"),
            "Practice to PCN\r\r\nRelationship\r\r\nEnd Date": empty,
            "Practice Sub ICB Loc and PCN Sub ICB Loc Match": lit("TRUE"),
        },
    ).write_csv(folder / "practice_to_pcn_2022.csv")
    pcns = frame.group_by("PCN_Code", maintain_order=True).first()
    pcns.select(
        "PCN_Code",
        "PCN_Name",
        Current_sub_ICB_code=lit(SUB_ICB[0]),
        Address_label=pl.format("{} High Street, {}, {}", "base", "ladnm", "pcds"),
        Postcode="pcds",
    ).write_csv(folder / "pcn_metadata_2022.csv")
    frame.select(
        "ODS_Code", "ODS_Name", "PCN_Name", longitude="lon", latitude="lat",
        Patients="Patients",
    ).write_csv(folder / "practice_locations_2023.csv")  # fmt: skip
    frame.select(
        "ODS_Code", "Female", Male=pl.col("Patients") - pl.col("Female"),
        Total="Patients",
    ).write_csv(folder / "practice_list_size_jul2022.csv")  # fmt: skip
    place = pl.col("district").replace_strict(
        list(range(len(DISTRICTS))), [row[4] for row in DISTRICTS]
    )
    pcns.select(
        place_code=place,
        place_name=place.replace_strict(PLACES),
        pcn_code="PCN_Code",
        neighbourhood_code=pl.format(
            "N{}", (pl.col("neighbourhood") + 1).cast(pl.String).str.zfill(2)
        ),
        neighbourhood_name="neighbourhood_name",
    ).write_csv(folder / "places.csv")


def place_names(count: int, rng: np.random.Generator) -> list[str]:
    """Invented names of places, all different."""
    pool = [a + b for a in NAME_STARTS for b in NAME_ENDS]
    order = rng.permutation(len(pool))
    return [
        pool[order[i % len(pool)]] + (" North" if i >= len(pool) else "")
        for i in range(count)
    ]
