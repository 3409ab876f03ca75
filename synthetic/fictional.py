"""Draws a fictional ICS and writes it as reference files in the published layouts.

Codes lie in ranges that are not in use: ICB QZ1, LSOA E019…, postcodes ZX…,
practices Z8…. The files have the names and columns of the real ones, so that one
reader takes both.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from synthetic.fictional_practices import (
    DISTRICTS,
    ICB,
    SUB_ICB,
    place_names,
    write_practices,
)
from synthetic.tiling import Tiling, split, tile, to_degrees

COUNCILS = (("990", "E10900001", "Wenmarsh"), ("991", "E06900001", "Saltmere"))
PEOPLE_PER_LSOA, PEOPLE_PER_PRACTICE, PEOPLE_PER_POSTCODE = 1_650, 9_000, 40
LSOAS_PER_MSOA = 6
# LSOAs ranked by the English Indices of Deprivation 2025 (MHCLG).
RANKED_LSOAS = 33_755
IMD_DOMAINS = (
    "IMD", "Income", "Employment", "Education", "Health", "Crime",
    "Housing_and_Services", "Environment",
)  # fmt: skip
POSTCODE_LETTERS = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))


@dataclass(frozen=True)
class Drawing:
    """The drawn ICS before it is written: shapes, groups of areas and their traits."""

    tiling: Tiling
    district: np.ndarray
    msoa: np.ndarray
    ward: np.ndarray
    imd_rank: np.ndarray
    rural: np.ndarray
    residents: np.ndarray


def draw_reference(folder: Path, people: int, seed: int) -> None:
    """Write the reference files of a fictional ICS for about `people` people."""
    rng = np.random.default_rng([seed, 1])
    folder.mkdir(parents=True, exist_ok=True)
    practices = max(16, 8 * round(people / PEOPLE_PER_PRACTICE / 8))
    lsoas = max(96, 24 * round(people / PEOPLE_PER_LSOA / 24))
    drawing = _draw(lsoas, rng)
    areas = _write_areas(folder, drawing, rng)
    _write_boundaries(folder, drawing, areas)
    postcodes = _write_postcodes(folder, drawing, areas, people, rng)
    write_practices(
        folder,
        drawing.tiling.centres,
        drawing.district,
        areas,
        postcodes,
        practices,
        people,
        rng,
    )
    pl.DataFrame(
        COUNCILS, schema=["la_code", "council_code", "council_name"], orient="row"
    ).write_csv(folder / "councils.csv")


def _draw(lsoas: int, rng: np.random.Generator) -> Drawing:
    tiling = tile(lsoas, rng)
    points = tiling.centres
    district = split(points, len(DISTRICTS))
    msoa, ward = np.zeros(lsoas, int), np.zeros(lsoas, int)
    for d in range(len(DISTRICTS)):
        inside = np.flatnonzero(district == d)
        for groups, size in ((msoa, LSOAS_PER_MSOA), (ward, 5)):
            parts = max(1, len(inside) // size)
            groups[inside] = split(points[inside], parts) + groups.max() + (d > 0)
    # Deprivation belongs to towns and clusters within them: noise averaged over
    # neighbours, more of it where people live close together.
    near = cKDTree(points).query(points, k=7)[1]
    level = rng.normal(size=tiling.town.max() + 1)
    noise = rng.normal(size=lsoas)[near].mean(axis=1)
    poor = tiling.urban * (0.55 + 0.5 * level[tiling.town]) + 0.9 * noise
    place = np.argsort(np.argsort(-poor))
    rank = ((place + rng.uniform(0.2, 0.8, lsoas)) / lsoas * RANKED_LSOAS).astype(int)
    return Drawing(
        tiling=tiling,
        district=district,
        msoa=msoa,
        ward=ward,
        imd_rank=rank.clip(1, RANKED_LSOAS),
        rural=tiling.urban < np.quantile(tiling.urban, 0.18),
        residents=(PEOPLE_PER_LSOA * rng.lognormal(0, 0.16, lsoas)).round(),
    )


def _write_areas(
    folder: Path, drawing: Drawing, rng: np.random.Generator
) -> pl.DataFrame:
    place = pl.DataFrame(
        DISTRICTS,
        schema=["ltla24_code", "ltla24_name", "utla23_code", "utla23_name", "place"],
        orient="row",
    ).with_row_index("district")
    names = place_names(drawing.ward.max() + 1, rng)
    areas = (
        pl.DataFrame(
            {
                "district": drawing.district.astype(np.uint32),
                "msoa": drawing.msoa,
                "ward24_code": [f"E059{w + 1:05d}" for w in drawing.ward],
                "ward24_name": [names[w] for w in drawing.ward],
                "ruc21_code": np.where(drawing.rural, "RSF1", "UN1"),
                "ruc": np.where(drawing.rural, "Rural", "Urban"),
            }
        )
        .with_row_index("area")
        .join(place, on="district", how="left", maintain_order="left")
        .with_columns(
            _first_msoa=pl.col("msoa").min().over("district"),
            _letter=pl.int_range(pl.len()).over("msoa"),
        )
        .with_columns(
            lsoa21_code=pl.format(
                "E019{}", (pl.col("area") + 1).cast(pl.String).str.zfill(5)
            ),
            msoa21_code=pl.format(
                "E029{}", (pl.col("msoa") + 1).cast(pl.String).str.zfill(5)
            ),
            msoa21_name=pl.format(
                "{} {}",
                "ltla24_name",
                (pl.col("msoa") - pl.col("_first_msoa") + 1)
                .cast(pl.String)
                .str.zfill(3),
            ),
        )
        .with_columns(
            lsoa21_name=pl.format(
                "{}{}",
                "msoa21_name",
                pl.col("_letter").replace_strict(
                    list(range(26)), list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
                ),
            ),
            sicbl24_name=pl.lit(SUB_ICB[2]),
            sicbl24_code=pl.lit(SUB_ICB[1]),
            sicbl24_code_nhs=pl.lit(SUB_ICB[0]),
            icb24_name=pl.lit(ICB[2]),
            icb24_code=pl.lit(ICB[1]),
            icb24_code_nhs=pl.lit(ICB[0]),
        )
    )
    areas.select(
        "lsoa21_name", "lsoa21_code", "sicbl24_name", "sicbl24_code",
        "sicbl24_code_nhs", "icb24_name", "icb24_code", "icb24_code_nhs",
        "ward24_code", "ward24_name", "ltla24_code", "ltla24_name", "utla23_code",
        "utla23_name", "msoa21_name", "msoa21_code", "ruc21_code", "ruc",
    ).write_csv(folder / "lsoa21_lookup.csv")  # fmt: skip
    _imd(areas["lsoa21_code"], drawing.imd_rank, rng).write_csv(
        folder / "imd2025_lsoa21.csv"
    )
    _fuel_poverty(areas["lsoa21_code"], drawing).write_csv(
        folder / "fuel_poverty_lsoa21.csv"
    )
    _ethnicity(areas["lsoa21_code"], drawing, rng).write_csv(
        folder / "census21_ethnicity_lsoa21.csv"
    )
    return areas


def _imd(codes: pl.Series, rank: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    """Ranks, deciles and scores: each domain follows the whole, with its own noise."""
    ranks, scores = {}, {}
    for domain in IMD_DOMAINS:
        if domain == "IMD":
            own = rank
        else:
            mixed = rank + rng.normal(scale=RANKED_LSOAS * 0.18, size=len(rank))
            own = np.sort(rank)[np.argsort(np.argsort(mixed))]
        ranks[domain] = own.astype(float)
        # The published scores fall from about 85 to 1, steeply among the poorest.
        scores[domain] = (85 * (1 - own / (RANKED_LSOAS + 1)) ** 2.2 + 0.5).round(3)
    return pl.DataFrame(
        {"lsoa21_code": codes}
        | {
            f"{d}_decile": np.ceil(r * 10 / RANKED_LSOAS).clip(1, 10)
            for d, r in ranks.items()
        }
        | {f"{d}_rank": r for d, r in ranks.items()}
        | {f"{d}_score": s for d, s in scores.items()}
    )


def _fuel_poverty(codes: pl.Series, drawing: Drawing) -> pl.DataFrame:
    """Share of households, about 13% (DESNZ 2024, England, 2022 data: 13.1%): more in
    poor areas and off the gas grid in the country. No chance is drawn, so that the
    rest of the world stays what its seed makes it.
    """
    poor = 1 - drawing.imd_rank / RANKED_LSOAS
    percent = 7.5 + 10 * poor + 2.5 * drawing.rural
    return pl.DataFrame({"lsoa21_code": codes, "fuel_poor_percent": percent.round(1)})


def _ethnicity(
    codes: pl.Series, drawing: Drawing, rng: np.random.Generator
) -> pl.DataFrame:
    """Census-like counts in five groups, near England's 19% outside the White group."""
    n = len(drawing.imd_rank)
    town = rng.lognormal(0, 0.6, drawing.tiling.town.max() + 1)[drawing.tiling.town]
    poor = 1 - drawing.imd_rank / RANKED_LSOAS
    others = (0.02 + 0.25 * drawing.tiling.urban * town * (0.4 + poor)).clip(0.01, 0.7)
    others = (others * 0.19 / np.average(others, weights=drawing.residents)).clip(
        0, 0.75
    )
    # Shares among people outside the White group, Census 2021, England (ONS TS021).
    mix = rng.dirichlet(np.array([0.505, 0.223, 0.158, 0.114]) * 25, size=n)
    shares = np.column_stack([others[:, None] * mix, 1 - others])
    groups = (
        "Asian, Asian British or Asian Welsh",
        "Black, Black British, Black Welsh, Caribbean or African",
        "Mixed or Multiple ethnic groups",
        "Other ethnic group",
        "White",
    )
    counts = (shares * drawing.residents[:, None]).round()
    total = counts.sum(axis=1)
    return pl.concat(
        pl.DataFrame(
            {
                "lsoa21_code": codes,
                "total_residents": total,
                "ethnic_group": [group] * n,
                "n": counts[:, g],
                "prop": counts[:, g] / total,
            }
        )
        for g, group in enumerate(groups)
    ).sort("lsoa21_code", "ethnic_group")


def _write_boundaries(folder: Path, drawing: Drawing, areas: pl.DataFrame) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"lsoa21_name": name, "lsoa21_code": code},
            "geometry": {"type": "MultiPolygon", "coordinates": [[ring.tolist()]]},
        }
        for name, code, ring in zip(
            areas["lsoa21_name"],
            areas["lsoa21_code"],
            drawing.tiling.outlines,
            strict=True,
        )
    ]
    text = json.dumps(
        {"type": "FeatureCollection", "features": features}, separators=(",", ":")
    )
    (folder / "boundaries_lsoa21_geographr.geojson").write_text(text)


def _write_postcodes(
    folder: Path,
    drawing: Drawing,
    areas: pl.DataFrame,
    people: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    lsoas = areas.height
    each = max(12, round(people / PEOPLE_PER_POSTCODE / lsoas))
    area = np.repeat(np.arange(lsoas), each)
    number = np.arange(len(area))
    # One outward code for some 1,600 addresses in a row, so that neighbours share it.
    outward, rest = np.divmod(number, 9 * 20 * 9)
    sector, unit = np.divmod(rest, 180)
    unit = unit * 2 + rng.integers(0, 2, len(unit))
    codes = [
        f"ZX{o + 1} {s + 1}{a}{b}"
        for o, s, a, b in zip(
            outward,
            sector,
            POSTCODE_LETTERS[unit // 20],
            POSTCODE_LETTERS[unit % 20],
            strict=True,
        )
    ]
    reach = 0.18 + 1.2 * (1 - drawing.tiling.urban[area])
    points = to_degrees(
        drawing.tiling.centres[area]
        + rng.normal(size=(len(area), 2)) * reach[:, None] / 3
    )
    frame = pl.DataFrame({"pcds": codes, "area": area.astype(np.uint32)}).join(
        areas, on="area", how="left", maintain_order="left"
    )
    empty = pl.lit(None, dtype=pl.String)
    table = frame.select(
        "pcds",
        dointr=pl.lit("199801"),
        doterm=empty,
        usertype=pl.lit(0),
        oa11cd=empty,
        lsoa11cd="lsoa21_code",
        msoa11cd="msoa21_code",
        ladcd="ltla24_code",
        ladnm="ltla24_name",
        lon=pl.Series(points[:, 0]),
        lat=pl.Series(points[:, 1]),
        lsoa21cd="lsoa21_code",
        lsoa21_method=pl.lit("unique"),
        easting=empty,
        northing=empty,
    )
    with gzip.GzipFile(folder / "postcodes_lsoa.csv.gz", "wb", mtime=0) as file:
        file.write(table.write_csv().encode())
    return table
