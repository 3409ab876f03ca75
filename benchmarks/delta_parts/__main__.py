"""One step of the delta benchmark, as one of the product's own processes."""

import csv
import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import django
import polars as pl

AS_OF = date(2026, 9, 30)
# People of the road have the numbers below.
AFTER = 1_000
# A mark that no run of the benchmark has.
MARK = 1_000_000
KEYS = 2**62
# Never issued, and in no test range from which invented people are drawn.
NUMBER = "9876543210"
PATIENT = {
    "patient_id": "p-1",
    "nhs_number": NUMBER,
    "given_name": "Ada",
    "surname": "Youngblood",
    "date_of_birth": "1950-03-07",
    "sex": "Female",
    "address_line_1": "1 Harbour Row",
    "postcode": "ZX1 1AA",
    "ethnicity_code": "H",
    "date_of_death": "",
    "model_updated_datetime": "2026-01-01",
}
LISTED = {
    "NHS Number": NUMBER,
    "Family Name": "Youngblood",
    "Given Name": "Ada",
    "Date of Birth": "1950-03-07",
    "Gender": "2",
    "Address Line 1": "1 Harbour Row",
    "Postcode": "ZX1 1AA",
    "Usual Address Business Effective From Date": "2001-05-01",
    "Usual Address Business Effective To Date": "",
    "Primary Care Provider Business Effective From Date": "2001-05-09",
    "Primary Care Provider Business Effective To Date": "",
    "Reason for Removal": "",
    "Date of Death": "",
    "Preferred Language": "en",
    "Interpreter required": "N",
    "derCqcCareHomeCode": "",
}
PRESSURE = "271649006"


def places(people: str, reference: str) -> dict[str, float]:
    """Draw and load organisations and areas."""
    from benchmarks import filling

    return {"areas": filling.places(int(people), Path(reference))}


def fill(people: str, reference: str) -> dict[str, float]:
    """Fill the store, with keys and log as the product has them."""
    from benchmarks import filling

    rows = filling.fill(int(people), Path(reference), AS_OF, after=AFTER)
    filling.key(logged=True)
    return {"rows": rows}


def deliver(folder: str, day: str) -> dict[str, float]:
    """Take one person through the road: registered, and a patient of the practice.

    From a supplier of its own, whose files the gate has nothing to hold against.
    """
    from linkage.actions import load_feed_file

    practice = _practice(day)
    registered = Path(folder) / "registered_list_ZZ999_202609.csv"
    _write(registered, LISTED | {"Primary Care Provider": practice})
    patient = Path(folder) / "gp_patient_ZZ999_202609.csv"
    _write(patient, PATIENT | {"organisation": practice})
    runs = []
    for feed, path in (("registered_list", registered), ("gp_patient", patient)):
        run = load_feed_file(feed=feed, path=path, by="benchmark")
        if run.loaded != 1:
            raise RuntimeError(f"{feed} was not loaded: {run.state} {run.detail}")
        runs.append(run.pk)
    # The one that says where they are registered.
    return {"run": runs[0]}


def touch(people: str, mark: str, day: str) -> dict[str, float]:
    """Give so many people, from all shards, a new fact each, as one run would."""
    from django.db import connection, transaction

    from linkage.shards import shards
    from linkage.store import copy
    from linkage.vocabulary import EVENT_KINDS, SYSTEMS

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_no FROM person WHERE died_on IS NULL ORDER BY person_no"
        )
        living = pl.Series("person_no", [n for (n,) in cursor.fetchall()], pl.Int32)
    numbers = living.gather_every(living.len() // int(people)).head(int(people))
    on_date = date.fromisoformat(day)
    facts = numbers.to_frame().with_columns(
        record_key=pl.lit(KEYS) + int(mark) * 10_000_000 + pl.col("person_no"),
        subject_key=pl.col("person_no").cast(pl.Int64),
        on_date=pl.lit(on_date),
        recorded_on=pl.lit(on_date),
        kind=pl.lit(EVENT_KINDS["observation"]),
        system=pl.lit(SYSTEMS["snomed"]),
        code=pl.lit(PRESSURE),
        value=pl.lit(171.0),
        unit=pl.lit("mmHg"),
        feed_no=pl.lit(5),
        run_id=pl.lit(MARK + int(mark)),
    )
    where = facts.with_columns(shards(numbers))
    with transaction.atomic(), connection.cursor() as cursor:
        for (shard,), rows in where.partition_by("shard", as_dict=True).items():
            copy(cursor, f"event_p{shard:02d}", rows.drop("shard"))
        copy(cursor, "touched_person", facts.select("person_no", "run_id"))
    return {"people": numbers.len()}


def push(folder: str, day: str) -> dict[str, float]:
    """Send one blood pressure to the vault's queue, as a file that has arrived."""
    from linkage.tasks import load_feed_file

    path = Path(folder) / "gp_observation_ZZ999_202609.parquet"
    pl.DataFrame(
        {
            "observation_id": ["pushed-1"],
            "patient_id": ["p-1"],
            "organisation": [_practice(day)],
            "effective_datetime": [date.fromisoformat(day)],
            "snomed_concept_id": [PRESSURE],
            "numeric_value": [168.0],
            "unit_of_measure": ["mmHg"],
            "model_updated_datetime": [date.fromisoformat(day)],
        }
    ).write_parquet(path)
    sent_at = time.time()
    load_feed_file.delay("gp_observation", str(path))
    return {"sent_at": sent_at}


def _practice(day: str) -> str:
    """A practice of the ICS; its list has a network to be on."""
    from governance.geography import registered_hierarchy

    found = registered_hierarchy(date.fromisoformat(day)).drop_nulls("pcn_code")
    return str(found["practice_code"][0])


def _write(path: Path, row: dict[str, Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    django.setup()
    steps = {each.__name__: each for each in (places, fill, deliver, touch, push)}
    print(json.dumps(steps[sys.argv[1]](*sys.argv[2:])))
