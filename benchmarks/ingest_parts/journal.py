"""Patients of a few practices and their coded entries, as a GP system exports them."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

# Common concepts of a journal with a value, and as many again without.
MEASURED = (
    "271649006",
    "271650006",
    "60621009",
    "1003671000000109",
    "1000951000000103",
)
CODED = ("38341003", "44054006", "13645005", "195967001", "266919005", "77176002")
UNITS = ("mmHg", "mmHg", "kg/m2", "mmol/mol", "mL/min")
PRACTICES = 20
ROWS_EACH = 100
PATIENTS, JOURNAL = "gp_patient_202609.csv", "gp_observation_202609.parquet"
FIRST, LAST = date(2016, 10, 1), date(2026, 9, 30)
SEED = 11
CHUNK = 1_000_000


def write_patients(path: Path, people: int) -> list[str]:
    """Write `people` patients with valid test NHS numbers; returns their ids."""
    from synthetic.nhs_numbers import nhs_numbers

    rng = np.random.default_rng(SEED)
    n = np.arange(people)
    ids = [f"{int(i):08d}-p" for i in n]
    born = date(1930, 1, 1).toordinal() + rng.integers(0, 90 * 365, people)
    numbers = nhs_numbers(people, rng)
    pl.DataFrame(
        {
            "patient_id": ids,
            "nhs_number": numbers,
            "given_name": [f"Given{int(i) % 997}" for i in n],
            "surname": [f"Family{int(i) % 7919}" for i in n],
            "date_of_birth": [date.fromordinal(int(day)).isoformat() for day in born],
            "sex": np.where(rng.random(people) < 0.5, "Female", "Male"),
            "address_line_1": [f"{int(i) % 199 + 1} Mill Lane" for i in n],
            "postcode": [f"ZX{int(i) % 9 + 1} {int(i) % 9}AA" for i in n],
            "organisation": [practice_of(int(i)) for i in n],
            "ethnicity_code": ["A"] * people,
            "date_of_death": [""] * people,
            "model_updated_datetime": ["2026-09-01"] * people,
        }
    ).write_csv(path)
    return ids


def practice_of(patient: int) -> str:
    return f"Z81{patient % PRACTICES:03d}"


def write_journal(path: Path, patients: list[str], rows: int) -> None:
    """Write the entries of these patients, the oldest first."""
    import pyarrow.parquet as pq

    rng = np.random.default_rng(SEED)
    ids = pl.Series(patients)
    practices = pl.Series([practice_of(n) for n in range(len(patients))])
    span = (LAST - FIRST).days
    writer = None
    for begin in range(0, rows, CHUNK):
        many = min(CHUNK, rows - begin)
        who = rng.integers(0, len(patients), many)
        which = rng.integers(0, len(MEASURED) + len(CODED), many)
        measured = which < len(MEASURED)
        day = np.sort(rng.integers(0, span, many)) * many // rows
        day = (begin * span // rows + day).astype(np.int32)
        on = pl.Series(day + (FIRST - date(1970, 1, 1)).days).cast(pl.Date)
        unit = pl.Series(UNITS).gather(np.minimum(which, len(UNITS) - 1))
        frame = pl.DataFrame(
            {
                "observation_id": pl.select(
                    pl.format("{}-o", pl.int_range(begin, begin + many))
                ).to_series(),
                "patient_id": ids.gather(who),
                "organisation": practices.gather(who),
                "effective_datetime": on,
                "snomed_concept_id": pl.Series(MEASURED + CODED).gather(which),
                "numeric_value": pl.Series(rng.normal(90, 20, many).round(1)).set(
                    pl.Series(~measured), None
                ),
                "unit_of_measure": unit.set(pl.Series(~measured), None),
                "model_updated_datetime": on,
            }
        ).to_arrow()
        writer = writer or pq.ParquetWriter(path, frame.schema)
        writer.write_table(frame)
    assert writer is not None
    writer.close()


if __name__ == "__main__":
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    patients = write_patients(folder / PATIENTS, rows // ROWS_EACH)
    write_journal(folder / JOURNAL, patients, rows)
