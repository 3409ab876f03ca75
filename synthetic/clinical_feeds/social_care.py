"""Adult social care: requests, assessments, services and reviews (CLD release 2)."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from synthetic.clinical_feeds import faults
from synthetic.clinical_feeds.context import Context, Year
from synthetic.clinical_feeds.delivery import financial_year
from synthetic.clinical_feeds.identities import identified
from synthetic.identity import cld_ethnicity
from synthetic.lives import FAR, KEYS

# New requests a year per adult: NHS Digital Adult Social Care Activity 2022-23, about
# 2 million; 1.4 million of them from people of 65 and over.
REQUESTS_18_64, REQUESTS_65 = 0.018, 0.13
GENDER = {"1": "Male", "2": "Female", "9": "Unknown"}
# Unit costs 2022-23 (ASC Activity and Finance): hourly home care, weekly residential
# and nursing care, reablement a week; rounded pounds.
SERVICES = (
    # type, component, unit cost, unit, units a week, mean days
    ("Long term support: Community", "Home support or domiciliary care",
     22.0, "Hourly", 11.0, 800.0),
    ("Long term support: Residential care", "", 840.0, "Weekly", 1.0, 750.0),
    ("Long term support: Nursing care", "", 980.0, "Weekly", 1.0, 550.0),
    ("Short term support: ST-Max", "Reablement", 210.0, "Weekly", 1.0, 38.0),
    ("Short term support: Ongoing low level", "Equipment", 60.0, "One-off", 1.0, 1.0),
)  # fmt: skip
LONG_TERM = 3  # the first three are long-term support
HOME, RESIDENTIAL, NURSING, REABLEMENT, EQUIPMENT = range(5)
# What becomes of a request: no further action, reablement, equipment, long term.
OUTCOME_SHARE = (0.55, 0.15, 0.12, 0.18)
HELPED_BEFORE = 0.20  # of people with severe deficits at the start of the window
REVIEW_DAYS = 365


@dataclass(frozen=True)
class Services:
    """Services of a chunk: row, kind (of SERVICES), start, end (after as_of: open)."""

    row: np.ndarray
    kind: np.ndarray
    start: np.ndarray
    end: np.ndarray


def write_social_care(ctx: Context, years: list[Year]) -> None:
    """Write one chunk's events, one file per council and financial year."""
    rng = ctx.rng("social care")
    row, day = _requests(ctx, years, rng)
    outcome = rng.choice(4, len(row), p=OUTCOME_SHARE)
    services = _services(ctx, years[0], row, day, outcome, rng)
    frame = pl.concat(
        [
            _events(row, day, day + rng.integers(0, 5, len(row)), "Request", outcome),
            _assessments(ctx, row, day, outcome, rng),
            _service_events(services),
            _reviews(ctx, services, rng),
        ]
    ).filter(pl.col("admitted") <= ctx.as_of_day)
    last = pl.Series(ctx.chunk.here_to[frame["row"].to_numpy()])
    frame = frame.filter(frame["admitted"] <= last).sort("row", "admitted")
    council = ctx.persons["la_code"].gather(frame["row"])
    frame = frame.with_columns(council=council)
    for (la_code,), part in frame.drop_nulls("council").group_by(
        "council", maintain_order=True
    ):
        known = identified(ctx, part, la_code, rng)
        for (of,), rows in _layout(ctx, known, rng).group_by(
            "_year", maintain_order=True
        ):
            ctx.delivery.csv(
                "social_care_cld",
                f"{la_code}_{of}",
                faults.repeated(rows.drop("_year"), rng),
            )


def _requests(
    ctx: Context, years: list[Year], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    rows, days = [], []
    for year in years:
        rate = np.where(year.age >= 65, REQUESTS_65, REQUESTS_18_64)
        usual = np.interp(year.age, [18, 40, 60, 80, 95], [0.04, 0.05, 0.09, 0.2, 0.35])
        need = (year.frailty / usual).clip(0.2, 4) ** 1.2
        need *= 1 + 4 * year.with_("learning_disability")
        need *= 1 + 1.0 * year.with_("dementia")
        steep = np.interp(year.age, [65, 75, 85, 95], [0.35, 0.7, 1.8, 2.5])
        rate = rate * need * np.where(year.age >= 65, steep, 1)
        row, day = ctx.happen(year, np.where(year.age >= 18, rate, 0), rng)
        rows.append(row)
        days.append(day)
    return np.concatenate(rows), np.concatenate(days)


def _services(
    ctx: Context,
    first_year: Year,
    row: np.ndarray,
    day: np.ndarray,
    outcome: np.ndarray,
    rng: np.random.Generator,
) -> Services:
    """Services that follow requests, and those already running at the start."""
    before = np.flatnonzero(
        (first_year.frailty > 0.25)
        & (first_year.share > 0)
        & (first_year.age >= 18)
        & (rng.random(len(first_year.age)) < HELPED_BEFORE)
    )
    began = ctx.start_day - rng.integers(30, 900, len(before))
    given = outcome > 0
    kind = np.select([outcome == 1, outcome == 2], [REABLEMENT, EQUIPMENT], HOME)[given]
    row = np.concatenate([row[given], before])
    kind = np.concatenate([kind, np.full(len(before), HOME)])
    start = np.concatenate([day[given] + rng.integers(10, 45, given.sum()), began])
    home = ctx.chunk.traits.care_home[row] & (kind == HOME)
    kind[home] = np.where(rng.random(home.sum()) < 0.65, RESIDENTIAL, NURSING)
    mean = np.array([service[5] for service in SERVICES])[kind]
    end = start + np.maximum(rng.exponential(mean), 1).astype(int)
    # Who was helped before the window still is when it opens.
    end = np.where(start < ctx.start_day, np.maximum(end, ctx.start_day + 60), end)
    last = ctx.chunk.here_to[row]
    gone = last < ctx.as_of_day
    end = np.where(gone, np.minimum(end, last), end)
    return Services(row, kind, start.astype(np.int32), end.astype(np.int32))


def _events(
    row: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    event: str,
    outcome: np.ndarray,
    kind: np.ndarray | None = None,
) -> pl.DataFrame:
    """admitted is the start, the name under which `identified` looks for a day."""
    n = len(row)
    return pl.DataFrame(
        {
            "row": row.astype(np.int32),
            "admitted": start.astype(np.int32),
            "ended": end.astype(np.int32),
            "event": pl.repeat(event, n, eager=True),
            "outcome": outcome.astype(np.int8),
            "kind": (np.full(n, -1) if kind is None else kind).astype(np.int8),
        }
    )


def _assessments(
    ctx: Context,
    row: np.ndarray,
    day: np.ndarray,
    outcome: np.ndarray,
    rng: np.random.Generator,
) -> pl.DataFrame:
    assessed = (outcome == 1) | (outcome == 3)
    start = day[assessed] + rng.integers(3, 20, assessed.sum())
    return _events(row[assessed], start, start + 7, "Assessment", outcome[assessed])


def _service_events(services: Services) -> pl.DataFrame:
    ongoing = np.full(len(services.row), 4)
    return _events(
        services.row, services.start, services.end, "Service", ongoing, services.kind
    )


def _reviews(
    ctx: Context, services: Services, rng: np.random.Generator
) -> pl.DataFrame:
    """A planned review every year of long-term support."""
    long = services.kind < LONG_TERM
    row, start, end = services.row[long], services.start[long], services.end[long]
    begin = np.maximum(start, ctx.start_day - 180)
    times = ((np.minimum(end, ctx.as_of_day) - begin) // REVIEW_DAYS).clip(0)
    which = np.repeat(np.arange(len(row)), times)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times) + 1
    day = begin[which] + nth * REVIEW_DAYS + rng.integers(-20, 60, len(which))
    return _events(row[which], day, day + 3, "Review", np.full(len(which), 4))


OUTCOMES = (
    "NFA: Information and advice or signposting",
    "Progress to reablement/ST-Max",
    "Progress to support planning or services",
    "Progress to assessment, review or reassessment",
    "Continuation of support or services",
)
SUPPORT_REASONS = (
    "Physical Support: Access & mobility only",
    "Physical Support: Personal care support",
    "Support with Memory & Cognition",
    "Learning Disability Support",
    "Mental Health Support",
)


def _layout(
    ctx: Context, frame: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    row = frame["row"].to_numpy()
    kind = frame["kind"].to_numpy()
    n = frame.height
    service = pl.col("kind") >= 0
    safe = np.maximum(kind, 0)
    columns = [pl.Series([s[i] for s in SERVICES]).gather(safe) for i in range(5)]
    units = columns[4] * pl.Series(np.where(kind == HOME, rng.uniform(0.4, 1.8, n), 1))
    began = np.maximum(frame["admitted"].to_numpy(), ctx.start_day).astype(np.int32)
    closed = pl.col("ended") <= ctx.as_of_day
    year_start = _year_start(began)
    home = ctx.chunk.traits.care_home[row]
    where = np.where(home, "Registered care home", "Tenant")
    own = rng.random(n) < 0.6
    where = np.where(own & ~home, "Owner occupier or shared ownership scheme", where)
    return frame.select(
        LA_Code="source",
        Reporting_Period_Start_Date=year_start,
        Reporting_Period_End_Date=year_start.dt.offset_by("1y").dt.offset_by("-1d"),
        NHS_Number="nhs_number",
        LA_Person_Unique_Identifier="local_id",
        GP_Practice_Code="practice_code",
        Gender=pl.col("sex").replace_strict(GENDER, default="Unknown"),
        Ethnicity=cld_ethnicity(pl.col("ethnicity")),
        Date_of_Birth="born_on",
        Date_of_Death=pl.lit(None, dtype=pl.String),
        Client_Type=pl.lit("Service user"),
        Primary_Support_Reason=pl.Series(SUPPORT_REASONS).gather(
            _support_reason(ctx, row, rng)
        ),
        Postcode="postcode",
        Accommodation_Status=pl.Series(where),
        Has_Unpaid_Carer=pl.Series(["Yes", "No", "Unknown"]).gather(
            rng.choice(3, n, p=[0.35, 0.35, 0.3])
        ),
        Event_Type="event",
        Event_Reference=pl.format(
            "{}E{}", "source", pl.Series(ctx.delivery.numbers("care event", n))
        ),
        Event_Start_Date=pl.col("admitted").cast(pl.Date),
        Event_End_Date=pl.when(closed).then(pl.col("ended").cast(pl.Date)),
        Event_Description=pl.col("event"),
        Event_Outcome=pl.Series(OUTCOMES).gather(frame["outcome"]),
        Service_Type=pl.when(service).then(columns[0]),
        Service_Component=pl.when(service & (columns[1] != "")).then(columns[1]),
        Unit_Cost=pl.when(service).then(columns[2]),
        Cost_Frequency_Unit_Type=pl.when(service).then(columns[3]),
        Planned_Units_Per_Week=pl.when(service).then(units.round(1)),
        _year=financial_year(pl.Series(began).cast(pl.Date)),
    )


def _year_start(day: np.ndarray) -> pl.Series:
    """First day of the financial year of each day."""
    date = pl.Series(day).cast(pl.Date)
    year = date.dt.year() - (date.dt.month() < 4).cast(pl.Int32)
    return pl.select(pl.date(year, 4, 1)).to_series()


def _support_reason(
    ctx: Context, row: np.ndarray, rng: np.random.Generator
) -> np.ndarray:

    def has(key: str) -> np.ndarray:
        return ctx.chunk.onset[row, KEYS.index(key)] < FAR

    usual = np.where(rng.random(len(row)) < 0.3, 0, 1)
    return np.select(
        [has("learning_disability"), has("dementia"), has("severe_mental_illness")],
        [3, 2, 4],
        usual,
    )
