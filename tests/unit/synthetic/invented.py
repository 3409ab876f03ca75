"""A small world and people, made directly, so that lives can be tested on their own."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from synthetic.geography import World
from synthetic.people import People

AS_OF = date(2026, 9, 30)
START = date(2021, 10, 1)
# England mid-2022, share of people by ten-year age band (ONS), rounded.
AGE_SHARE = np.array([11.2, 11.9, 13.1, 13.7, 12.9, 13.7, 11.2, 8.6, 3.5, 0.2])


def world() -> World:
    practices = pl.DataFrame(
        {
            "practice_code": [f"Z8{i:04d}" for i in range(1, 9)],
            "practice_name": [f"Practice {i}" for i in range(1, 9)],
            "pcn_code": [f"U9{i:04d}" for i in range(1, 9)],
            "neighbourhood_code": ["N1"] * 8,
            "place_code": ["P1"] * 8,
            "list_weight": [1 / 8] * 8,
            "lon": [0.0] * 8,
            "lat": [51.0] * 8,
        }
    )
    trusts = pl.DataFrame(
        {
            "trust_code": ["RZ1", "RZ2", "RZ3", "RZ4"],
            "trust_name": ["A", "B", "C", "D"],
            "kind": ["acute", "acute", "mental_health", "community"],
            "lon": [0.0, 0.5, 0.2, 0.2],
            "lat": [51.0, 51.0, 51.0, 51.0],
        }
    )
    areas = pl.DataFrame(
        {
            "lsoa_code": [f"E0190{i:04d}" for i in range(1, 11)],
            "imd_decile": list(range(1, 11)),
            "lon": np.linspace(0, 0.5, 10),
            "lat": [51.0] * 10,
            "council_code": ["E10900001"] * 10,
        }
    )
    councils = pl.DataFrame(
        {"la_code": ["990"], "council_code": ["E10900001"], "council_name": ["Test"]}
    )
    postcodes = pl.DataFrame(
        {"postcode": ["ZZ1 1AA"], "lsoa_code": [areas["lsoa_code"][0]]}
    )
    return World(
        areas=areas,
        practices=practices,
        trusts=trusts,
        postcodes=postcodes,
        councils=councils,
        icb_code="QZ1",
        sub_icb_code="Z01A",
        reference=Path(),
    )


def people(n: int, seed: int = 1) -> People:
    rng = np.random.default_rng(seed)
    where = world()
    age = rng.choice(10, n, p=AGE_SHARE / AGE_SHARE.sum()) * 10 + rng.random(n) * 10
    born = [AS_OF - timedelta(days=int(a * 365.25)) for a in age]
    decile = rng.integers(1, 11, n)
    practice = where.practices["practice_code"].gather(rng.integers(0, 8, n))
    arrived = [max(START, day) for day in born]
    persons = pl.DataFrame(
        {
            "person": np.arange(n, dtype=np.int32),
            "sex": np.where(rng.random(n) < 0.5, "M", "F"),
            "born_on": born,
            "ethnicity": "A",
            "household": (np.arange(n) // 3).astype(np.int32),
            "lsoa_code": where.areas["lsoa_code"].gather(decile - 1),
            "imd_decile": decile,
            "imd_fifth": (decile + 1) // 2,
            "practice_code": practice,
            "care_home": (age > 85) & (rng.random(n) < 0.12),
            "arrived_on": arrived,
            "left_on": pl.Series([None] * n, dtype=pl.Date),
            "type1_opt_out_on": pl.Series(
                [START if x < 0.05 else None for x in rng.random(n)], dtype=pl.Date
            ),
            "la_code": "990",
        }
    )
    registrations = pl.DataFrame(
        {
            "person": persons["person"],
            "practice_code": practice,
            "patient_id": pl.Series([f"{i:032x}" for i in range(n)]),
            "start_on": arrived,
            "end_on": pl.Series([None] * n, dtype=pl.Date),
            "reason": pl.Series([None] * n, dtype=pl.String),
        }
    )
    return People(
        persons=persons,
        addresses=pl.DataFrame(),
        registrations=registrations,
        window=(START, AS_OF),
        sources={"mhsds": "RZ3", "csds": "RZ4"},
        seed=seed,
    )
