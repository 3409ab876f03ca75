"""Small deliveries in their own layouts, taken by the roles that take real ones."""

import csv
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from linkage.actions import load_feed_file
from linkage.models import FeedRun
from linkage.vault.store import replace_postcodes
from tests.live_system import acting_as

RECEIVED_ON = date(2026, 9, 30)
ADA, EVE = "9990000018", "9990000026"
LISTED: dict[str, str] = {
    "NHS Number": ADA,
    "Family Name": "Youngblood",
    "Given Name": "Ada",
    "Date of Birth": "1950-03-07",
    "Gender": "2",
    "Address Line 1": "1 Harbour Row",
    "Postcode": "ZX1 1AA",
    "Usual Address Business Effective From Date": "2001-05-01",
    "Usual Address Business Effective To Date": "",
    "Primary Care Provider": "Z81001",
    "Primary Care Provider Business Effective From Date": "2001-05-09",
    "Primary Care Provider Business Effective To Date": "",
    "Reason for Removal": "",
    "Date of Death": "",
    "Preferred Language": "en",
    "Interpreter required": "N",
    "derCqcCareHomeCode": "",
}
PATIENT: dict[str, str] = {
    "patient_id": "p-ada",
    "nhs_number": ADA,
    "given_name": "Ada",
    "surname": "Youngblood",
    "date_of_birth": "1950-03-07",
    "sex": "Female",
    "address_line_1": "1 Harbour Row",
    "postcode": "ZX1 1AA",
    "organisation": "Z81001",
    "ethnicity_code": "H",
    "date_of_death": "",
    "model_updated_datetime": "2026-01-01",
}
OBSERVATION: dict[str, Any] = {
    "observation_id": "o1",
    "patient_id": "p-ada",
    "organisation": "Z81001",
    "effective_datetime": date(2025, 2, 3),
    "snomed_concept_id": "44054006",
    "numeric_value": None,
    "unit_of_measure": None,
    "model_updated_datetime": date(2025, 2, 4),
}
INDEXED: dict[str, str] = {
    "PersonID": "T100",
    "MRNAssigningAuthority": "RZ1",
    "NHSNumber": ADA,
    "Surname": "YOUNGBLOOD",
    "FirstName": "ADA",
    "BirthDate": "1950-03-07",
    "GenderCodeID": "2",
    "EthnicityCodeID": "A",
    "PostalCode": "ZX1 1AA",
    "DeathDate": "",
}
EPISODE: dict[str, str] = {
    "EPIKEY": "500",
    "SUSSPELLID": "900",
    "PROCODE": "RZ1",
    "LOPATID": "T100",
    "NEWNHSNO": ADA,
    "DOB": "1950-03-07",
    "SEX": "2",
    "HOMEADD": "ZX1 1AA",
    "ETHNOS": "A",
    "ADMIDATE": "2026-01-02",
    "ADMIMETH": "21",
    "CLASSPAT": "1",
    "EPISTART": "2026-01-02",
    "EPIEND": "2026-01-05",
    "EPIORDER": "1",
    "DISDATE": "2026-01-09",
    "DISMETH": "1",
    "TRETSPEF": "300",
    "DIAG_01": "J449",
    "DIAG_02": "I10X",
    "OPERTN_01": "X521",
    "SUSLDDATE": "2026-01-20",
}

Load = Callable[..., FeedRun]


def delivered(path: Path, usual: dict[str, Any], *rows: dict[str, Any]) -> Path:
    """A file in its layout: each row is the usual one with what it states instead."""
    made = [usual | row for row in rows]
    if path.suffix == ".parquet":
        pl.DataFrame(made, infer_schema_length=None).write_parquet(path)
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(usual))
        writer.writeheader()
        writer.writerows(made)
    return path


@pytest.fixture
def vault_zone(empty_store) -> Iterator[None]:
    """The store as the loader and the vault as the vault: the zone's two roles."""
    with acting_as("loader"), acting_as("vault", "vault"):
        yield


@pytest.fixture
def deliver(vault_zone, tmp_path) -> Load:
    """Load rows of a layout as a file: deliver("gp_patient", PATIENT, {}, {…})."""

    def taken(
        feed: str,
        usual: dict[str, Any],
        *rows: dict[str, Any],
        name: str = "",
        **how: Any,
    ) -> FeedRun:
        suffix = ".parquet" if feed == "gp_observation" else ".csv"
        path = delivered(tmp_path / f"{name or feed}{suffix}", usual, *rows)
        return load_feed_file(
            feed=feed, path=path, by="test", **({"received_on": RECEIVED_ON} | how)
        )

    return taken


@pytest.fixture
def postcodes(vault_zone) -> None:
    replace_postcodes(
        pl.DataFrame(
            {
                "postcode": ["ZX1 1AA", "ZX2 2BB"],
                "lsoa_code": ["E01900001", "E01900002"],
            }
        )
    )


@pytest.fixture
def stored(as_role) -> Callable[[str], list[tuple]]:
    """Rows of the store as the loader sees them, the one role that sees them all."""
    loader: psycopg.Connection = as_role("loader")
    return lambda query: loader.execute(query).fetchall()


@pytest.fixture
def vaulted(as_role) -> Callable[[str], list[tuple]]:
    """Rows of the vault as its own role sees them."""
    vault: psycopg.Connection = as_role("vault")
    return lambda query: vault.execute(query).fetchall()


def sums(run: FeedRun) -> tuple[int, int, int, int, int]:
    """rows_in, loaded, quarantined, excluded, duplicate."""
    return run.rows_in, run.loaded, run.quarantined, run.excluded, run.duplicate
