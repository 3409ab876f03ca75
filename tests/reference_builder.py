"""A small folder of reference files: one ICB, a unitary council and a county."""

import csv
import gzip
import json
from pathlib import Path

Rows = list[dict[str, str]]

LOOKUP = {
    "sicbl24_name": "NHS Invented ICB - Z0A",
    "sicbl24_code": "E38900009",
    "sicbl24_code_nhs": "Z0A",
    "icb24_name": "NHS Invented ICB",
    "icb24_code": "E54900009",
    "icb24_code_nhs": "QZ9",
}


def area(number: int, ward: str, district: str, council: str, **more: str) -> dict:
    """A row of the LSOA lookup."""
    return {
        "lsoa21_code": f"E0199000{number}",
        "lsoa21_name": f"Area {number}",
        "msoa21_code": f"E0299000{number}",
        "msoa21_name": f"Middle {number}",
        "ward24_code": ward,
        "ward24_name": f"Ward {ward[-1]}",
        "ltla24_code": district,
        "ltla24_name": f"District {district[-1]}",
        "utla23_code": council,
        "utla23_name": f"Council {council[-1]}",
        "ruc": "Urban",
        **LOOKUP,
        **more,
    }


def practice(code: str, postcode: str, **more: str) -> dict:
    """A row of epraccur."""
    return {
        "organisation_code": code,
        "name": f"{code} SURGERY",
        "high_level_health_geography": "QZ9",
        "postcode": postcode,
        "open_date": "19740401",
        "close_date": "",
        "commissioner": "Z0A",
        "prescribing_setting": "4",
        **more,
    }


def member(practice: str, pcn: str, start: str = "20190701", end: str = "") -> dict:
    """A row of the practices of networks, with the published sheet's line breaks."""
    return {
        "ODS_Code": practice,
        "PCN_Code": pcn,
        "PCN_Name": f"{pcn} PCN",
        "Practice to PCN\r\r\nRelationship\r\r\nStart Date": start,
        "Practice to PCN\r\r\nRelationship\r\r\nEnd Date": end,
    }


def tables() -> dict[str, Rows]:
    """Every file's rows; a test changes what it is about and writes them."""
    areas = [
        area(1, "E05900001", "E06900009", "E06900009"),
        area(2, "E05900001", "E06900009", "E06900009"),
        area(3, "E05900002", "E07900008", "E10900009"),
        area(4, "E05900003", "E07900009", "E10900009", ruc="Rural"),
    ]
    return {
        "lsoa21_lookup.csv": areas,
        "imd2025_lsoa21.csv": [
            {
                "lsoa21_code": a["lsoa21_code"],
                "IMD_rank": f"{n}.0",
                "IMD_decile": f"{n}",
            }
            for n, a in enumerate(areas, start=1)
        ],
        "postcodes_lsoa.csv.gz": [
            {
                "pcds": f"ZX{n} 1AA",
                "lsoa21cd": a["lsoa21_code"],
                "lon": "0",
                "lat": "51",
            }
            for n, a in enumerate(areas, start=1)
        ],
        "ods_practices_epraccur_2025.csv": [
            practice("Z90001", "ZX1 1AA"),
            practice("Z90002", "ZX3 1AA"),
            practice("Z90003", "ZX4 1AA"),
            practice("Z90004", "ZX4 1AA", close_date="20230331"),
            practice("Z90009", "ZX4 1AA", prescribing_setting="9"),
        ],
        "practice_to_pcn_2022.csv": [
            member("Z90001", "U90001"),
            member("Z90002", "U90001", end="20220331"),
            member("Z90002", "U90002", start="20220401"),
            member("Z90003", "U90002"),
            member("Z90004", "U90002"),
        ],
    }


def write_reference(folder: Path, files: dict[str, Rows] | None = None) -> Path:
    """Write the files of `tables()`, or those given, and two squares as boundaries."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (files or tables()).items():
        path = folder / name
        with gzip.open(path, "wt") if name.endswith(".gz") else path.open("w") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    square = [[0, 51], [1, 51], [1, 52], [0, 51]]
    features = [
        {
            "properties": {"LSOA21CD": code},
            "geometry": {"type": kind, "coordinates": shape},
        }
        for code, kind, shape in (
            ("E01990001", "Polygon", [square]),
            ("E01990002", "MultiPolygon", [[square, square], [square]]),
        )
    ]
    (folder / "boundaries_lsoa21.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    return folder
