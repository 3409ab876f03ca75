"""What a year of the clinical feeds comes to, per person and in pounds."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from synthetic.clinical_feeds.hospital_spells import procedures
from synthetic.lives.spells import reasons

# Per person of all ages and year: NHS England appointments in general practice 2023-24,
# NHSBSA items 2022-23, NHS Digital hospital activity 2022-23, MHSDS and CSDS 2022-23;
# rounded. Repeat items are issued for two months here, not one: half as many issues.
PUBLISHED = {
    "GP appointments": 5.6,
    "prescription issues": 10.0,
    "outpatient appointments attended": 1.2,
    "emergency care attendances": 0.44,
    "admitted spells": 0.31,
    "mental health contacts": 0.45,
    "community contacts": 1.2,
    "social care services begun": 0.02,
}
# Unit costs in pounds: PSSRU Unit Costs of Health and Social Care 2023 and National
# Cost Collection 2022-23, rounded.
UNIT_COST = {
    "GP appointments": 38,
    "outpatient appointments attended": 155,
    "mental health contacts": 175,
    "community contacts": 62,
}
OTHER_SPELL = {"NZ50C": 4300, "NZ30C": 2500, "PB03Z": 600}
WEEKS_A_YEAR = 52


def activity(landing: Path, as_of: date, people: int) -> pl.DataFrame:
    """setting, published and achieved activity per person and year, pounds per person.

    Counts rows of the last 365 days of a landing folder; `people` live there.
    """
    since = (as_of - timedelta(days=364)).isoformat()
    counts, pounds = {}, {}

    def add(setting: str, rows: pl.DataFrame, cost: float | None = None) -> None:
        counts[setting] = rows.height / people
        each = UNIT_COST.get(setting, 0) * rows.height
        pounds[setting] = (each if cost is None else cost) / people

    slots = _parquet(landing, "gp_appointment", "slot_start_datetime", since, as_of)
    add("GP appointments", slots)
    issues = _parquet(landing, "gp_medication", "effective_datetime", since, as_of)
    add("prescription issues", issues, issues["estimated_nhs_cost"].sum())
    seen = _csv(landing, "sus_op", "APPTDATE", since, as_of)
    attended = seen.filter(pl.col("ATTENDED").is_in(["5", "6"]))
    add("outpatient appointments attended", attended)
    emergency = _csv(landing, "ecds", "ARRIVAL_DATE", since, as_of)
    price = emergency["FINAL_PRICE"].cast(pl.Float64).sum()
    add("emergency care attendances", emergency, price)
    spells = _csv(landing, "sus_apc", "ADMIDATE", since, as_of).unique("SUSSPELLID")
    tariffs = dict(
        pl.concat(
            [reasons().select("hrg", "tariff"), procedures().select("hrg", "tariff")]
        ).iter_rows()
    )
    each = spells["SUSHRG"].replace_strict(
        {**tariffs, **OTHER_SPELL}, default=0, return_dtype=pl.Float64
    )
    add("admitted spells", spells, each.sum())
    mind = _csv(landing, "mhsds_contact", "CareContDate", since, as_of)
    add("mental health contacts", mind)
    home = _csv(landing, "csds_contact", "CARE CONTACT DATE", since, as_of)
    add("community contacts", home)
    care = _csv(landing, "social_care_cld", "Event_Start_Date", "", as_of)
    care = care.filter(pl.col("Event_Type") == "Service")
    add(
        "social care services begun",
        care.filter(pl.col("Event_Start_Date") >= since),
        _yearly_cost(care, since),
    )
    return pl.DataFrame(
        {
            "setting": list(PUBLISHED),
            "published": list(PUBLISHED.values()),
            "achieved": [counts[setting] for setting in PUBLISHED],
            "pounds": [pounds[setting] for setting in PUBLISHED],
        }
    )


def _yearly_cost(care: pl.DataFrame, since: str) -> float:
    """Pounds in the last year of services that were still running in it."""
    running = care.filter(
        pl.col("Event_End_Date").is_null() | (pl.col("Event_End_Date") >= since)
    )
    begun = pl.col("Event_Start_Date").str.to_date()
    ended = pl.col("Event_End_Date").str.to_date()
    first = pl.max_horizontal(begun, pl.lit(date.fromisoformat(since)))
    last = pl.coalesce(ended, pl.lit(date.fromisoformat(since) + timedelta(days=364)))
    weeks = ((last - first).dt.total_days() / 7).clip(0, WEEKS_A_YEAR)
    units = pl.col("Planned_Units_Per_Week").cast(pl.Float64)
    cost = pl.col("Unit_Cost").cast(pl.Float64)
    once = pl.col("Cost_Frequency_Unit_Type") == "One-off"
    return running.select(
        pl.when(once).then(cost).otherwise(cost * units * weeks).sum()
    ).item()


def _parquet(
    landing: Path, feed: str, column: str, since: str, as_of: date
) -> pl.DataFrame:
    lazy = pl.scan_parquet(sorted(landing.glob(f"{feed}_*.parquet")))
    first = date.fromisoformat(since)
    return lazy.filter(pl.col(column).is_between(first, as_of)).collect()


def _csv(
    landing: Path, feed: str, column: str, since: str, as_of: date
) -> pl.DataFrame:
    parts = [
        pl.read_csv(path, infer_schema=False)
        for path in sorted(landing.glob(f"{feed}_*.csv"))
    ]
    kept = [part for part in parts if column in part.columns]
    frame = pl.concat(kept, how="diagonal")
    return frame.filter(pl.col(column).is_between(pl.lit(since), pl.lit(str(as_of))))
