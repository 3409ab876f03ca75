"""Writes what only the generator knows: who is who, and what will happen to them."""

from pathlib import Path

import numpy as np
import polars as pl

from synthetic.contract import Lives
from synthetic.geography import World
from synthetic.identity import SECOND_RECORDS_FROM, local_ids, source_records
from synthetic.index_feeds import known_to, with_two_records
from synthetic.people import People


def write(lives: Lives, people: People, world: World, out_dir: Path) -> None:
    """Write truth/people.parquet, addresses, registrations and record_to_person.

    record_to_person: feed, organisation, local_id, person. By feed the key is
    registered_list: NHS Number; gp_patient: organisation, patient_id (also of the GP
    journal); trust_patient_index: MRNAssigningAuthority, PersonID (also LOPATID and
    LOCAL_PATIENT_ID of that provider's SUS, ECDS and community rows);
    council_client_list: LA_Code, LA_Person_Unique_Identifier (also of CLD);
    mhsds_mpi, csds_mpi: provider, Person_ID.
    """
    folder = out_dir / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    deaths = lives.deaths.filter(pl.col("died_on") <= people.window[1])
    people.persons.join(
        deaths.select("person", "died_on"), on="person", how="left"
    ).sort("person").write_parquet(folder / "people.parquet")
    people.addresses.write_parquet(folder / "addresses.parquet")
    people.registrations.write_parquet(folder / "registrations.parquet")
    record_to_person(lives.seen_at, people, world).write_parquet(
        folder / "record_to_person.parquet"
    )


def record_to_person(
    seen_at: pl.DataFrame, people: People, world: World
) -> pl.DataFrame:
    """Every record key of the identity feeds and the person it stands for."""
    seed = people.seed
    registered = people.registrations.select("person").unique(maintain_order=True)
    parts = [
        registered.join(
            people.persons.select("person", "nhs_number"), on="person"
        ).select(
            feed=pl.lit("registered_list"),
            organisation=pl.lit(None, dtype=pl.String),
            local_id="nhs_number",
            person="person",
        ),
        people.registrations.select(
            feed=pl.lit("gp_patient"),
            organisation="practice_code",
            local_id="patient_id",
            person="person",
        ),
    ]
    for trust in world.trusts["trust_code"]:
        who = known_to(people, seen_at, trust)
        twice = with_two_records(people, trust, who)
        second = local_ids(trust, twice + SECOND_RECORDS_FROM, seed)
        parts.append(
            _keys("trust_patient_index", trust, local_ids(trust, who, seed), who)
        )
        parts.append(_keys("trust_patient_index", trust, second, twice))
    for council in world.councils["la_code"]:
        who = known_to(people, seen_at, council)
        keys = local_ids(council, who, seed)
        parts.append(_keys("council_client_list", council, keys, who))
    for alias, provider in people.sources.items():
        seen = seen_at.filter(pl.col("source") == provider)["person"].unique().sort()
        who = seen.to_numpy()
        keys = source_records(people, alias, who)["person_id"]
        parts.append(_keys(f"{alias}_mpi", provider, keys, who))
    return pl.concat(parts)


def _keys(
    feed: str, organisation: str, local_id: pl.Series, person: np.ndarray
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "feed": feed,
            "organisation": organisation,
            "local_id": local_id,
            "person": person.astype(np.int32),
        },
        schema={
            "feed": pl.String,
            "organisation": pl.String,
            "local_id": pl.String,
            "person": pl.Int32,
        },
    )
