"""Writes who each provider and council knows, and the vault's own lists."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from synthetic.chance import rng_for, uniform
from synthetic.clinical_feeds.delivery import Delivery, financial_year
from synthetic.clinical_feeds.faults import repeated
from synthetic.contract import Report, Written
from synthetic.geography import World
from synthetic.identity import (
    cld_ethnicity,
    row_faults,
    second_records,
    source_records,
)
from synthetic.nhs_numbers import dscro_tokens
from synthetic.people import People

# A trust's index also holds people it has not seen in the window.
SEEN_LONG_AGO = 0.08
TWO_RECORDS = 0.015
DEATH_KNOWN = 0.75
NO_PRACTICE = "V81997"  # ODS: no registered GP practice
NUMBER_VERIFIED, NUMBER_NOT_FOUND = "01", "04"  # NHS number status indicator
SEX_WORDS = {"1": "Male", "2": "Female", "9": "Unknown"}
# One trust's supplier renamed two columns of the patient index.
RENAMED_HEADERS = {"BirthDate": "DateOfBirth", "PostalCode": "Postcode"}


@dataclass(frozen=True)
class MasterIndex:
    """One national submission: its feed, source and the names of its columns."""

    feed: str
    source: str
    columns: dict[str, str]


MHSDS = MasterIndex(
    "mhsds_mpi",
    "mhsds",
    {
        "provider": "OrgIDProv",
        "local_id": "LocalPatientId",
        "assigner": "OrgIDLocalPatientId",
        "person_id": "Person_ID",
        "nhs_number": "NHSNumber",
        "status": "NHSNumberStatus",
        "born_on": "PersonBirthDate",
        "postcode": "Postcode",
        "sex": "Gender",
        "ethnicity": "EthnicCategory",
        "died_on": "PersDeathDate",
        "submission": "UniqSubmissionID",
        "record": "RecordNumber",
        "period_start": "ReportingPeriodStartDate",
        "period_end": "ReportingPeriodEndDate",
    },
)
CSDS = MasterIndex(
    "csds_mpi",
    "csds",
    {
        "provider": "ORGANISATION IDENTIFIER (CODE OF PROVIDER)",
        "local_id": "LOCAL PATIENT IDENTIFIER (EXTENDED)",
        "assigner": "ORGANISATION IDENTIFIER (LOCAL PATIENT IDENTIFIER)",
        "person_id": "PERSON ID",
        "nhs_number": "NHS NUMBER",
        "status": "NHS NUMBER STATUS INDICATOR CODE",
        "born_on": "PERSON BIRTH DATE",
        "postcode": "POSTCODE OF USUAL ADDRESS",
        "sex": "PERSON STATED GENDER CODE",
        "ethnicity": "ETHNIC CATEGORY",
        "submission": "UNIQUE SUBMISSION ID",
        "record": "RECORD NUMBER",
        "period_end": "REPORTING PERIOD END DATE",
    },
)


def write_indexes(
    delivery: Delivery,
    seen_at: pl.DataFrame,
    deaths: pl.DataFrame,
    people: People,
    world: World,
    progress: Report,
) -> None:
    """Patient indexes, client lists, master patient indexes and the crosswalk."""
    progress("patient indexes", 0, world.trusts.height, "trusts")
    for number, trust in enumerate(world.trusts["trust_code"]):
        who = known_to(people, seen_at, trust)
        headers = RENAMED_HEADERS if number == 1 else {}
        _trust_index(delivery, people, deaths, trust, who, headers)
        progress("patient indexes", number + 1, world.trusts.height, "trusts")
    for council in world.councils["la_code"]:
        _client_list(delivery, people, council, known_to(people, seen_at, council))
    progress("master patient indexes", 0, 2, "submissions")
    for number, index in enumerate((MHSDS, CSDS)):
        _master_index(delivery, people, deaths, seen_at, index)
        progress("master patient indexes", number + 1, 2, "submissions")
    numbers = people.persons["nhs_number"].sort()
    tokens = dscro_tokens(numbers, people.seed)
    delivery.csv(
        "pseudonym_crosswalk",
        "dscro",
        pl.DataFrame({"namespace": "dscro", "token": tokens, "nhs_number": numbers}),
    )


def write_opt_outs(people: People, out_dir: Path) -> Written:
    """The national data opt-out list as MESH brings it: a number and a comma a line."""
    path = out_dir / "landing" / f"national_data_opt_out_{people.window[1]:%Y%m%d}.dat"
    numbers = people.persons.filter("national_opt_out")["nhs_number"].sort()
    path.write_text("".join(f"{number},\n" for number in numbers))
    return Written("national_data_opt_out", path.relative_to(out_dir), len(numbers))


def known_to(people: People, seen_at: pl.DataFrame, source: str) -> np.ndarray:
    """Persons (sorted) in the index of a trust or on the list of a council."""
    seen = seen_at.filter(pl.col("source") == source)["person"].to_numpy()
    if people.source_kinds[source] == "council":
        return np.unique(seen)
    everyone = np.arange(people.persons.height)
    long_ago = uniform(everyone, people.seed, source, "long ago") < SEEN_LONG_AGO
    return np.union1d(seen, everyone[long_ago])


def with_two_records(people: People, source: str, who: np.ndarray) -> np.ndarray:
    """Those of `who` whom a trust has registered twice."""
    return who[uniform(who, people.seed, source, "two records") < TWO_RECORDS]


def _trust_index(
    delivery: Delivery,
    people: People,
    deaths: pl.DataFrame,
    trust: str,
    who: np.ndarray,
    headers: dict[str, str],
) -> None:
    twice = with_two_records(people, trust, who)
    died = deaths["person"].to_numpy()
    heard = uniform(died, people.seed, trust, "death") < DEATH_KNOWN
    rows = (
        pl.concat(
            [source_records(people, trust, who), second_records(people, trust, twice)]
        )
        .join(deaths.filter(pl.Series(heard)), on="person", how="left")
        .join(people.persons.select("person", "language", "practice_code"), on="person")
        .sort("local_id")
        .select(
            PersonID="local_id",
            MRN="local_id",
            MRNAssigningAuthority=pl.lit(trust),
            NHSNumber="nhs_number",
            Surname="surname",
            FirstName="forename",
            MiddleName=pl.col("middle_name").replace("", None),
            BirthDate=pl.col("born_on").cast(pl.String),
            GenderCodeID="sex",
            EthnicityCodeID="ethnicity",
            StreetAddress1="line1",
            City=pl.lit(None, dtype=pl.String),
            PostalCode="postcode",
            PrimaryLanguageCodeID="language",
            DeceasedInd=pl.when(pl.col("died_on").is_null())
            .then(pl.lit("N"))
            .otherwise(pl.lit("Y")),
            DeathDate=pl.col("died_on").cast(pl.String),
            RegisteredGPIdentifier=pl.col("practice_code").fill_null(NO_PRACTICE),
        )
        .rename(headers)
    )
    rng = rng_for(people.seed, "trust index", trust)
    suffix = f"{trust}_{people.window[1]:%Y%m}"
    delivery.csv("trust_patient_index", suffix, repeated(rows, rng))


def _client_list(
    delivery: Delivery, people: People, council: str, who: np.ndarray
) -> None:
    rows = (
        source_records(people, council, who)
        .sort("local_id")
        .select(
            LA_Code=pl.lit(council),
            LA_Person_Unique_Identifier="local_id",
            NHS_Number="nhs_number",
            Surname="surname",
            Forename="forename",
            Gender=pl.col("sex").replace_strict(SEX_WORDS),
            Ethnicity=cld_ethnicity(pl.col("ethnicity")),
            Date_of_Birth=pl.col("born_on").cast(pl.String),
            Address_Line_1="line1",
            Postcode="postcode",
        )
    )
    rng = rng_for(people.seed, "client list", council)
    suffix = f"{council}_{people.window[1]:%Y%m}"
    delivery.csv("council_client_list", suffix, repeated(rows, rng))


def _master_index(
    delivery: Delivery,
    people: People,
    deaths: pl.DataFrame,
    seen_at: pl.DataFrame,
    index: MasterIndex,
) -> None:
    """One row per person and financial year from the first contact to the last."""
    provider = people.sources[index.source]
    seen = seen_at.filter(pl.col("source") == provider).sort("person")
    held = source_records(people, index.source, seen["person"].to_numpy())
    for year in range(people.window[0].year - 1, people.window[1].year + 1):
        start, end = date(year, 4, 1), date(year + 1, 3, 31)
        known = held.filter((seen["first_on"] <= end) & (seen["last_on"] >= start))
        if known.is_empty():
            continue
        label = pl.select(financial_year(pl.lit(start))).item()
        rows = (
            known.join(deaths.filter(pl.col("died_on") <= end), on="person", how="left")
            .sort("local_id")
            .select(
                "local_id",
                "person_id",
                "nhs_number",
                "postcode",
                "sex",
                provider=pl.lit(provider),
                assigner=pl.lit(provider),
                status=pl.when(pl.col("nhs_number").is_null())
                .then(pl.lit(NUMBER_NOT_FOUND))
                .otherwise(pl.lit(NUMBER_VERIFIED)),
                born_on=pl.col("born_on").cast(pl.String),
                ethnicity="ethnicity",
                died_on=pl.col("died_on").cast(pl.String),
                submission=pl.lit(f"{provider}{label}"),
                record=pl.int_range(1, pl.len() + 1),
                period_start=pl.lit(start.isoformat()),
                period_end=pl.lit(end.isoformat()),
            )
        )
        rng = rng_for(people.seed, index.feed, label)
        names = ("nhs_number", "born_on", "postcode", "sex")
        rows = row_faults(rows, rng, {name: name for name in names})
        delivery.csv(
            index.feed,
            label,
            repeated(
                rows.select(
                    pl.col(old).alias(new) for old, new in index.columns.items()
                ),
                rng,
            ),
        )
