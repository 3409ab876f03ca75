"""Draws a coast, its towns and small areas that tile it without a gap."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import Voronoi, cKDTree

WIDTH_KM, DEPTH_KM = 84.0, 46.0
# An island that is not there, in the North Sea: no map can mistake it for a real place.
WEST, SOUTH = 1.2, 54.1
KM_PER_DEGREE = (65.3, 111.2)
TOWNS = 7
RELAXATIONS = 2
RAGGED = 0.10


@dataclass(frozen=True)
class Tiling:
    """Small areas: centres (k, 2) in kilometres, outlines in degrees, town shares.

    `outlines[i]` is a closed ring (m, 2) of longitude and latitude; neighbours share
    their points exactly. `urban` is 0 (open country) to 1 (middle of a town).
    """

    centres: np.ndarray
    outlines: list[np.ndarray]
    town: np.ndarray
    urban: np.ndarray


def tile(areas: int, rng: np.random.Generator) -> Tiling:
    """Draw `areas` small areas, smaller where more people live."""
    towns = np.column_stack(
        [
            (np.arange(TOWNS) + rng.uniform(0.2, 0.8, TOWNS)) * WIDTH_KM / TOWNS,
            rng.uniform(7, DEPTH_KM - 6, TOWNS),
        ]
    )
    points = _scatter(areas, towns, rng)
    sea = _sea(points)
    for _ in range(RELAXATIONS):
        cells = Voronoi(np.vstack([points, sea]))
        points = _towards_middle(cells, points)
    cells = Voronoi(np.vstack([points, sea]))
    distance, town = cKDTree(towns).query(points)
    return Tiling(
        points, _outlines(cells, areas, rng), town, np.exp(-((distance / 4.5) ** 2))
    )


def split(points: np.ndarray, parts: int) -> np.ndarray:
    """Number each point with one of `parts` compact groups of nearly equal size."""
    groups = np.zeros(len(points), dtype=np.int64)
    _split(points, np.arange(len(points)), parts, 0, groups)
    return groups


def to_degrees(points_km: np.ndarray) -> np.ndarray:
    """Longitude and latitude of points in kilometres, to about a metre."""
    return np.round(points_km / KM_PER_DEGREE + (WEST, SOUTH), 5)


def _scatter(areas: int, towns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spread = rng.uniform(1.6, 3.2, TOWNS)
    size = rng.dirichlet(np.full(TOWNS, 6.0))
    kept = np.empty((0, 2))
    while len(kept) < areas:
        town = rng.choice(TOWNS, size=areas * 2, p=size)
        near = towns[town] + rng.normal(size=(areas * 2, 2)) * spread[town][:, None]
        anywhere = rng.uniform((0, 0), (WIDTH_KM, DEPTH_KM), size=(areas * 2, 2))
        points = np.where(rng.random((areas * 2, 1)) < 0.78, near, anywhere)
        kept = np.vstack([kept, points[_on_land(points)]])
    return kept[:areas]


def _on_land(points: np.ndarray) -> np.ndarray:
    x, y = points.T
    coast = 2.5 + 2.0 * np.sin(x / 9) + 1.2 * np.sin(x / 3.7 + 1)
    north = DEPTH_KM - 3 - 2.5 * np.sin(x / 13 + 2)
    return (x > 0) & (x < WIDTH_KM) & (y > coast) & (y < north)


def _sea(points: np.ndarray) -> np.ndarray:
    """Points off the land, whose cells are the sea: they bound every area."""
    x, y = np.meshgrid(
        np.arange(-12, WIDTH_KM + 13, 1.5), np.arange(-12, DEPTH_KM + 13, 1.5)
    )
    grid = np.column_stack([x.ravel(), y.ravel()])
    grid = grid[~_on_land(grid)]
    return grid[cKDTree(points).query(grid)[0] > 1.0]


def _towards_middle(cells: Voronoi, points: np.ndarray) -> np.ndarray:
    middle = np.array(
        [
            cells.vertices[cells.regions[cells.point_region[i]]].mean(axis=0)
            for i in range(len(points))
        ]
    )
    return (points + middle) / 2


def _outlines(cells: Voronoi, areas: int, rng: np.random.Generator) -> list[np.ndarray]:
    edges = _ragged_edges(cells, rng)
    outlines = []
    for i in range(areas):
        corners = np.array(cells.regions[cells.point_region[i]])
        offset = cells.vertices[corners] - cells.points[i]
        corners = corners[np.argsort(np.arctan2(offset[:, 1], offset[:, 0]))]
        ring = []
        for a, b in zip(corners, np.roll(corners, -1), strict=True):
            edge = edges[min(a, b), max(a, b)]
            ring.append(edge[:-1] if a < b else edge[::-1][:-1])
        ring.append(ring[0][:1])
        outlines.append(to_degrees(np.vstack(ring)))
    return outlines


def _ragged_edges(
    cells: Voronoi, rng: np.random.Generator
) -> dict[tuple[int, int], np.ndarray]:
    """Each edge from its lower-numbered corner: five points, bent at random.

    Both areas beside an edge read the same points, so that they still meet.
    """
    pairs = np.sort(np.array([p for p in cells.ridge_vertices if -1 not in p]), axis=1)
    start, end = cells.vertices[pairs[:, 0]], cells.vertices[pairs[:, 1]]
    along = end - start
    across = np.column_stack([-along[:, 1], along[:, 0]])
    bend = rng.normal(scale=RAGGED, size=(len(pairs), 3)).clip(-0.2, 0.2)
    steps = np.array([0.25, 0.5, 0.75])
    inner = (
        start[:, None]
        + along[:, None] * steps[:, None]
        + across[:, None] * bend[:, :, None]
    )
    points = np.concatenate([start[:, None], inner, end[:, None]], axis=1)
    return {(a, b): points[i] for i, (a, b) in enumerate(pairs.tolist())}


def _split(
    points: np.ndarray, members: np.ndarray, parts: int, first: int, out: np.ndarray
) -> None:
    if parts == 1:
        out[members] = first
        return
    spread = np.ptp(points[members], axis=0)
    order = members[np.argsort(points[members, spread.argmax()], kind="stable")]
    left = parts // 2
    cut = round(len(order) * left / parts)
    _split(points, order[:cut], left, first, out)
    _split(points, order[cut:], parts - left, first + left, out)
