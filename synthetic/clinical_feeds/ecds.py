"""Emergency care: attendances that led to a bed, and those that did not.

Layout: the Emergency Care Data Set extract. SNOMED CT codes are of the ECDS reference
sets (ECDS ETOS 4).
"""

import numpy as np
import polars as pl

from synthetic.clinical_feeds import faults
from synthetic.clinical_feeds.context import Context, Year
from synthetic.clinical_feeds.delivery import financial_year
from synthetic.clinical_feeds.identities import identified
from synthetic.lives import calibration
from synthetic.lives.spells import reasons

AMBULANCE, OWN_TRANSPORT = "1048031000000100", "1048071000000103"
ACUITY = (
    "1064891000000107",  # immediate
    "1064911000000105",  # very urgent
    "1064901000000103",  # urgent
    "1077241000000103",  # standard
    "1077251000000100",  # low
)
TREATED, HOME, WARD = "182992009", "306689006", "306706006"
# Minor complaints of people who go home: chief complaint and diagnosis.
MINOR = (
    ("82271004", "82271004"),  # injury of head
    ("125605004", "125605004"),  # fracture
    ("283545005", "312608009"),  # wound, laceration
    ("21522001", "21522001"),  # abdominal pain
    ("29857009", "29857009"),  # chest pain
    ("386661006", "34014006"),  # fever, viral disease
    ("161898004", "161898004"),  # falls
    ("267036007", "50417007"),  # breathlessness, chest infection
    ("62315008", "25374005"),  # diarrhoea, gastroenteritis
    ("248062006", "248062006"),  # self-harm
    ("25064002", "25064002"),  # headache
)
URGENT_TREATMENT_CENTRE = 0.38
# Tariffs 2023-25 for emergency medicine, rounded (pounds).
PRICES = {"VB04Z": 330, "VB06Z": 210, "VB08Z": 165, "VB11Z": 95}
THROUGH_ED = ("21", "2A")


def write_ecds(ctx: Context, years: list[Year], spells: pl.DataFrame) -> None:
    """Write one chunk's attendances, one file per trust and financial year."""
    rng = ctx.rng("ecds")
    admitted = spells.filter(
        (pl.col("reason") >= 0) & pl.col("method").is_in(list(THROUGH_ED))
    ).select("row", "admitted", "trust", "reason", bed=pl.lit(True))
    frame = pl.concat([admitted, *[_went_home(ctx, year, rng) for year in years]])
    frame = frame.sort("row", "admitted")
    trusts = ctx.world.trusts_of("acute")
    for (number,), part in frame.group_by("trust", maintain_order=True):
        known = identified(ctx, part, trusts[number], rng)
        for (of,), rows in _layout(ctx, known, rng).group_by(
            "_year", maintain_order=True
        ):
            ctx.delivery.csv(
                "ecds",
                f"{trusts[number]}_{of}",
                faults.repeated(rows.drop("_year"), rng),
            )


def _went_home(ctx: Context, year: Year, rng: np.random.Generator) -> pl.DataFrame:
    male = ctx.chunk.traits.male
    rate = calibration.rate("emergency_care_per_1000", year.age, male)
    # About a third of attendances are admitted; those come from the spells.
    admitted = 0.7 * calibration.rate("emergency_per_1000", year.age, male)
    rate = np.maximum(rate - admitted, 0.15 * rate)
    poor = np.array([1.35, 1.15, 0.98, 0.85, 0.75])[ctx.chunk.traits.fifth - 1]
    log = 0.4 * ctx.chunk.traits.frailty + 0.25 * year.with_("severe_mental_illness")
    # The mean of a log-normal is half its variance higher.
    row, day = ctx.happen(year, rate * poor * np.exp(log - 0.08), rng)
    away = rng.random(len(row)) < 0.1
    trusts = len(ctx.world.trusts_of("acute"))
    return pl.DataFrame(
        {
            "row": row.astype(np.int32),
            "admitted": day,
            "trust": ((ctx.home_trust[row] + away) % trusts).astype(np.int8),
            "reason": rng.integers(0, len(MINOR), len(row)).astype(np.int16),
            "bed": np.zeros(len(row), dtype=bool),
        }
    )


def _layout(
    ctx: Context, frame: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    n = frame.height
    bed = frame["bed"].to_numpy()
    number = pl.Series(ctx.delivery.numbers("attendance ae", n))
    day = frame["admitted"].to_numpy()
    age = (day - ctx.chunk.traits.born[frame["row"].to_numpy()]) / 365.25
    minor_place = ~bed & (rng.random(n) < URGENT_TREATMENT_CENTRE)
    ambulance = rng.random(n) < np.where(bed, 0.45, 0.15) + 0.004 * (age - 40)
    ambulance &= ~minor_place
    sick = np.where(bed, rng.integers(0, 3, n), rng.integers(2, 5, n))
    arrived = rng.integers(0, 24 * 60, n)
    stay = (rng.gamma(2.2, 95 if n else 1, n) + 15).clip(15, 1430).astype(int)
    left = arrived + stay
    price = np.where(bed, "VB04Z", np.where(minor_place, "VB11Z", "VB08Z"))
    why, minor = _complaints(frame, bed)
    loaded = faults.recorded_days(day + 3, ctx.as_of_day, rng)
    return frame.select(
        EPIKEY=(number + 300_000_000_000).cast(pl.String),
        PROVIDER_CODE="source",
        LOCAL_PATIENT_ID="local_id",
        NHS_NUMBER="nhs_number",
        BIRTH_DATE="born_on",
        STATED_GENDER="sex",
        POSTCODE="postcode",
        ETHNIC_CATEGORY="ethnicity",
        PRACTICE_CODE_PATIENT_REGISTRATION="practice_code",
        DEPARTMENT_TYPE=pl.Series(np.where(minor_place, "03", "01")),
        ARRIVAL_DATE=pl.col("admitted").cast(pl.Date),
        ARRIVAL_TIME=_clock(arrived),
        ARRIVAL_MODE=pl.Series(np.where(ambulance, AMBULANCE, OWN_TRANSPORT)),
        ATTENDANCE_CATEGORY=pl.Series(np.where(rng.random(n) < 0.07, "2", "1")),
        ACUITY=pl.Series(ACUITY).gather(sick),
        CHIEF_COMPLAINT=why,
        DIAGNOSIS_CODE_1=faults.some_replaced(
            minor, faults.UNKNOWN_SNOMED, faults.UNKNOWN_CODE, rng
        ),
        DEPARTURE_DATE=pl.Series((day + left // 1440).astype(np.int32)).cast(pl.Date),
        DEPARTURE_TIME=_clock(left % 1440),
        DISCHARGE_STATUS=pl.lit(TREATED),
        DISCHARGE_DESTINATION=pl.Series(np.where(bed, WARD, HOME)),
        HEALTH_RESOURCE_GROUP=pl.Series(price),
        FINAL_PRICE=pl.Series(price).replace_strict(PRICES, return_dtype=pl.Int32),
        LOADED_ON=pl.Series(loaded).cast(pl.Date),
        _year=financial_year(pl.col("admitted").cast(pl.Date)),
    )


def _complaints(frame: pl.DataFrame, bed: np.ndarray) -> tuple[pl.Series, pl.Series]:
    """Chief complaint and diagnosis: of the reason for the bed, or a minor one."""
    table = reasons()
    row = frame["reason"].to_numpy()
    out = []
    for i, column in enumerate(("chief_complaint", "ec_diagnosis")):
        serious = table[column].to_numpy()[np.where(bed, row, 0)]
        small = np.array([pair[i] for pair in MINOR])[np.where(bed, 0, row)]
        out.append(pl.Series(np.where(bed, serious, small), dtype=pl.String))
    return out[0], out[1]


def _clock(minutes: np.ndarray) -> pl.Series:
    hour = pl.Series(minutes // 60).cast(pl.String).str.zfill(2)
    minute = pl.Series(minutes % 60).cast(pl.String).str.zfill(2)
    return pl.select(pl.format("{}:{}", hour, minute)).to_series()
