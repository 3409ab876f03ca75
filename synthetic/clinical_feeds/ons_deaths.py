"""Deaths as ONS registers them: the flow that arrives already pseudonymised."""

import numpy as np
import polars as pl

from synthetic import chance
from synthetic.clinical_feeds.delivery import Delivery, financial_year
from synthetic.geography import World
from synthetic.lives import Lives
from synthetic.nhs_numbers import dscro_tokens
from synthetic.people import People

# Deaths abroad and inquests still open never reach the file in time.
REGISTERED = 0.985
MISSING_TOKEN = 0.01
PLACE_TYPE = {
    "hospital": "1", "care_home": "4", "hospice": "3", "own_home": "H",
    "elsewhere": "E",
}  # fmt: skip
CONTRIBUTING = ("I10X", "E119", "N189", "J449", "F03X", "I259", "R54X")


def write_deaths(
    delivery: Delivery, lives: Lives, people: People, world: World, seed: int
) -> None:
    """Write one file per financial year of registration (up to as_of)."""
    rng = chance.rng_for(seed, "ons deaths")
    deaths = lives.deaths.sort("died_on", "person")
    n = deaths.height
    wait = (rng.gamma(2.0, 3.5, n) + 1).astype(int)
    wait = np.where(rng.random(n) < 0.05, rng.integers(30, 300, n), wait)
    registered = deaths["died_on"].cast(pl.Int32) + pl.Series(wait)
    frame = deaths.with_columns(registered=registered.cast(pl.Int32).cast(pl.Date))
    frame = frame.filter(
        (pl.col("registered") <= lives.window[1])
        & pl.Series(rng.random(n) < REGISTERED)
    ).join(
        people.persons.select(
            "person", "nhs_number", "sex", "born_on", "lsoa_code", "practice_code"
        ),
        on="person",
        how="left",
        maintain_order="left",
    )
    n = frame.height
    nothing = pl.Series(rng.random(n) < MISSING_TOKEN)
    age = (pl.col("died_on") - pl.col("born_on")).dt.total_days() // 365.25
    more = [
        pl.Series([*CONTRIBUTING, None]).gather(rng.choice(8, n, p=[0.08] * 7 + [0.44]))
        for _ in range(4)
    ]
    known = [row["trust_code"] for row in world.trusts.iter_rows(named=True)]
    rows = frame.select(
        pl.when(~nothing)
        .then(dscro_tokens(frame["nhs_number"], seed))
        .alias("Pseudo NHS Number"),
        DEC_SEX=pl.col("sex").replace_strict({"M": "1", "F": "2"}),
        DEC_AGEC=age.cast(pl.Int32),
        REG_DATE_OF_DEATH="died_on",
        REG_DATE="registered",
        REG_ENTRY_NUMBER=pl.Series(np.arange(1, n + 1)),
        REG_DISTRICT_CODE=pl.lit("800"),
        S_UNDERLYING_COD_ICD10="cause_icd10",
        S_COD_CODE_1="cause_icd10",
        S_COD_CODE_2=more[0],
        S_COD_CODE_3=more[1],
        S_COD_CODE_4=more[2],
        S_COD_CODE_5=more[3],
        POD_NHS_ESTABLISHMENT=pl.when(pl.col("place") == "hospital").then(
            pl.lit(known[0])
        ),
        POD_ESTABLISHMENT_TYPE=pl.col("place").replace_strict(PLACE_TYPE),
        LSOA_OF_RESIDENCE_CODE="lsoa_code",
        GP_PRACTICE_CODE="practice_code",
        _year=financial_year(pl.col("registered")),
    )
    for (of,), part in rows.group_by("_year", maintain_order=True):
        delivery.csv("ons_deaths", of, part.drop("_year"))
