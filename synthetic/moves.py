"""Where households live over the window, and with which practice people register.

Dates here are whole days since 1970-01-01 (int32); `STILL` stands for no end.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from synthetic.chance import bits, rng_for
from synthetic.geography import World

STILL = np.int32(2**31 - 1)
DAYS_PER_YEAR = 365.25
# Moves of home per household and year by age of its oldest member: about 1 in 10
# people moves each year, young renters most (English Housing Survey 2021-22).
MOVER_AGES = (16, 30, 45, 65)
MOVES_PER_YEAR = np.array([0.22, 0.10, 0.04, 0.022])
MOST_MOVES = 3
NEAR_MOVES = 0.6
KEEPS_PRACTICE = 0.75
IN_REACH = 0.04
OWN_PRACTICE = 0.05
GHOSTS = 0.03
UNREGISTERED = 0.007
RESIDENTS_PER_CARE_HOME = 30
# Reasons for removal, NHS Data Dictionary: embarked, moved to Scotland, other reason.
REASONS = (("EMB", 0.15), ("SCT", 0.05), ("ORR", 0.80))
STREETS = (
    "Station", "Church", "Mill", "Victoria", "Albert", "Park", "School", "Manor",
    "Queen", "King", "Chapel", "Orchard", "Meadow", "Hill", "Bridge", "Cedar", "Oak",
    "Elm", "Garden", "Windsor", "North", "South", "West", "Green", "Spring", "Castle",
    "Grange", "Kestrel", "Heron", "Lark",
)  # fmt: skip
STREET_KINDS = ("Road", "Street", "Lane", "Avenue", "Close", "Drive", "Way", "Gardens")


@dataclass(frozen=True)
class Stays:
    """Homes of households in time; arrays sorted by household, then start."""

    household: np.ndarray
    area: np.ndarray
    postcode: np.ndarray
    start: np.ndarray
    end: np.ndarray
    care_home: np.ndarray
    practice: np.ndarray

    def take(self, rows: np.ndarray) -> "Stays":
        """The stays at the given row numbers."""
        return Stays(*(getattr(self, name)[rows] for name in self.__annotations__))


def practice_chances(world: World) -> np.ndarray:
    """P(practice | area), (areas, practices): near ones, as large as their lists."""
    areas = world.areas.select("lon", "lat").to_numpy()
    practices = world.practices.select("lon", "lat").to_numpy()
    km = (areas[:, None] - practices[None]) * (65.0, 111.2)
    distance = np.hypot(km[..., 0], km[..., 1])
    nearest = np.sort(distance, axis=1)[:, : min(3, len(practices))].mean(axis=1)
    joint = np.exp(-((distance / (0.6 * nearest[:, None] + 0.4)) ** 1.2)) + 1e-9
    people = world.areas["population_weight"].to_numpy()
    lists = world.practices["list_weight"].to_numpy()
    for _ in range(60):  # iterative proportional fitting; the rows are exact at the end
        joint *= lists / joint.sum(axis=0)
        joint *= (people / joint.sum(axis=1))[:, None]
    return joint / joint.sum(axis=1, keepdims=True)


def make_stays(
    world: World,
    first_area: np.ndarray,
    head_age: np.ndarray,
    care_home: np.ndarray,
    window: tuple[int, int],
    seed: int,
) -> Stays:
    """Homes of each household (index = household) through the window of days.

    `care_home` marks households that are one resident of a care home, who moved in at
    some time up to three years before the window or in it.
    """
    rng = rng_for(seed, "stays")
    n, (begin, end) = len(first_area), window
    rate = MOVES_PER_YEAR[np.searchsorted(MOVER_AGES[1:], head_age, side="right")]
    moves = rng.poisson(rate * (end - begin) / DAYS_PER_YEAR).clip(max=MOST_MOVES)
    entry = rng.integers(begin - 1_100, end - 30, n)
    moves[care_home] = (entry[care_home] > begin).astype(int)
    household = np.repeat(np.arange(n), moves + 1)
    number = np.arange(len(household)) - np.repeat(
        np.cumsum(moves + 1) - moves - 1, moves + 1
    )
    before = begin - rng.exponential(7 * DAYS_PER_YEAR, n).astype(int)
    start = rng.integers(begin + 20, end, len(household))
    start = np.where(number == 0, before[household], start)
    care = care_home[household] & (number == moves[household])
    start[care] = entry[household[care]]
    start = start[np.lexsort((start, household))]
    last = np.append(household[1:] != household[:-1], True)
    until = np.where(last, STILL, np.append(start[1:], STILL))
    area = _areas_of(world, first_area, household, number, rng)
    postcode, home = _postcodes(world, area, care, rng)
    area = np.where(care, world_area_of(world)[postcode], area)
    practice = _practices(practice_chances(world), household, number, area, rng)
    return Stays(
        household, area, postcode, start.astype(np.int32), until.astype(np.int32),
        home, practice,
    )  # fmt: skip


def world_area_of(world: World) -> np.ndarray:
    """Row of `world.areas` of each row of `world.postcodes`."""
    codes = world.areas["lsoa_code"].to_numpy()
    return np.searchsorted(codes, world.postcodes["lsoa_code"].to_numpy())


def draw_from(chances: np.ndarray, row: np.ndarray, u: np.ndarray) -> np.ndarray:
    """For each `row` of a table of probabilities, the column at cumulative `u`."""
    cumulative = chances.cumsum(axis=1)
    flat = (cumulative / cumulative[:, -1:] + np.arange(len(chances))[:, None]).ravel()
    at = np.searchsorted(flat, row + np.minimum(u, 1 - 1e-9), side="right")
    return (at - row * chances.shape[1]).clip(0, chances.shape[1] - 1)


def _areas_of(
    world: World,
    first_area: np.ndarray,
    household: np.ndarray,
    number: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Area of each stay: most moves are near the last home, the others anywhere."""
    points = world.areas.select("lon", "lat").to_numpy()
    near = cKDTree(points).query(points, k=min(9, len(points)))[1]
    weight = world.areas["population_weight"].to_numpy()
    area = first_area[household]
    for step in range(1, MOST_MOVES + 1):
        rows = np.flatnonzero(number == step)
        close = near[area[rows - 1], rng.integers(0, near.shape[1], len(rows))]
        far = rng.choice(len(points), size=len(rows), p=weight)
        area[rows] = np.where(rng.random(len(rows)) < NEAR_MOVES, close, far)
    return area


def _postcodes(
    world: World, area: np.ndarray, care: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Row of `world.postcodes` of each stay, and number of its care home or -1."""
    area_of = world_area_of(world)
    order = np.argsort(area_of, kind="stable")
    first = np.searchsorted(area_of[order], np.arange(world.areas.height))
    count = np.bincount(area_of, minlength=world.areas.height)
    within = (rng.random(len(area)) * count[area]).astype(int)
    postcode = order[first[area] + within]
    home = np.full(len(area), -1, dtype=np.int32)
    homes = max(2, round(care.sum() / RESIDENTS_PER_CARE_HOME))
    where = rng.choice(world.postcodes.height, size=homes, replace=False)
    home[care] = rng.integers(0, homes, care.sum())
    postcode[care] = where[home[care]]
    return postcode, home


def _practices(
    chances: np.ndarray,
    household: np.ndarray,
    number: np.ndarray,
    area: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Practice of each stay: kept after a move while it is still in reach."""
    practice = draw_from(chances, area, rng.random(len(area)))
    keen = rng.random(len(area)) < KEEPS_PRACTICE
    for step in range(1, number.max() + 1):
        rows = np.flatnonzero(number == step)
        previous = practice[rows - 1]
        kept = keen[rows] & (chances[area[rows], previous] > IN_REACH)
        practice[rows] = np.where(kept, previous, practice[rows])
    return practice


def addresses(
    world: World, persons: pl.DataFrame, stays: Stays, seed: int
) -> pl.DataFrame:
    """Each person's homes while here, as `People.addresses`, plus `practice` (a row).

    `persons`: person, household, and as days: arrived (of first residents: long ago),
    born, left (may be `STILL`).
    """
    lines = _first_lines(world, stays, seed)
    homes = pl.DataFrame(
        {
            "household": stays.household.astype(np.int32),
            "postcode": world.postcodes["postcode"].gather(stays.postcode),
            "lsoa_code": world.areas["lsoa_code"].gather(stays.area),
            "line1": lines,
            "area": stays.area.astype(np.int32),
            "practice": stays.practice.astype(np.int32),
            "care_home_code": pl.Series(stays.care_home),
            "start": stays.start,
            "end": stays.end,
        }
    ).with_columns(
        care_home_code=pl.when(pl.col("care_home_code") >= 0).then(
            pl.format("VZ{}", pl.col("care_home_code").cast(pl.String).str.zfill(3))
        )
    )
    return (
        persons.join(homes, on="household", maintain_order="left")
        .with_columns(
            start=pl.max_horizontal("start", "arrived", "born"),
            end=pl.min_horizontal("end", "left"),
        )
        .filter(pl.col("start") < pl.col("end"))
        .select(
            "person", "postcode", "lsoa_code", "line1", "start", "end",
            "care_home_code", "practice", "area", "arrived", "born", "left",
        )
        .sort("person", "start")
    )  # fmt: skip


def _first_lines(world: World, stays: Stays, seed: int) -> pl.Series:
    """House number and street; a street belongs to its postcode, a flat to few."""
    street = bits(stays.postcode, seed, "street")
    house = bits(np.arange(len(stays.postcode)), seed, "house")
    names = np.array(STREETS, object)[street % np.uint64(len(STREETS))]
    kinds = np.array(STREET_KINDS, object)[
        (street >> np.uint64(20)) % np.uint64(len(STREET_KINDS))
    ]
    return pl.DataFrame(
        {
            "number": 1 + (house % np.uint64(140)).astype(np.int64),
            "flat": 1 + ((house >> np.uint64(20)) % np.uint64(90)).astype(np.int64),
            "street": names,
            "kind": kinds,
            "home": stays.care_home,
        },
        schema_overrides={"street": pl.String, "kind": pl.String},
    ).select(
        line1=pl.when(pl.col("home") >= 0)
        .then(pl.format("{} House Care Home, {} {}", "street", "street", "kind"))
        .when(pl.col("flat") <= 16)
        .then(pl.format("Flat {}, {} {} {}", "flat", "number", "street", "kind"))
        .otherwise(pl.format("{} {} {}", "number", "street", "kind"))
    )["line1"]


def registrations(
    world: World, homes: pl.DataFrame, window: tuple[int, int], seed: int
) -> pl.DataFrame:
    """Each person's practices from their homes (as `addresses` gives them)."""
    rng = rng_for(seed, "registrations")
    n = homes["person"].max() + 1
    chances = practice_chances(world)
    own = draw_from(chances, homes["area"].to_numpy(), rng.random(homes.height))
    person = homes["person"].to_numpy()
    apart = (rng.random(n) < OWN_PRACTICE)[person]
    practice = np.where(apart, own, homes["practice"].to_numpy())
    never = rng.random(n) < UNREGISTERED
    lag = rng.exponential(25, homes.height).astype(np.int32) + 1
    born = homes["born"].to_numpy()
    start = homes["start"].to_numpy() + np.where(
        homes["start"].to_numpy() == born, 8 + lag % 40, lag
    )
    gone = homes["left"].to_numpy()
    removed = gone.astype(np.int64) + rng.exponential(80, n).astype(np.int64)[person]
    ghost = (rng.random(n) < GHOSTS)[person]
    removed = np.where((gone == STILL) | ghost | (removed > window[1]), STILL, removed)
    reason = rng.choice([r for r, _ in REASONS], size=n, p=[p for _, p in REASONS])
    kept = ~never[person] & (start <= np.minimum(removed, window[1]))
    codes = world.practices["practice_code"]
    rows = (
        pl.DataFrame(
            {
                "person": person,
                "practice": practice.astype(np.int32),
                "start": start.astype(np.int32),
                "removed": removed.astype(np.int32),
                "why": reason[person],
            }
        )
        .filter(pl.Series(kept))
        # Who moves on before registering is never registered there.
        .filter(
            (pl.col("start") < pl.col("start").cum_min(reverse=True).shift(-1))
            .over("person")
            .fill_null(True)
        )
        .with_columns(run=pl.struct("person", "practice").rle_id())
        .group_by("run", maintain_order=True)
        .first()
        .with_columns(next_start=pl.col("start").shift(-1).over("person"))
        .with_columns(end=pl.coalesce("next_start", "removed"))
        .with_columns(
            reason=pl.when(
                pl.col("next_start").is_null(), pl.col("end") != int(STILL)
            ).then("why")
        )
        .filter(pl.col("start") < pl.col("end"))
        .with_columns(times=pl.int_range(pl.len()).over("person"))
    )
    # A patient who comes back gets a new record, as after a full deregistration.
    times = rows["person"].to_numpy().astype(np.int64) * 8 + rows["times"].to_numpy()
    identity = bits(times, seed, "patient")
    return rows.select(
        "person",
        practice_code=codes.gather(rows["practice"]),
        patient_id=pl.Series(hexadecimal(identity)),
        start_on="start",
        end_on="end",
        reason="reason",
    )


def hexadecimal(numbers: np.ndarray) -> pl.Series:
    """Sixteen lower-case hexadecimal digits for each uint64."""
    digits = (numbers[:, None] >> np.arange(60, -1, -4, dtype=np.uint64)) & np.uint64(
        15
    )
    text = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[digits]
    return pl.Series("hex", text.view("S16").ravel().astype("U16"), dtype=pl.String)
