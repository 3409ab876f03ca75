"""Writes the feeds that say who people are, each in its published layout.

Layouts: PDS as landed (registered list), trust DEMOGRAPHICS of local provider flows,
the council's own client list, the EMIS extract's patient table, MHSDS v6 MHS001MPI,
CSDS CYP001MPI, the national data opt-out list as MESH delivers it, and a crosswalk of
pseudonyms for the vault.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from synthetic.chance import rng_for, uniform
from synthetic.clinical_feeds.delivery import Delivery
from synthetic.clinical_feeds.faults import repeated
from synthetic.contract import Lives, Report, Written
from synthetic.geography import World
from synthetic.identity import source_records
from synthetic.index_feeds import SEX_WORDS, write_indexes, write_opt_outs
from synthetic.people import People

CHUNK = 200_000
# Deaths each source has heard of by now, as a fraction of all.
DEATH_KNOWN = {"pds": 0.995, "gp": 0.97}
IMPOSSIBLE_DATES = 0.0005
HAS_CARER_FROM_AGE, HAS_CARER = 75, 0.2


def write(
    lives: Lives,
    people: People,
    world: World,
    out_dir: Path,
    progress: Report,
) -> list[Written]:
    """Write feeds 1-4, 11, 15, 20 and 21; needs the clinical feeds written before."""
    delivery = Delivery(out_dir)
    deaths = lives.deaths.filter(pl.col("died_on") <= people.window[1]).select(
        "person", "died_on"
    )
    total = people.persons.height
    for done, part in _chunks(people):
        _registered_list(delivery, people, deaths, part)
        _gp_patients(delivery, people, deaths, part)
        progress("registered people", done, total, "people")
    write_indexes(delivery, lives.seen_at, deaths, people, world, progress)
    return delivery.close() + [write_opt_outs(people, out_dir)]


def _chunks(people: People) -> Iterator[tuple[int, np.ndarray]]:
    total = people.persons.height
    for first in range(0, total, CHUNK):
        last = min(first + CHUNK, total)
        yield last, np.arange(first, last)


def _known_deaths(people: People, deaths: pl.DataFrame, source: str) -> pl.DataFrame:
    who = deaths["person"].to_numpy()
    known = uniform(who, people.seed, source, "death") < DEATH_KNOWN[source]
    return deaths.filter(pl.Series(known))


def _lists(people: People, deaths: pl.DataFrame, part: np.ndarray) -> pl.DataFrame:
    """Registrations of some people, ended some days after death with reason DEA."""
    lag = (uniform(part, people.seed, "removal") * 21).astype(np.int64)
    wanted = pl.DataFrame({"person": part.astype(np.int32), "lag": lag})
    return (
        wanted.join(people.registrations, on="person", maintain_order="left_right")
        .join(deaths, on="person", how="left", maintain_order="left")
        .filter(pl.col("died_on").is_null() | (pl.col("start_on") < pl.col("died_on")))
        .with_columns(
            dead=pl.col("died_on").is_not_null()
            & (pl.col("end_on").is_null() | (pl.col("end_on") >= pl.col("died_on"))),
        )
        .with_columns(
            end_on=pl.when("dead")
            .then(pl.col("died_on") + pl.duration(days="lag"))
            .otherwise("end_on"),
            reason=pl.when("dead").then(pl.lit("DEA")).otherwise("reason"),
        )
        .drop("lag", "dead")
    )


def _registered_list(
    delivery: Delivery, people: People, deaths: pl.DataFrame, part: np.ndarray
) -> None:
    known = _known_deaths(people, deaths, "pds")
    held = source_records(people, "pds", part).drop("postcode", "line1", "ethnicity")
    extra = people.persons[part].select("person", "language", "interpreter")
    homes = people.addresses.rename({"start_on": "from", "end_on": "to"})
    never = date(9999, 12, 31)
    rows = (
        _lists(people, known, part)
        .join(homes, on="person", maintain_order="left_right")
        .filter(
            pl.col("from") < pl.col("end_on").fill_null(never),
            pl.col("start_on") < pl.col("to").fill_null(never),
        )
        .join(held, on="person", maintain_order="left")
        .join(extra, on="person", maintain_order="left")
        .select(
            pl.col("nhs_number").alias("NHS Number"),
            pl.col("surname").alias("Family Name"),
            pl.col("forename").alias("Given Name"),
            pl.col("born_on").cast(pl.String).alias("Date of Birth"),
            pl.col("sex").alias("Gender"),
            pl.col("line1").alias("Address Line 1"),
            pl.col("postcode").alias("Postcode"),
            _text("from", "Usual Address Business Effective From Date"),
            _text("to", "Usual Address Business Effective To Date"),
            pl.col("practice_code").alias("Primary Care Provider"),
            _text("start_on", "Primary Care Provider Business Effective From Date"),
            _text("end_on", "Primary Care Provider Business Effective To Date"),
            pl.col("reason").alias("Reason for Removal"),
            _text("died_on", "Date of Death"),
            pl.col("language").alias("Preferred Language"),
            pl.when("interpreter")
            .then(pl.lit("Y"))
            .otherwise(pl.lit("N"))
            .alias("Interpreter required"),
            pl.col("care_home_code").alias("derCqcCareHomeCode"),
        )
    )
    rng = rng_for(people.seed, "registered_list", int(part[0]))
    rows = _some_impossible(rows, "Usual Address Business Effective From Date", rng)
    delivery.csv("registered_list", f"{people.window[1]:%Y%m}", repeated(rows, rng))


def _gp_patients(
    delivery: Delivery, people: People, deaths: pl.DataFrame, part: np.ndarray
) -> None:
    known = _known_deaths(people, deaths, "gp")
    held = source_records(people, "gp", part).drop("postcode", "line1")
    as_of = people.window[1]
    homes = people.addresses.select(
        "person", "postcode", "line1", "care_home_code", until="start_on"
    )
    chance = pl.DataFrame(
        {
            "person": part.astype(np.int32),
            "carer": uniform(part, people.seed, "gp carer") < HAS_CARER,
            "touched_days": (uniform(part, people.seed, "gp touched") * 700).astype(
                int
            ),
        }
    )
    spoken = people.persons[part].select("person", "language")
    age_years = (pl.lit(as_of) - pl.col("born_on")).dt.total_days() / 365.25
    rows = (
        _lists(people, known, part)
        .with_columns(until=pl.col("end_on").fill_null(as_of))
        .sort("until")
        .join_asof(homes.sort("until"), on="until", by="person", check_sortedness=False)
        .sort("person", "start_on")
        .join(held, on="person", maintain_order="left")
        .join(chance, on="person", maintain_order="left")
        .join(spoken, on="person", maintain_order="left")
        .select(
            "patient_id",
            "nhs_number",
            pl.col("forename").alias("given_name"),
            "surname",
            _text("born_on", "date_of_birth"),
            pl.col("sex").replace_strict(SEX_WORDS),
            pl.col("line1").alias("address_line_1"),
            "postcode",
            pl.col("practice_code").alias("organisation"),
            _text("start_on", "registration_start_datetime"),
            _text("end_on", "registration_end_datetime"),
            _text("died_on", "date_of_death"),
            pl.col("ethnicity").alias("ethnicity_code"),
            pl.col("language").alias("main_language"),
            pl.col("care_home_code").alias("residential_institute_code"),
            has_carer=pl.when(age_years >= HAS_CARER_FROM_AGE)
            .then(pl.col("carer"))
            .otherwise(False),
            model_updated_datetime=pl.max_horizontal(
                "start_on", pl.col("until") - pl.duration(days="touched_days")
            ).cast(pl.String),
        )
    )
    rng = rng_for(people.seed, "gp_patient", int(part[0]))
    delivery.csv("gp_patient", f"{as_of:%Y%m}", repeated(rows, rng))


def _text(column: str, name: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).alias(name)


def _some_impossible(
    rows: pl.DataFrame, column: str, rng: np.random.Generator
) -> pl.DataFrame:
    """A few dates that no calendar has, or that lie in the future."""
    u = pl.Series(rng.random(rows.height))
    return rows.with_columns(
        pl.when(u < IMPOSSIBLE_DATES / 2)
        .then(pl.lit("2026-02-30"))
        .when(u < IMPOSSIBLE_DATES)
        .then(pl.lit("2062-01-14"))
        .otherwise(column)
        .alias(column)
    )
