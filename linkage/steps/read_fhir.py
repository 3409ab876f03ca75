"""Read a delivery of FHIR R4 resources as frames, one row per resource.

Every resource becomes a row, also those that the product does not use and those that
cannot be read, so that the sums of what was loaded, set aside and left out agree.
Each row carries the identity of the patient that it is about.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from linkage.steps.fhir_files import Found, fhir_files, listed
from linkage.steps.fhir_row import (
    ABOUT_SOMEBODY,
    CODED_IN,
    COLUMNS,
    PERSON,
    Row,
    fhir_row,
    nhs_number,
    person_row,
)

ROWS_PER_BATCH = 100_000
CODES = ("code_", "component_snomed", "component_local")
SNOMED_SHAPE = re.compile("[1-9][0-9]{5,17}")
SCHEMA = dict.fromkeys([*COLUMNS, "refused", "refused_field"], pl.String)


def read_fhir(path: Path) -> Iterator[pl.DataFrame]:
    """Yield frames with the columns of `fhir_row.COLUMNS`, all text, and two more.

    `refused` is the rule that a resource breaks by itself ("unreadable", "missing"),
    `refused_field` where. path: a Bundle (JSON or XML), one resource, a bulk export's
    NDJSON file, or a folder or zip of those. The delivery is read twice: patients
    may come after, or in another file than, what is said about them.
    """
    people = _People()
    medications: dict[str, Mapping[str, Any]] = {}
    for found in fhir_files(path):
        kind = found.resource and found.resource["resourceType"]
        if found.resource and kind == "Patient":
            people.add(found)
        elif found.resource and kind == "Medication":
            medications[f"Medication/{found.resource.get('id')}"] = found.resource
            medications[found.full_url] = found.resource
    rows: list[Row] = []
    for found in fhir_files(path):
        rows.append(_row(found, people, medications))
        if len(rows) == ROWS_PER_BATCH:
            yield pl.DataFrame(rows, schema=SCHEMA)
            rows = []
    if rows:
        yield pl.DataFrame(rows, schema=SCHEMA)


class _People:
    """The delivery's patients by every way in which a reference may name one."""

    def __init__(self) -> None:
        self._by_name: dict[str, Row] = {}

    def add(self, found: Found) -> None:
        assert found.resource is not None
        row = person_row(found.resource)
        self._by_name[f"Patient/{row['patient_id']}"] = row
        if found.full_url:
            self._by_name[found.full_url] = row
        for identifier in listed(found.resource.get("identifier")):
            if isinstance(identifier, dict) and identifier.get("value"):
                query = f"{identifier.get('system', '')}|{identifier['value']}"
                self._by_name[f"Patient?identifier={query}"] = row

    def of(self, resource: Mapping[str, Any]) -> Row | None:
        """The patient that a resource is about; None when it names none."""
        if resource["resourceType"] == "Patient":
            return person_row(resource)
        subject = resource.get("subject") or resource.get("patient")
        if not isinstance(subject, dict):
            return None
        name = str(subject.get("reference") or "").split("/_history/")[0]
        local = name[name.rfind("Patient/") :] if "Patient/" in name else name
        known = self._by_name.get(name) or self._by_name.get(local)
        if known:
            return known
        number = nhs_number(subject)
        if not local.startswith("Patient/") and number is None:
            return None
        row: Row = dict.fromkeys(PERSON)
        row["patient_id"] = local.removeprefix("Patient/") or None
        row["nhs_number"] = number
        return row


def _row(
    found: Found, people: _People, medications: Mapping[str, Mapping[str, Any]]
) -> Row:
    if found.resource is None:
        row: Row = dict.fromkeys(SCHEMA)
        return row | {"refused": "unreadable", "refused_field": found.problem}
    kind = found.resource["resourceType"]
    person = people.of(found.resource)
    row = fhir_row(found.resource, person or dict.fromkeys(PERSON), medications)
    rule, field = None, None
    if kind in ABOUT_SOMEBODY and person is None:
        who = "patient" if kind == "EpisodeOfCare" else "subject"
        rule, field = "missing", f"{kind}.{who}"
    elif kind in CODED_IN:
        field = f"{kind}.{CODED_IN[kind][0]}"
        codes = [value for name, value in row.items() if name.startswith(CODES)]
        if not any(codes):
            rule = "missing"
        # A code of the wrong shape would be left blank, and the resource be loaded
        # without saying anything.
        elif not SNOMED_SHAPE.fullmatch(row["code_snomed"] or "100000"):
            rule = "not_a_snomed_code"
    return row | {"refused": rule, "refused_field": field if rule else None}
