"""People, coded records and admissions as the scores read them."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from linkage.vocabulary import ACTIVITY_KINDS, EVENT_KINDS, SETTINGS, SYSTEMS, URGENCIES

AS_OF = date(2026, 9, 30)
ADMITTED, OUTPATIENT = 8, 9
FEEDS = {"sus_apc": ADMITTED, "hes_apc": 41, "gp_observation": 21}
EVENT: dict[str, Any] = {
    "person_no": pl.Int32,
    "on_date": pl.Date,
    "kind": pl.Int16,
    "system": pl.Int16,
    "code": pl.String,
    "value": pl.Float32,
    "feed_no": pl.Int16,
}
ACTIVITY: dict[str, Any] = {
    "person_no": pl.Int32,
    "setting": pl.Int16,
    "kind": pl.Int16,
    "urgency": pl.Int16,
    "start_on": pl.Date,
    "end_on": pl.Date,
}
FLAGS = ("in_care_home", "is_housebound", "lives_alone", "long_term_social_care")


def features(ages: dict[int, int], **known: Any) -> pl.DataFrame:
    """People by number and age; registered, in the third decile, nothing else known."""
    told = {"is_registered": True, "imd_decile": "3", "frailty_recorded": None} | known
    return pl.DataFrame(
        {"person_no": list(ages), "age_years": list(ages.values())},
        schema={"person_no": pl.Int32, "age_years": pl.Int32},
    ).with_columns(
        pl.lit(told["is_registered"], pl.Boolean).alias("is_registered"),
        pl.lit(told["imd_decile"], pl.String).alias("imd_decile"),
        pl.lit(told["frailty_recorded"], pl.String).alias("frailty_recorded"),
        *(pl.lit(told.get(flag), pl.Boolean).alias(flag) for flag in FLAGS),
    )


def coded(rows: list[tuple[int, str, date]]) -> pl.DataFrame:
    """Hospital diagnoses: person, ICD-10 code, date."""
    kind, system = EVENT_KINDS["diagnosis"], SYSTEMS["icd10"]
    return pl.DataFrame(
        [(n, on, kind, system, code, None, ADMITTED) for n, code, on in rows],
        schema=EVENT,
        orient="row",
    )


def recorded(
    rows: list[tuple[str, int, float | None]], *, person_no: int = 1
) -> pl.DataFrame:
    """Entries of a GP record: a SNOMED or BNF code, days before AS_OF, a value."""
    made = []
    for code, days, value in rows:
        # BNF codes hold letters, SNOMED ones never.
        system = "snomed" if code.isdigit() else "bnf"
        kind = "prescription" if system == "bnf" else "observation"
        made.append(
            (
                person_no,
                AS_OF - timedelta(days=days),
                EVENT_KINDS[kind],
                SYSTEMS[system],
                code,
                value,
                FEEDS["gp_observation"],
            )
        )
    return pl.DataFrame(made, schema=EVENT, orient="row")


def admitted(rows: list[tuple[int, date]]) -> pl.DataFrame:
    """Emergency admissions of a day: person, date."""
    return stays([(n, on, on, "emergency") for n, on in rows])


def stays(rows: list[tuple[int, date, date | None, str]]) -> pl.DataFrame:
    """Admissions: person, from, to (None: still in), urgency."""
    setting, kind = SETTINGS["admitted"], ACTIVITY_KINDS["spell"]
    return pl.DataFrame(
        [
            (n, setting, kind, URGENCIES[urgency], start, end)
            for n, start, end, urgency in rows
        ],
        schema=ACTIVITY,
        orient="row",
    )


def visits(rows: list[tuple[int, date]]) -> pl.DataFrame:
    """A&E attendances: person, date."""
    setting, kind = SETTINGS["emergency"], ACTIVITY_KINDS["attendance"]
    return pl.DataFrame(
        [(n, setting, kind, None, on, on) for n, on in rows],
        schema=ACTIVITY,
        orient="row",
    )
