"""Circumstances in the GP journal: work, housing, company, inclusion health."""

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context
from synthetic.clinical_feeds.gp_codes import rows

# Most over least deprived fifth, for what goes with poverty.
STEEP = np.array([2.1, 1.3, 0.8, 0.5, 0.3])
LEVEL = np.ones(5)
# code: share of people of the ages who have it recorded, ages, gradient. Shares of
# people: homeless 309,000 of England (Shelter 2023); Gypsy or Irish Traveller 0.1% and
# Roma 0.2% (Census 2021); asylum applicants 0.15% and refugees 0.35% (Home Office and
# UNHCR 2023); unemployed 4% of 16 to 64 (ONS 2023). What practices record of it, and
# the rest, are assumptions: about half, and less for what people do not tell.
CIRCUMSTANCES = {
    "32911000": (0.003, 16, 75, STEEP),  # homeless
    "976671000000104": (0.0015, 0, 110, STEEP),  # Gypsy or Irish Traveller
    "390790000": (0.0012, 0, 70, STEEP),  # asylum seeker
    "446654005": (0.0020, 0, 80, STEEP),  # refugee
    "266948004": (0.006, 16, 70, STEEP),  # criminal record
    "159799000": (0.0006, 18, 50, STEEP),  # sex work
    "422650009": (0.012, 40, 110, STEEP),  # social isolation
    "105531004": (0.008, 0, 110, STEEP),  # housing unsatisfactory
    "73438004": (0.020, 16, 65, STEEP),  # unemployed
    "160903007": (0.200, 18, 66, LEVEL),  # full-time employment
    "160904001": (0.070, 18, 66, LEVEL),  # part-time employed
}
# Practices ask about circumstances again and again: the row is of these years.
LATEST_YEARS = 4.5


def social_rows(ctx: Context) -> list[pl.DataFrame]:
    """One journal row per circumstance that is recorded, in the latest years."""
    rng = ctx.rng("social facts")
    traits = ctx.chunk.traits
    age = traits.age_at(ctx.as_of_day)
    out = []
    for code, (share, youngest, oldest, gradient) in CIRCUMSTANCES.items():
        may = (age >= youngest) & (age < oldest)
        likely = share * gradient[traits.fifth - 1] * may
        row = np.flatnonzero(rng.random(len(age)) < likely)
        end = ctx.chunk.here_to[row]
        begin = np.maximum(ctx.chunk.here_from[row], end - int(365 * LATEST_YEARS))
        day = begin + (rng.random(len(row)) * (end - begin).clip(0)).astype(np.int32)
        out.append(rows(row, day, code))
    return out
