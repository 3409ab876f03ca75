"""Care in the GP journal: frailty, deficits, reviews, vaccines, consents, symptoms."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context, Year, day_number
from synthetic.clinical_feeds.gp_codes import rows
from synthetic.lives import FAR
from synthetic.lives.frailty import MILD, MODERATE, SEVERE

FRAILTY_CODES = ("925791000000100", "925831000000107", "925861000000102")
PROGRAMME_CODE = "823581000000101"  # Multidisciplinary care plan
TYPE_1, TYPE_1_WITHDRAWN = "827241000000103", "827261000000102"
CARE_HOME = "160734000"
# code: yearly rate at a deficit share of 0.30, from 60 years of age.
DEFICITS = {
    "161898004": 0.16,  # falls
    "8510008": 0.12,  # reduced mobility
    "160689007": 0.10,  # housebound
    "89362005": 0.05,  # weight loss
    "165232002": 0.07,  # urinary incontinence
    "404640003": 0.08,  # dizziness
    "301345002": 0.05,  # difficulty sleeping
    "105529008": 0.06,  # lives alone
    "15188001": 0.05,  # hearing loss
    "271737000": 0.04,  # anaemia
    "23986001": 0.03,  # glaucoma
    "95344007": 0.03,  # ulcer of lower limb
    "28651003": 0.03,  # orthostatic hypotension
    "60845006": 0.06,  # breathless on exertion
    "184156005": 0.10,  # has a caregiver
}
# Symptoms and minor illness: in no register, common in every journal.
SYMPTOMS = [
    "49727002",
    "25064002",
    "54150009",
    "21522001",
    "68235000",
    "422587007",
    "62315008",
    "271807003",
    "84229001",
    "68962001",
    "14760008",
    "43116000",
]
REVIEWS = {"asthma": "394700004", "copd": "394703002", "depression": "413972000"}
# Two codes are in use for the same jab.
FLU, FLU_ALSO, COVID = "86198006", "822851000000102", "1324681000000101"
LD_CHECK = "199751000000100"
CARER = "224484003"


def care_rows(ctx: Context, year: Year) -> list[pl.DataFrame]:
    """Journal rows of one year's care."""
    rng = ctx.rng("care", year.from_day)
    return [
        *_frailty(ctx, year, rng),
        *_reviews(ctx, year, rng),
        *_vaccines(ctx, year, rng),
        *_symptoms(ctx, year, rng),
    ]


def once_rows(ctx: Context) -> list[pl.DataFrame]:
    """Journal rows that come once: programme, consents, carers, care homes."""
    rng = ctx.rng("once")
    chunk, persons = ctx.chunk, ctx.persons
    enrolled = np.flatnonzero(chunk.enrolled <= chunk.here_to)
    out = [rows(enrolled, chunk.enrolled[enrolled], PROGRAMME_CODE)]
    opted = persons["type1_opt_out_on"].cast(pl.Int32).fill_null(FAR).to_numpy()
    row = np.flatnonzero(opted <= chunk.here_to)
    out.append(rows(row, opted[row], TYPE_1))
    back = row[rng.random(len(row)) < 0.06]
    end = chunk.here_to[back]
    later = opted[back] + (rng.random(len(back)) * (end - opted[back])).astype(int)
    out.append(rows(back, later, TYPE_1_WITHDRAWN))
    age = chunk.traits.age_at(ctx.as_of_day)
    carer = np.flatnonzero((age > 18) & (rng.random(len(age)) < 0.022))
    out.append(_sometime(ctx, carer, CARER, rng))
    home = chunk.traits.care_home & (rng.random(len(age)) < 0.85)
    out.append(_sometime(ctx, np.flatnonzero(home), CARE_HOME, rng))
    return out


def _sometime(
    ctx: Context, row: np.ndarray, code: str, rng: np.random.Generator
) -> pl.DataFrame:
    begin, end = ctx.chunk.here_from[row], ctx.chunk.here_to[row]
    day = begin + (rng.random(len(row)) * (end - begin).clip(0)).astype(np.int32)
    return rows(row, day, code)


def _frailty(ctx: Context, year: Year, rng: np.random.Generator) -> list[pl.DataFrame]:
    """Frailty is assessed from 65 on, where the practice codes it at all."""
    frail = year.frailty
    rate = np.where(year.age >= 65, 0.25 + 0.9 * (frail >= MODERATE), 0.0)
    row, day = ctx.happen(year, rate * ctx.coding["frailty"], rng)
    # What the clinician sees is near the truth, not equal to it.
    seen = frail[row] * np.exp(0.10 * rng.standard_normal(len(row)))
    level = np.digitize(seen, [MILD, MODERATE, SEVERE]) - 1
    named = level >= 0
    out = [rows(row[named], day[named], pl.Series(FRAILTY_CODES).gather(level[named]))]
    near = np.where(year.age >= 60, (frail / 0.30) ** 1.7, 0.0).clip(0, 4)
    for code, rate_at_030 in DEFICITS.items():
        out.append(rows(*ctx.happen(year, near * rate_at_030, rng), code))
    return out


def _reviews(ctx: Context, year: Year, rng: np.random.Generator) -> list[pl.DataFrame]:
    out = [
        rows(*ctx.happen(year, 0.7 * year.with_(key), rng), code)
        for key, code in REVIEWS.items()
    ]
    # 75% of people of 14 and over with a learning disability (NHS England, 2023).
    disability = year.with_("learning_disability") & (year.age >= 14)
    out.append(rows(*ctx.happen(year, 0.75 * disability, rng), LD_CHECK))
    rate = np.where(year.conditions >= 2, 0.7, 0.25 * (year.conditions == 1))
    out.append(rows(*ctx.happen(year, rate, rng), "314530002"))
    return out


def _vaccines(ctx: Context, year: Year, rng: np.random.Generator) -> list[pl.DataFrame]:
    """Flu in autumn: 79% of 65 and over, 45% of those at risk (UKHSA 2022-23)."""
    share = np.where(year.age >= 65, 0.79, 0.42 * (year.conditions >= 1))
    out = []
    first = date(1970, 1, 1) + timedelta(days=year.from_day)
    autumn = date(first.year + (first.month > 10), 10, 1)
    for code, chance_of in (
        (FLU, 0.9 * share),
        (FLU_ALSO, 0.1 * share),
        (COVID, share * (year.age >= 70) * 0.85),
    ):
        row = np.flatnonzero(rng.random(len(share)) < chance_of)
        day = day_number(autumn) + rng.integers(0, 75, len(row))
        here = (ctx.chunk.here_from[row] <= day) & (day <= ctx.chunk.here_to[row])
        out.append(rows(row[here], day[here], code))
    return out


def _symptoms(ctx: Context, year: Year, rng: np.random.Generator) -> list[pl.DataFrame]:
    row, day = ctx.happen(year, 0.35 + 0.12 * year.conditions, rng)
    code = pl.Series(SYMPTOMS).gather(rng.integers(0, len(SYMPTOMS), len(row)))
    return [rows(row, day, code)]
