"""SUS outpatients: one row per appointment. Layout: the SUS outpatient extract.

One trust's file of 2023-24 carries two headers that its supplier renamed for a year.
"""

from functools import cache

import numpy as np
import polars as pl

from synthetic.clinical_feeds import faults
from synthetic.clinical_feeds.context import Context, Year
from synthetic.clinical_feeds.delivery import financial_year
from synthetic.clinical_feeds.gp_codes import CODES
from synthetic.clinical_feeds.identities import identified
from synthetic.lives import calibration

# NHS Digital Hospital Outpatient Activity 2022-23: outcome of appointments.
ATTENDED = ("5", "6", "3", "2", "4")
ATTENDED_SHARE = (0.76, 0.02, 0.066, 0.074, 0.08)
FIRST = ("1", "2", "3", "4")
FIRST_SHARE = (0.28, 0.52, 0.05, 0.15)
AT_HOME_TRUST = 0.92
RENAMED = {"APPTDATE": "APPT_DATE", "LOPATID": "LOCAL_PATIENT_ID"}
RENAMED_YEAR = "202324"


@cache
def specialties() -> pl.DataFrame:
    """Treatment functions with their mix by age."""
    return pl.read_csv(
        CODES / "specialties.csv", schema_overrides={"specialty": pl.String}
    ).with_columns(pl.col("conditions").fill_null(""))


def write_op(ctx: Context, year: Year) -> None:
    """Write one chunk's appointments of one year of the window."""
    rng = ctx.rng("op", year.from_day)
    rate = calibration.rate("outpatient_per_1000", year.age, ctx.chunk.traits.male)
    by_key = calibration.effects("log_rr_outpatient")
    log = year.has.astype(np.float32) @ np.array(list(by_key.values()), np.float32)
    usual = np.interp(year.age, [0, 30, 50, 70, 90], [1.0, 1.15, 1.4, 2.1, 2.6])
    kept = sum(ATTENDED_SHARE[:2])
    rate = rate * np.exp(log) / usual / kept
    row, day = ctx.happen(year, rate, rng)
    away = rng.random(len(row)) >= AT_HOME_TRUST
    trusts = ctx.world.trusts_of("acute")
    trust = (ctx.home_trust[row] + away) % len(trusts)
    frame = pl.DataFrame(
        {
            "row": row.astype(np.int32),
            "admitted": day,
            "trust": trust.astype(np.int8),
            "what": _specialty(year, row, rng),
        }
    ).sort("row", "admitted")
    for (number,), part in frame.group_by("trust", maintain_order=True):
        known = identified(ctx, part, trusts[number], rng)
        for (of,), rows in _layout(ctx, known, rng).group_by(
            "_year", maintain_order=True
        ):
            rows = faults.repeated(rows.drop("_year"), rng)
            if number == len(trusts) - 1 and of == RENAMED_YEAR:
                rows = rows.rename(RENAMED)
            ctx.delivery.csv("sus_op", f"{trusts[number]}_{of}", rows)


def _specialty(year: Year, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    table = specialties()
    ages = calibration.ages_of(table)
    mix = table.select(pl.col("^age_.*$")).to_numpy().astype(float)
    weight = np.empty((len(row), table.height), dtype=np.float32)
    for i, (keys, ratio) in enumerate(table.select("conditions", "ratio").iter_rows()):
        weight[:, i] = np.interp(year.age[row], ages, mix[i])
        for key in filter(None, keys.split("|")):
            weight[year.with_(key)[row], i] *= ratio
    rising = weight.cumsum(axis=1)
    pick = rng.random(len(row), dtype=np.float32) * rising[:, -1]
    what = (rising < pick[:, None]).sum(axis=1).clip(0, table.height - 1)
    return what.astype(np.int8)


def _layout(
    ctx: Context, frame: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    n = frame.height
    table = specialties()
    number = ctx.delivery.numbers("attendance", n)
    day = frame["admitted"].to_numpy()
    codes = table["specialty"].gather(frame["what"])
    share = table["procedure_share"].to_numpy()[frame["what"].to_numpy()]
    seen = rng.choice(len(ATTENDED), n, p=ATTENDED_SHARE)
    first = rng.choice(len(FIRST), n, p=FIRST_SHARE)
    treated = pl.Series((rng.random(n) < share) & (seen < 2))
    when = faults.some_replaced(
        pl.Series(day).cast(pl.Date).cast(pl.String),
        faults.IMPOSSIBLE_TEXT,
        faults.IMPOSSIBLE,
        rng,
    )
    return frame.select(
        ATTENDKEY=pl.Series(600_000_000_000 + number).cast(pl.String),
        SUSRECID=pl.Series(800_000_000_000 + number).cast(pl.String),
        PROCODET="source",
        LOPATID="local_id",
        NEWNHSNO="nhs_number",
        DOB="born_on",
        SEX="sex",
        HOMEADD="postcode",
        ETHNOS="ethnicity",
        GPPRAC="practice_code",
        APPTDATE=when,
        ATENTYPE=pl.Series(["1", "2", "21", "22"]).gather(first),
        ATTENDED=pl.Series(ATTENDED).gather(seen),
        FIRSTATT=pl.Series(FIRST).gather(first),
        MAINSPEF=codes,
        TRETSPEF=codes,
        REFSOURC=pl.Series(["03", "05", "10"]).gather(rng.integers(0, 3, n)),
        PRIORITY=pl.Series(["1", "1", "1", "2", "3"]).gather(rng.integers(0, 5, n)),
        DIAG_01=pl.lit("R69X"),
        OPERTN_01=pl.when(treated).then(pl.lit("X629")),
        SUSHRG=pl.when(treated).then(pl.lit("WH50B")).otherwise(pl.lit("WF01B")),
        OUTCOME=pl.Series(["1", "2", "3"]).gather(rng.integers(0, 3, n)),
        SUSLDDATE=pl.Series(faults.recorded_days(day + 20, ctx.as_of_day, rng)).cast(
            pl.Date
        ),
        _year=financial_year(pl.col("admitted").cast(pl.Date)),
    )
