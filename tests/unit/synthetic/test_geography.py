"""The fictional ICS looks like a real one, and the same reader takes both."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.spatial import cKDTree

from synthetic import fictional, tiling
from synthetic.geography import World, read_world
from synthetic.moves import practice_chances


def _inside(point: np.ndarray, ring: np.ndarray) -> bool:
    """Even-odd rule: a ray from inside crosses the ring an odd number of times."""
    (x, y), a, b = point, ring[:-1], ring[1:]
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    at = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1] + 1e-30)
    return bool((spans & (at > x)).sum() % 2)


def test_small_areas_tile_without_gap_or_overlap() -> None:
    drawn = tiling.tile(96, np.random.default_rng(3))
    seen: dict[tuple, int] = {}
    for ring in drawn.outlines:
        for a, b in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
            seen[tuple(sorted((tuple(a), tuple(b))))] = (
                seen.get(tuple(sorted((tuple(a), tuple(b)))), 0) + 1
            )
    assert set(seen.values()) == {1, 2}
    points = tiling.to_degrees(drawn.centres)
    # Points between neighbouring centres lie in one area and in no other.
    near = cKDTree(points).query(points, k=2)[1][:, 1]
    for weight in (0.0, 0.3, 0.45):
        for point in points * (1 - weight) + points[near] * weight:
            assert sum(_inside(point, ring) for ring in drawn.outlines) == 1


def test_deprivation_clusters(world: World) -> None:
    areas = world.areas
    near = cKDTree(areas.select("lon", "lat").to_numpy()).query(
        areas.select("lon", "lat").to_numpy(), k=5
    )[1]
    decile = areas["imd_decile"].to_numpy().astype(float)
    around = decile[near[:, 1:]].mean(axis=1)
    assert np.corrcoef(decile, around)[0, 1] > 0.4
    assert set(decile) == set(range(1, 11))


def test_codes_are_ones_that_no_one_has(world: World) -> None:
    assert world.areas["lsoa_code"].str.starts_with("E019").all()
    assert world.areas["msoa_code"].str.starts_with("E029").all()
    assert world.postcodes["postcode"].str.contains(r"^ZX\d{1,2} \d[A-Z]{2}$").all()
    assert world.postcodes["postcode"].is_unique().all()
    assert world.practices["practice_code"].str.contains(r"^Z8\d{4}$").all()
    assert (world.icb_code, world.sub_icb_code) == ("QZ1", "Z01A")


def test_each_network_and_neighbourhood_belongs_to_one_place(world: World) -> None:
    practices = world.practices
    assert (practices.height, practices["pcn_code"].n_unique()) == (16, 8)
    assert practices["neighbourhood_code"].n_unique() == 4
    assert practices["place_code"].n_unique() == 3
    for unit in ("pcn_code", "neighbourhood_code"):
        per_unit = practices.group_by(unit).agg(pl.col("place_code").n_unique())
        assert (per_unit["place_code"] == 1).all()


def test_more_people_have_more_areas_and_practices(tmp_path: Path) -> None:
    fictional.draw_reference(tmp_path, 200_000, 1)
    world = read_world(tmp_path)
    assert world.practices.height == 24
    assert world.areas.height == 120
    assert world.postcodes.height > 4_500


def test_practices_fill_their_lists_with_people_nearby(world: World) -> None:
    chances = practice_chances(world)
    lists = world.areas["population_weight"].to_numpy() @ chances
    assert np.allclose(chances.sum(axis=1), 1)
    assert np.allclose(lists, world.practices["list_weight"].to_numpy(), rtol=0.05)


def test_boundaries_and_lookup_name_the_same_areas(reference: Path) -> None:
    text = (reference / "boundaries_lsoa21_geographr.geojson").read_text()
    drawn = [f["properties"]["lsoa21_code"] for f in json.loads(text)["features"]]
    lookup = pl.read_csv(reference / "lsoa21_lookup.csv")
    assert sorted(drawn) == sorted(lookup["lsoa21_code"])
    assert lookup["lsoa21_name"].is_unique().all()


@pytest.mark.sample
@pytest.mark.parametrize(
    "name",
    [
        "ods_practices_epraccur_2025.csv",
        "practice_to_pcn_2022.csv",
        "pcn_metadata_2022.csv",
        "lsoa21_lookup.csv",
        "imd2025_lsoa21.csv",
        "postcodes_lsoa.csv.gz",
        "practice_locations_2023.csv",
        "practice_list_size_jul2022.csv",
        "census21_ethnicity_lsoa21.csv",
    ],
)
def test_files_have_the_published_columns(
    name: str, reference: Path, sample_data: Path
) -> None:
    real = sample_data / "reference" / "sussex_QNX" / name
    columns = pl.read_csv(real, n_rows=1, infer_schema=False).columns
    assert pl.read_csv(reference / name, infer_schema=False).columns == columns


@pytest.mark.sample
def test_a_real_ics_is_read_from_the_same_files(sample_data: Path) -> None:
    world = read_world(sample_data / "reference" / "sussex_QNX")
    assert world.areas.height == 1_029
    # 156 of the 159 practices with a list in July 2022 are open in the 2025 file.
    assert world.practices.height == 156
    assert world.practices["pcn_code"].n_unique() >= 38
    assert world.icb_code == "QNX"
    assert world.practices["place_code"].n_unique() == 3
    assert world.councils["la_code"].to_list() == ["990", "991", "992"]
    assert world.ages is not None
    assert len(world.ages) == 19
