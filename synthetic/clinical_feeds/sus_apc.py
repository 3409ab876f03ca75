"""SUS admitted patient care: one row per episode, spells of one or more episodes.

Layout: the SUS APC extract with the identifiers of the HES data dictionary.
"""

import numpy as np
import polars as pl

from synthetic.clinical_feeds import faults
from synthetic.clinical_feeds.context import Context
from synthetic.clinical_feeds.delivery import financial_year
from synthetic.clinical_feeds.gp_codes import CODES
from synthetic.clinical_feeds.hospital_spells import BIRTH, MATERNITY, condition_codes
from synthetic.clinical_feeds.identities import identified
from synthetic.lives import EVERY
from synthetic.lives.frailty import deficit_share

DIAGNOSES, PROCEDURES = 20, 24
# Codes that go with frailty (the Hospital Frailty Risk Score looks for them), with
# their chance at a share of deficits of 0.30 in an emergency spell.
FRAIL_CODES = {
    "R54X": 0.10, "R268": 0.14, "R296": 0.16, "R32X": 0.09, "Z740": 0.07,
    "L899": 0.07, "E86X": 0.12, "N179": 0.16, "F059": 0.09, "R410": 0.10,
    "Z602": 0.06, "E875": 0.07, "I951": 0.07, "N390": 0.12, "K590": 0.10,
    "Z501": 0.05, "B962": 0.05, "Z867": 0.08, "H919": 0.05, "D649": 0.08,
}  # fmt: skip
OTHER_CODES = {"Z720": 0.15, "Z921": 0.08, "Z864": 0.10, "R69X": 0.01}


def write_apc(ctx: Context, spells: pl.DataFrame) -> None:
    """Write one chunk's admitted episodes, one file per trust and financial year."""
    rng = ctx.rng("apc")
    spells = _diagnosed(ctx, spells, rng)
    episodes = _episodes(ctx, spells, rng)
    trusts = ctx.world.trusts_of("acute")
    for (number,), part in episodes.group_by("trust", maintain_order=True):
        frame = _layout(ctx, identified(ctx, part, trusts[number], rng), rng)
        for (year,), rows in frame.group_by("_year", maintain_order=True):
            ctx.delivery.csv(
                "sus_apc",
                f"{trusts[number]}_{year}",
                faults.repeated(rows.drop("_year"), rng),
            )


def _diagnosed(
    ctx: Context, spells: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """Add DIAG_01..DIAG_20: the reason first, then what else the person has."""
    row, day = spells["row"].to_numpy(), spells["admitted"].to_numpy()
    n = len(row)
    emergency = (spells["reason"] >= 0).to_numpy()
    newborn = (spells["method"] == BIRTH).to_numpy()
    onset = ctx.chunk.every[row]
    age = (day - ctx.chunk.traits.born[row]) / 365.25
    frail = deficit_share(
        ctx.chunk.traits,
        ctx.chunk.traits.age_at(ctx.as_of_day),
        (ctx.chunk.onset <= ctx.as_of_day).sum(axis=1),
    )[row]
    columns: list[np.ndarray] = []
    present: list[np.ndarray] = []
    recorded = np.where(emergency, 1.0, 0.75)
    codes = condition_codes(ctx)
    table = pl.read_csv(CODES / "icd10.csv")
    for key, share in table.select("condition", "share").iter_rows():
        if key == "palliative_care":
            columns.append(np.full(n, "Z515"))
            present.append((ctx.chunk.palliative[row] <= day) & (rng.random(n) < share))
            continue
        has = onset[:, EVERY.index(key)] <= day
        columns.append(codes[key][row])
        present.append(has & (rng.random(n) < share * recorded))
    near = np.where(age >= 60, (frail / 0.30) ** 1.6, 0.05).clip(0, 3)
    near = near * np.where(emergency, 1.0, 0.2) * ~newborn
    for code, chance_of in FRAIL_CODES.items():
        columns.append(np.full(n, code))
        present.append(rng.random(n) < chance_of * near)
    for code, chance_of in OTHER_CODES.items():
        columns.append(np.full(n, code))
        present.append((rng.random(n) < chance_of) & (age >= 18))
    delivery = (spells["method"] == MATERNITY).to_numpy()
    columns.append(np.full(n, "Z370"))
    present.append(delivery)
    names = np.array(sorted({c for column in columns for c in np.unique(column)}))
    has = np.column_stack(present)
    which = np.column_stack([np.searchsorted(names, column) for column in columns])
    # The primary diagnosis is not repeated as a secondary one.
    primary = spells["icd10"].to_numpy()
    has &= names[which] != primary[:, None]
    place = has.cumsum(axis=1)
    table_ = np.full((n, DIAGNOSES - 1), -1, dtype=np.int16)
    at, column = np.nonzero(has & (place < DIAGNOSES))
    table_[at, place[at, column] - 1] = which[at, column]
    texts = pl.Series(names)
    first = faults.some_replaced(
        spells["icd10"], faults.UNKNOWN_ICD10, faults.UNKNOWN_CODE, rng
    )
    secondary = {}
    for i in range(DIAGNOSES - 1):
        index = pl.Series(table_[:, i])
        secondary[f"DIAG_{i + 2:02d}"] = texts.gather(
            pl.select(pl.when(index >= 0).then(index)).to_series()
        )
    return spells.with_columns(first.alias("DIAG_01"), **secondary)


def _episodes(
    ctx: Context, spells: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """Cut longer spells into two or three episodes under different consultants."""
    stay = (spells["discharged"] - spells["admitted"]).to_numpy()
    n = len(stay)
    number = (
        1
        + ((stay >= 2) & (rng.random(n) < 0.4))
        + ((stay >= 6) & (rng.random(n) < 0.3))
    )
    spell = np.repeat(np.arange(n), number)
    order = np.arange(len(spell)) - np.repeat(np.cumsum(number) - number, number)
    start = spells["admitted"].to_numpy()[spell]
    length = stay[spell]
    cut = np.array([0.0, 0.25, 0.65, 1.0])
    many = number[spell]
    begin = start + np.where(order == 0, 0, np.floor(length * cut[order])).astype(int)
    end = np.where(
        order == many - 1, start + length, start + np.floor(length * cut[order + 1])
    )
    frame = spells[spell].with_columns(
        order=pl.Series((order + 1).astype(np.int8)),
        last=pl.Series(order == many - 1),
        begun=pl.Series(begin.astype(np.int32)),
        ended=pl.Series(end.astype(np.int32)),
    )
    # Episodes that begin after as_of have not happened yet.
    return frame.filter(pl.col("begun") <= ctx.as_of_day)


def _layout(
    ctx: Context, frame: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """The columns of the published layout, in order, and `_year` to file by."""
    as_of = ctx.as_of_day
    day = pl.col("discharged")
    open_ = pl.col("discharged") > as_of
    ended = pl.col("ended") <= as_of
    n = frame.height
    number = ctx.delivery.numbers("episode", n)
    home = pl.Series(ctx.chunk.traits.care_home[frame["row"].to_numpy()])
    seen = np.minimum(frame["ended"].to_numpy(), as_of)
    loaded = faults.recorded_days(seen + 20, as_of, rng)
    admitted = _as_text(
        faults.impossible_days(
            frame["admitted"].to_numpy(),
            ctx.chunk.traits.born[frame["row"].to_numpy()],
            rng,
        )
    )
    admitted = faults.some_replaced(
        admitted, faults.IMPOSSIBLE_TEXT, faults.IMPOSSIBLE, rng
    )
    died = pl.col("died") & ~open_
    columns = {
        "EPIKEY": pl.Series(500_000_000_000 + number).cast(pl.String),
        "SUSRECID": pl.Series(700_000_000_000 + number).cast(pl.String),
        "SUSSPELLID": (pl.col("spell") + 900_000_000_000).cast(pl.String),
        "PROVSPNOPS": pl.format("SP{}", "spell"),
        "PROCODE": "source",
        "LOPATID": "local_id",
        "NEWNHSNO": "nhs_number",
        "DOB": "born_on",
        "SEX": "sex",
        "HOMEADD": "postcode",
        "ETHNOS": "ethnicity",
        "GPPRAC": "practice_code",
        "ADMIDATE": admitted,
        "ADMIMETH": "method",
        "ADMISORC": pl.when(home).then(pl.lit("54")).otherwise(pl.lit("19")),
        "CLASSPAT": pl.when("day_case")
        .then(pl.lit("2"))
        .when(pl.col("method") == MATERNITY)
        .then(pl.lit("5"))
        .otherwise(pl.lit("1")),
        "EPISTART": pl.col("begun").cast(pl.Date),
        "EPIEND": pl.when(ended).then(pl.col("ended").cast(pl.Date)),
        "EPIORDER": pl.col("order"),
        "EPISTAT": pl.when(ended).then(pl.lit("3")).otherwise(pl.lit("1")),
        "EPITYPE": pl.when(pl.col("method") == MATERNITY)
        .then(pl.lit("2"))
        .when(pl.col("method") == BIRTH)
        .then(pl.lit("3"))
        .otherwise(pl.lit("1")),
        "DISDATE": pl.when(~open_).then(day.cast(pl.Date)),
        "DISDEST": pl.when(open_)
        .then(None)
        .when(died)
        .then(pl.lit("79"))
        .when(home)
        .then(pl.lit("85"))
        .otherwise(pl.lit("19")),
        "DISMETH": pl.when(open_)
        .then(None)
        .when(died)
        .then(pl.lit("4"))
        .otherwise(pl.lit("1")),
        "MAINSPEF": "specialty",
        "TRETSPEF": "specialty",
        **{f"DIAG_{i:02d}": f"DIAG_{i:02d}" for i in range(1, DIAGNOSES + 1)},
        "OPERTN_01": pl.when(pl.col("order") == 1).then("opcs4"),
        **{
            f"OPERTN_{i:02d}": pl.lit(None, dtype=pl.String)
            for i in range(2, PROCEDURES + 1)
        },
        "OPDATE_01": pl.when(
            (pl.col("order") == 1) & pl.col("opcs4").is_not_null()
        ).then(pl.col("admitted").cast(pl.Date)),
        "OPDATE_02": pl.lit(None, dtype=pl.String),
        "OPDATE_03": pl.lit(None, dtype=pl.String),
        "SUSHRG": "hrg",
        "SUSLDDATE": pl.Series(loaded).cast(pl.Date),
        "_year": financial_year(pl.Series(seen.astype(np.int32)).cast(pl.Date)),
    }
    return frame.with_columns(
        **{
            name: pl.col(what) if isinstance(what, str) else what
            for name, what in columns.items()
        }
    ).select(list(columns))


def _as_text(day: np.ndarray) -> pl.Series:
    return pl.Series(day.astype(np.int32)).cast(pl.Date).cast(pl.String)
