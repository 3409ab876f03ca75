"""Who lives in the demo ICS: households, ages, addresses, practices and moves."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from synthetic.geography import World
from synthetic.progress import Progress

YEARS_BACK = 5


@dataclass(frozen=True)
class People:
    """Everyone who lived here at any time in the window, and where.

    persons (sorted; `person` is the row number, int32): person, sex ("M", "F"),
        born_on, ethnicity (NHS 16+1 letter, never Z), household (int32), lsoa_code
        (last one here), imd_decile, imd_fifth (1 = most deprived), practice_code
        (last one; null for the few registered nowhere), care_home (bool), arrived_on
        (start of the window for those here by then; birth date of the born),
        left_on (null while here; deaths are decided elsewhere and later), interpreter
        (bool), language (ISO 639-1), type1_opt_out_on (date or null),
        national_opt_out (bool), nhs_number (the true one, 10 digits), surname,
        forename, middle_name, birth_surname, la_code.
    addresses (by person, start_on): person, postcode, lsoa_code, line1, start_on,
        end_on (null = still), care_home_code (null = at home).
    registrations (by person, start_on): person, practice_code, patient_id (the
        practice system's own id of this patient: the `patient_id` of the GP feeds),
        start_on, end_on (null = still), reason.
    window: (first day, as_of).
    sources: alias to trust code, {"mhsds": "RZ3", "csds": "RZ4"}.
    """

    persons: pl.DataFrame
    addresses: pl.DataFrame
    registrations: pl.DataFrame
    window: tuple[date, date]
    sources: dict[str, str]
    seed: int

    def registration_at(self, rows: pl.DataFrame, on: str) -> pl.DataFrame:
        """Add practice_code and patient_id as on the date in column `on`.

        A date before the first registration gets the first one (the record moved with
        the patient); people registered nowhere get nulls. The order of rows is kept.
        """
        kept = self.registrations.select(
            "person", "practice_code", "patient_id", pl.col("start_on").alias(on)
        ).sort(on)
        first = self.registrations.group_by("person", maintain_order=True).agg(
            pl.col("practice_code").first().alias("_practice"),
            pl.col("patient_id").first().alias("_patient"),
        )
        return (
            rows.with_row_index("_row")
            .sort(on)
            .join_asof(kept, on=on, by="person", check_sortedness=False)
            .join(first, on="person", how="left")
            .with_columns(
                pl.coalesce("practice_code", "_practice").alias("practice_code"),
                pl.coalesce("patient_id", "_patient").alias("patient_id"),
            )
            .sort("_row")
            .drop("_row", "_practice", "_patient")
        )


def make_people(
    world: World, n: int, seed: int, as_of: date, progress: Progress | None = None
) -> People:
    """Invent about `n` people living here at `as_of`, and those who left before.

    There are some 1.2 n rows in `persons`: about a fifth die or leave in the window.
    """
    raise NotImplementedError
