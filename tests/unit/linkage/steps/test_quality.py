"""Quality by provider and field: what is counted, and what is not."""

from datetime import date

import polars as pl

from linkage.definitions import FEEDS
from linkage.steps.quality import quality
from linkage.steps.validate import validate

ROW = {
    "patient_id": "p1",
    "nhs_number": "9990000018",
    "forename": "Ada",
    "surname": "Youngblood",
    "born_on": "1950-03-07",
    "practice_code": "Z81001",
    "ethnicity": "A",
}


def measured(*rows: dict, lost: list[int] | None = None) -> dict:
    spec = FEEDS["gp_patient"]
    frame = pl.DataFrame(
        [dict.fromkeys(spec.expanded) | ROW | row for row in rows],
        schema=dict.fromkeys(spec.expanded, pl.String),
    ).with_row_index("row_number", offset=1)
    frame = frame.cast({"row_number": pl.Int64})
    checked = validate(frame, spec, date(2026, 9, 30))
    nobodys = pl.DataFrame(
        [(n, "unlinked", "") for n in lost or []],
        schema={"row_number": pl.Int64, "rule": pl.String, "field": pl.String},
        orient="row",
    )
    found = quality(frame, checked, nobodys, spec)
    return {
        (row["provider"], row["field"]): (
            row["rows"],
            row["filled"],
            row["valid"],
            row["defaults"],
        )
        for row in found.iter_rows(named=True)
    }


def test_each_provider_is_counted_apart() -> None:
    found = measured({}, {"practice_code": "Z81002"}, {"practice_code": " Z81002 "})
    assert found["Z81001", ""] == (1, 1, 1, 0)
    assert found["Z81002", ""] == (2, 2, 2, 0)


def test_empty_unusable_and_not_stated_are_told_apart() -> None:
    found = measured(
        {"ethnicity": None}, {"ethnicity": "Z"}, {"ethnicity": "99"}, {"ethnicity": "A"}
    )
    spec = FEEDS["gp_patient"].columns["ethnicity"]
    filled = 2 if "99" in spec.missing else 3
    assert found["Z81001", "ethnicity"] == (4, filled, 2, 1)
    assert found["Z81001", "nhs_number"] == (4, 4, 4, 0)


def test_a_number_that_fails_its_check_is_filled_and_not_valid() -> None:
    found = measured({}, {"nhs_number": "9990000019"})
    assert found["Z81001", "nhs_number"] == (2, 2, 1, 0)


def test_a_held_row_counts_for_what_it_says_well() -> None:
    found = measured({}, {"patient_id": None, "nhs_number": "9990000019"})
    assert found["Z81001", ""] == (2, 1, 1, 0)
    assert found["Z81001", "patient_id"] == (2, 1, 1, 0)
    assert found["Z81001", "surname"] == (2, 2, 2, 0)


def test_rows_of_nobody_are_valid_and_not_linked() -> None:
    assert measured({}, {}, lost=[2])["Z81001", ""] == (2, 1, 2, 0)


def test_a_trust_is_counted_under_its_three_characters() -> None:
    spec = FEEDS["sus_op"]
    row = {"attendance_key": "1", "provider": "RZ101", "appointment_on": "2026-01-02"}
    frame = pl.DataFrame(
        [dict.fromkeys(spec.expanded) | row], schema=dict.fromkeys(spec.expanded, str)
    ).with_row_index("row_number", offset=1)
    frame = frame.cast({"row_number": pl.Int64})
    checked = validate(frame, spec, date(2026, 9, 30))
    found = quality(frame, checked, checked.rejected, spec)
    assert set(found["provider"]) == {"RZ1"}
    assert found.filter(field="provider")["valid"].item() == 1
