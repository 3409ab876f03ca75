"""Diagnoses in the GP journal: true, unusual, and those that must not count."""

import numpy as np
import polars as pl

from synthetic.clinical_feeds.context import Context
from synthetic.clinical_feeds.gp_codes import diagnoses, pick, rows
from synthetic.lives import EVERY, FAR, KEYS

# Of true cases: known to hospitals only, or journalled with one unusual code only.
HOSPITAL_ONLY, UNUSUAL_ONLY = 0.012, 0.015
SEEN_IN_HOSPITAL = frozenset(
    [
        "coronary_heart_disease",
        "heart_failure",
        "stroke_tia",
        "atrial_fibrillation",
        "copd",
        "cancer",
        "dementia",
        "chronic_liver_disease",
        "parkinsons",
        "peripheral_arterial_disease",
    ]
)
CODED_AGAIN = 0.35
# Seen again in these years at the latest: QOF counts these conditions only if coded
# since (cancer 2003, depression 2006), and care goes on for those who still have them.
CODED_SINCE_DAY = 13_300  # 2006-06-01
CODED_SINCE = ("cancer", "depression")
# Misdiagnoses later withdrawn by a resolved code, of all people.
WITHDRAWN = {
    "asthma": 0.012,
    "depression": 0.010,
    "diabetes_type2": 0.0012,
    "copd": 0.001,
    "chronic_kidney_disease": 0.0015,
    "heart_failure": 0.0006,
    "epilepsy": 0.0006,
}
# Diagnoses that are wrong and never withdrawn, per true case.
MISTAKEN = 0.012
SLOW_TO_CODE_DAYS = 40.0


def coding_of(ctx: Context) -> pl.DataFrame:
    """One row per true case: row, condition, onset (day), how, first_coded (day).

    how: "usual", "unusual" or "hospital"; first_coded is FAR where the journal has no
    code by the end of the person's time here.
    """
    rng = ctx.rng("coding")
    onset = np.column_stack([ctx.chunk.every, ctx.chunk.palliative])
    row, what = np.nonzero(onset <= ctx.chunk.here_to[:, None])
    keys = pl.Series([*EVERY, "palliative_care"]).gather(what)
    luck = rng.random(len(row))
    hospital = keys.is_in(list(SEEN_IN_HOSPITAL)).to_numpy() & (luck < HOSPITAL_ONLY)
    has_unusual = keys.is_in(
        diagnoses("unusual")["condition"].unique().to_list()
    ).to_numpy()
    unusual = has_unusual & ~hospital & (luck > 1 - UNUSUAL_ONLY)
    day = onset[row, what]
    wait = rng.exponential(SLOW_TO_CODE_DAYS, len(row)).astype(np.int32)
    wait = np.where(keys == "palliative_care", wait // 15, wait)
    coded = day + wait
    missing = hospital | (coded > ctx.chunk.here_to[row])
    return pl.DataFrame(
        {
            "row": row.astype(np.int32),
            "condition": keys,
            "onset": day.astype(np.int32),
            "how": np.where(
                hospital, "hospital", np.where(unusual, "unusual", "usual")
            ),
            "first_coded": np.where(missing, FAR, coded).astype(np.int32),
        }
    )


def diagnosis_rows(ctx: Context, coding: pl.DataFrame) -> list[pl.DataFrame]:
    """Journal rows of diagnoses."""
    rng = ctx.rng("diagnoses")
    out = []
    journalled = coding.filter(pl.col("first_coded") < FAR)
    for (condition, how), part in journalled.group_by(
        "condition", "how", maintain_order=True
    ):
        codes = diagnoses(how).filter(pl.col("condition") == condition)
        row, day = part["row"].to_numpy(), part["first_coded"].to_numpy()
        out.append(rows(row, day, pick(codes, len(row), rng)))
        old = (day < CODED_SINCE_DAY) & (condition in CODED_SINCE)
        again = (rng.random(len(row)) < CODED_AGAIN) | old
        since = np.where(old, CODED_SINCE_DAY, day)
        left = ctx.chunk.here_to[row] - since
        later = since + (rng.random(len(row)) * left).astype(np.int32)
        out.append(rows(row[again], later[again], pick(codes, again.sum(), rng)))
    return [
        *out,
        *_misleading(ctx, rng),
        *_withdrawn(ctx, rng),
        *_mistaken(ctx, rng),
    ]


def _mistaken(ctx: Context, rng: np.random.Generator) -> list[pl.DataFrame]:
    """Diagnoses of adults who never had the condition, believed to this day."""
    out = []
    adult = ctx.chunk.traits.age_at(ctx.start_day) >= 20
    for number, condition in enumerate(EVERY):
        if condition == "obesity":  # measured, so not mistaken
            continue
        has_it = ctx.chunk.every[:, number] <= ctx.chunk.here_to
        never = adult & (ctx.chunk.every[:, number] == FAR)
        likely = MISTAKEN * has_it.sum() / max(never.sum(), 1)
        row = np.flatnonzero(never & (rng.random(len(never)) < likely))
        codes = diagnoses("usual").filter(pl.col("condition") == condition)
        since = ctx.start_day - 3650
        span = (ctx.chunk.here_to[row] - since).clip(1)
        day = since + (rng.random(len(row)) * span).astype(np.int32)
        out.append(rows(row, day, pick(codes, len(row), rng)))
    return out


def _misleading(ctx: Context, rng: np.random.Generator) -> list[pl.DataFrame]:
    """Family history, screening, suspected and neighbouring diagnoses."""
    out = []
    adult = ctx.chunk.traits.age_at(ctx.as_of_day) >= 18
    male = ctx.chunk.traits.male
    for condition, code, _, share in diagnoses("misleading").iter_rows():
        true = ctx.chunk.onset[:, KEYS.index(condition)] < FAR
        likely = np.where(true, 1.5, 1.0) * share * adult
        if code == "11687002":  # gestational diabetes
            likely = likely * ~male * 2
        row = np.flatnonzero(rng.random(len(likely)) < likely)
        out.append(_any_day(ctx, row, code, rng))
    return out


def _any_day(
    ctx: Context, row: np.ndarray, code: str, rng: np.random.Generator
) -> pl.DataFrame:
    """A code on some day between ten years before the window and the person's end."""
    end = ctx.chunk.here_to[row]
    begin = np.maximum(ctx.chunk.traits.born[row], ctx.start_day - 3650)
    day = begin + (rng.random(len(row)) * (end - begin).clip(0)).astype(np.int32)
    return rows(row, day, code)


def _withdrawn(ctx: Context, rng: np.random.Generator) -> list[pl.DataFrame]:
    """Diagnoses of people who never had the condition, resolved later."""
    out = []
    age = ctx.chunk.traits.age_at(ctx.start_day)
    for condition, share in WITHDRAWN.items():
        never = (ctx.chunk.onset[:, KEYS.index(condition)] == FAR) & (age > 20)
        row = np.flatnonzero(never & (rng.random(len(never)) < share))
        end = ctx.chunk.here_to[row]
        first = ctx.start_day - (rng.random(len(row)) * 1800).astype(np.int32)
        latest = np.minimum(end - 30, first + 2500)
        fine = latest > first
        row, first, latest = row[fine], first[fine], latest[fine]
        span = latest - first
        resolved = first + 30 + (rng.random(len(row)) * (span - 1)).astype(np.int32)
        usual = diagnoses("usual").filter(pl.col("condition") == condition)
        ends = diagnoses("resolved").filter(pl.col("condition") == condition)
        out.append(rows(row, first, pick(usual, len(row), rng)))
        out.append(rows(row, resolved, pick(ends, len(row), rng)))
    return out
