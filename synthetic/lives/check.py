"""What the simulation came to, beside what is published."""

from datetime import date

import numpy as np
import polars as pl

from synthetic.lives import EVERY, Chunk, Lives, calibration

YEAR_DAYS = 365.25
# Emergency admissions and deaths per 1,000 of all ages, England 2022-23 and 2022.
PUBLISHED_RATES = {"emergency_admissions": 108.0, "deaths": 9.9}


def report(lives: Lives, activity: pl.DataFrame) -> str:
    """Tables for people to read: the simulated beside the published.

    activity: as `synthetic.clinical_feeds.check.activity` gives it.
    """
    parts = [prevalence(lives), rates(lives), by_age(lives), calibration_of(lives)]
    parts.append(activity)
    with pl.Config(tbl_rows=80, tbl_hide_dataframe_shape=True, float_precision=2):
        return "\n".join(str(part) for part in parts)


def prevalence(lives: Lives) -> pl.DataFrame:
    """condition, from_age_years, published and achieved percent of the living."""
    day = _number(lives.window[1])
    counts = {key: [0, 0] for key in (*EVERY, "palliative_care")}
    ages = dict(
        calibration.table("published").select("condition", "from_age_years").iter_rows()
    )
    for chunk in lives.chunks:
        here = _here(chunk, day)
        age = chunk.traits.age_at(day)
        onset = np.column_stack([chunk.every, chunk.palliative])
        for i, key in enumerate(counts):
            who = here & (age >= ages[key])
            counts[key][0] += int((onset[who, i] <= day).sum())
            counts[key][1] += int(who.sum())
    found = pl.DataFrame(
        {
            "condition": list(counts),
            "achieved": [100 * has / max(all_, 1) for has, all_ in counts.values()],
        }
    )
    return (
        calibration.table("published")
        .select("condition", "from_age_years", "percent")
        .join(found, on="condition")
    )


def rates(lives: Lives) -> pl.DataFrame:
    """Emergency admissions and deaths per 1,000 person-years in the last year."""
    day = _number(lives.window[1])
    years = events = 0.0
    for chunk in lives.chunks:
        years += _years(chunk, day - 365, day).sum()
        events += chunk.spells.filter(pl.col("admitted") > day - 365).height
    deaths = lives.deaths.filter(pl.col("died_on").cast(pl.Int32) > day - 365).height
    return pl.DataFrame(
        {
            "measure": list(PUBLISHED_RATES),
            "published": list(PUBLISHED_RATES.values()),
            "achieved": [1000 * events / years, 1000 * deaths / years],
        }
    )


def by_age(lives: Lives) -> pl.DataFrame:
    """Target and achieved rates per 1,000, and years lived, by age of rates.csv."""
    knots = calibration.ages_of(calibration.table("rates"))
    edges = (knots[1:] + knots[:-1]) / 2
    start, end = (_number(day) for day in lives.window)
    total = np.zeros((len(knots), 5))
    last = lives.chunks[-1]
    died = np.zeros(last.first + len(last.traits), dtype=np.int32)
    died[lives.deaths["person"].to_numpy()] = lives.deaths["died_on"].cast(pl.Int32)
    for chunk in lives.chunks:
        for from_ in range(start, end - 364, 365):
            years = _years(chunk, from_, from_ + 365)
            age = chunk.traits.age_at(from_ + 182)
            band = np.digitize(age, edges)
            spells = chunk.spells.filter(
                pl.col("admitted").is_between(from_, from_ + 364)
            )
            row = spells["row"].to_numpy()
            male = chunk.traits.male
            total[:, 0] += np.bincount(band, years, len(knots))
            total[:, 1] += np.bincount(band[row], minlength=len(knots))
            dies = died[chunk.traits.person]
            gone = (dies >= from_) & (dies < from_ + 365)
            total[:, 2] += np.bincount(band[gone], minlength=len(knots))
            for column, measure in ((3, "emergency_per_1000"), (4, "deaths_per_1000")):
                rate = calibration.rate(measure, age, male)
                total[:, column] += np.bincount(band, years * rate, len(knots))
    y = np.maximum(total[:, 0], 1e-9) / 1000
    return pl.DataFrame(
        {
            "age": knots,
            "years": total[:, 0],
            "emergency": total[:, 1] / y,
            "emergency_target": total[:, 3] / y,
            "deaths": total[:, 2] / y,
            "deaths_target": total[:, 4] / y,
        }
    )


def calibration_of(lives: Lives) -> pl.DataFrame:
    """True probability a year ago against who was then admitted, by fifth of it."""
    as_of = lives.hazards["as_of"].unique().sort()[-2]
    day = _number(as_of)
    admitted = pl.concat(
        chunk.spells.filter(pl.col("admitted").is_between(day, day + 364)).select(
            person=pl.col("row") + chunk.first
        )
        for chunk in lives.chunks
    ).unique()
    return (
        lives.hazards.filter(pl.col("as_of") == as_of)
        .with_columns(
            happened=pl.col("person").is_in(admitted["person"].implode()),
            fifth=pl.col("emergency_admission_12m").rank("ordinal") * 5 / pl.len(),
        )
        .group_by(pl.col("fifth").ceil().cast(pl.Int8).cast(pl.String))
        .agg(
            pl.col("emergency_admission_12m").mean().alias("expected"),
            pl.col("happened").mean().alias("observed"),
        )
        .sort("fifth")
    )


def _here(chunk: Chunk, day: int) -> np.ndarray:
    return (chunk.here_from <= day) & (chunk.here_to >= day)


def _years(chunk: Chunk, from_: int, to: int) -> np.ndarray:
    overlap = np.minimum(chunk.here_to, to) - np.maximum(chunk.here_from, from_)
    return overlap.clip(0) / YEAR_DAYS


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
