"""The GP extract feeds: observation, medication issue and appointment slot.

Layout: EMIS extract tables `observation`, `medication_issue_record` and
`appointment_slot` (EMIS Explorer schema), keyed by patient_id and organisation.
"""

import numpy as np
import polars as pl

from synthetic import chance
from synthetic.clinical_feeds import faults
from synthetic.clinical_feeds.context import Context, Year
from synthetic.clinical_feeds.gp_care import care_rows, once_rows
from synthetic.clinical_feeds.gp_diagnoses import diagnosis_rows
from synthetic.clinical_feeds.gp_measurements import measurement_rows
from synthetic.clinical_feeds.gp_medication import issue_rows, medicines
from synthetic.clinical_feeds.gp_social import social_rows
from synthetic.lives import calibration

HOLDERS = ("GP", "Nurse", "Pharmacist", "Other")
# NHS England, Appointments in General Practice 2023: by professional and by mode.
HOLDER_SHARE = (0.47, 0.29, 0.08, 0.16)
MODES = ("Face-to-Face", "Telephone", "Home Visit", "Video")
MODE_SHARE = (0.69, 0.285, 0.01, 0.015)
# Log rate of GP appointments per standard deviation of latent frailty.
FRAILTY_SEEN = 0.4
DID_NOT_ATTEND = 0.042
CLINICIANS = 12  # of a practice, who see patients


def write_gp(ctx: Context, years: list[Year], coding: pl.DataFrame) -> None:
    """Write one chunk's GP rows."""
    _observations(ctx, years, coding)
    _medication(ctx)
    for year in years:
        _appointments(ctx, year)


def _registered(ctx: Context, frame: pl.DataFrame) -> pl.DataFrame:
    """Keep what happened in the person's time, and add patient_id and organisation."""
    row, day = frame["row"].to_numpy(), frame["day"].to_numpy()
    at = ctx.registrations.at(ctx.person(row), day)
    kept = (at >= 0) & (day <= ctx.chunk.here_to[row])
    kept &= day >= ctx.chunk.traits.born[row]
    frame, at = frame.filter(pl.Series(kept)), at[kept]
    return frame.with_columns(
        patient_id=ctx.registrations.patient_id.gather(at),
        organisation=ctx.registrations.practice_code.gather(at),
    )


def _dates(ctx: Context, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Add effective (a few impossible) and recorded dates."""
    day = frame["day"].to_numpy()
    born = ctx.chunk.traits.born[frame["row"].to_numpy()]
    return frame.with_columns(
        effective=pl.Series(faults.impossible_days(day, born, rng)).cast(pl.Date),
        recorded=pl.Series(faults.recorded_days(day, ctx.as_of_day, rng)).cast(pl.Date),
    )


def _observations(ctx: Context, years: list[Year], coding: pl.DataFrame) -> None:
    rng = ctx.rng("observation")
    parts = [*diagnosis_rows(ctx, coding), *once_rows(ctx), *social_rows(ctx)]
    for year in years:
        parts += measurement_rows(ctx, year)
        parts += care_rows(ctx, year)
    frame = _registered(ctx, pl.concat(parts)).sort("row", "day")
    frame = _dates(ctx, frame, rng).with_columns(
        number=pl.Series(ctx.delivery.numbers("observation", frame.height)),
        code=faults.some_replaced(
            frame["code"], faults.UNKNOWN_SNOMED, faults.UNKNOWN_CODE, rng
        ),
    )
    frame = frame.select(
        observation_id=pl.format("O{}", "number"),
        patient_id="patient_id",
        organisation="organisation",
        effective_datetime="effective",
        snomed_concept_id="code",
        numeric_value=pl.col("value").cast(pl.Float64).round(1),
        unit_of_measure="unit",
        problem_end_datetime=pl.lit(None, dtype=pl.Date),
        model_updated_datetime="recorded",
    )
    ctx.delivery.parquet_by_year(
        "gp_observation", faults.repeated(frame, rng), "effective_datetime"
    )


def _medication(ctx: Context) -> None:
    rng = ctx.rng("issues")
    frame = _registered(ctx, issue_rows(ctx)).sort("row", "day")
    frame = _dates(ctx, frame, rng)
    table = medicines()
    which = frame["medicine"]
    days = table["days"].gather(which)
    frame = frame.select(
        issue_record_id=pl.format(
            "M{}", pl.Series(ctx.delivery.numbers("issue", frame.height))
        ),
        patient_id="patient_id",
        organisation="organisation",
        effective_datetime="effective",
        dmd_product_code_id=pl.lit(None, dtype=pl.String),
        bnf_code=table["bnf_code"].gather(which),
        term=table["term"].gather(which),
        quantity=days.cast(pl.Float64),
        course_duration_in_days=days.cast(pl.Int32),
        estimated_nhs_cost=table["cost"].cast(pl.Float64).gather(which),
        prescription_type_description=pl.Series(
            np.where(days.to_numpy() > 7, "Repeat", "Acute")
        ),
        is_cancelled=pl.Series(rng.random(frame.height) < 0.004),
        model_updated_datetime="recorded",
    )
    ctx.delivery.parquet_by_year(
        "gp_medication", faults.repeated(frame, rng), "effective_datetime"
    )


def _appointments(ctx: Context, year: Year) -> None:
    rng = ctx.rng("appointments", year.from_day)
    rate = calibration.rate("gp_per_1000", year.age, ctx.chunk.traits.male)
    by_key = calibration.effects("log_rr_gp")
    log = year.has.astype(np.float32) @ np.array(list(by_key.values()), np.float32)
    # Divided by what conditions add on average, as normalisers.csv does elsewhere.
    usual = np.interp(year.age, [0, 30, 50, 70, 90], [1.0, 1.25, 1.5, 2.1, 2.7])
    # The frail are seen more: the trace that a latent frailty leaves in the record.
    frail = FRAILTY_SEEN * ctx.chunk.traits.frailty - FRAILTY_SEEN**2 / 2
    rate = rate * np.exp(log + frail) / usual
    row, day = ctx.happen(year, rate, rng)
    n = len(row)
    frame = _registered(ctx, pl.DataFrame({"row": row.astype(np.int32), "day": day}))
    n = frame.height
    mode = rng.choice(len(MODES), n, p=MODE_SHARE)
    visited = (year.age[frame["row"].to_numpy()] > 80) & (rng.random(n) < 0.12)
    mode = np.where(visited, MODES.index("Home Visit"), mode)
    missed = rng.random(n) < DID_NOT_ATTEND
    date = pl.Series(frame["day"]).cast(pl.Date)
    frame = frame.select(
        slot_id=pl.format("S{}", pl.Series(ctx.delivery.numbers("slot", n))),
        patient_id="patient_id",
        organisation="organisation",
        slot_start_datetime=date,
        session_holder_id=_seen_by(ctx, frame["row"].to_numpy(), rng),
        session_holder_type=pl.Series(HOLDERS).gather(
            rng.choice(len(HOLDERS), n, p=HOLDER_SHARE)
        ),
        mode=pl.Series(MODES).gather(mode),
        status=pl.Series(np.where(missed, "DNA", "Attended")),
        planned_duration_in_minutes=pl.Series(
            np.array([10, 10, 15, 20], dtype=np.int32)[rng.integers(0, 4, n)]
        ),
        model_updated_datetime=pl.Series(
            faults.recorded_days(frame["day"].to_numpy(), ctx.as_of_day, rng)
        ).cast(pl.Date),
    )
    ctx.delivery.parquet_by_year(
        "gp_appointment", faults.repeated(frame, rng), "slot_start_datetime"
    )


def _seen_by(ctx: Context, row: np.ndarray, rng: np.random.Generator) -> pl.Series:
    """The practice's number of who saw the person: mostly their usual one.

    How often differs between people and falls with how rarely they come: continuity
    is what is left of it (about half with the usual GP, GP Patient Survey 2023).
    """
    person = ctx.person(row)
    usual = person % CLINICIANS
    loyal = 0.25 + 0.5 * chance.uniform(person, ctx.seed, "loyal")
    other = rng.integers(0, CLINICIANS, len(row))
    number = np.where(rng.random(len(row)) < loyal, usual, other)
    return pl.format("H{}", pl.Series(number.astype(np.int32)))
