"""Two peers of linkage: the NHS number alone, and an MPS-like cascade.

The cascade is read from NHS England's Person_ID Handbook (cross-check, alphanumeric,
algorithmic). There is no Personal Demographics Service behind it: people are what the
NHS numbers among the records make. A record that no step places stays alone.
"""

import numpy as np
import polars as pl
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.process import cpdist

from linkage.steps.linking.prepare import INPUT, Prepared, prepare

# Step 3 scores: means of 0–100; a runner-up within these points refuses the best.
CLEAR_POINTS = 5.0
MOST_CANDIDATES = 50


def by_number(records: pl.DataFrame) -> pl.DataFrame:
    """record_id, cluster_id: equal valid NHS numbers, and nothing else."""
    rows = prepare(records.select(INPUT)).rows
    alone = pl.when(pl.col("nhs").is_null()).then(-pl.col("row").cast(pl.Int64) - 1)
    return records.select("record_id").with_columns(
        cluster_id=rows.select(pl.coalesce("nhs", alone)).to_series()
    )


def mps_like(records: pl.DataFrame) -> pl.DataFrame:
    """record_id, cluster_id: the cascade, against the people that numbers make."""
    prepared = prepare(records.select(INPUT))
    rows = _with_texts(prepared)
    people, unit = _cross_checked(rows)
    left = rows.filter(pl.Series(unit < 0))
    for step in (_alphanumeric, _algorithmic):
        found = step(left, people)
        unit[found["row"].to_numpy()] = found["unit"].to_numpy()
        left = left.join(found, on="row", how="anti")
    # What nothing placed gets a one-time identity of its own.
    alone = np.flatnonzero(unit < 0)
    unit[alone] = np.arange(alone.size) + int(unit.max(initial=-1)) + 1
    return records.select("record_id").with_columns(cluster_id=pl.Series(unit))


def _with_texts(prepared: Prepared) -> pl.DataFrame:
    """Rows with the sounds and beginnings that the handbook compares."""
    texts = prepared.texts
    lookup = pl.DataFrame(
        {
            "code": pl.int_range(len(texts), dtype=pl.UInt32, eager=True),
            "start": texts.str.head(3),
            "sound": pl.Series([soundex(text) for text in texts], dtype=pl.String),
        }
    )
    rows = prepared.rows
    for name in ("forename", "surname"):
        rows = rows.join(
            lookup.rename(
                {"code": name, "start": f"{name}_start", "sound": f"{name}_sound"}
            ),
            on=name,
            how="left",
            maintain_order="left",
        )
    born = pl.col("born").dt
    return rows.with_columns(
        year=born.year(),
        month=born.month(),
        day=born.day(),
        text_f=_text(rows["forename"], texts),
        text_s=_text(rows["surname"], texts),
    )


def _text(codes: pl.Series, texts: pl.Series) -> pl.Series:
    return texts.gather(codes.fill_null(0)).set(codes.is_null(), None)


def soundex(name: str) -> str:
    """American Soundex: a letter and three digits."""
    codes = {}
    for digit, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1):
        codes |= dict.fromkeys(letters, str(digit))
    out, last = name[:1], codes.get(name[:1], "")
    for letter in name[1:]:
        code = codes.get(letter, "")
        if code and code != last:
            out += code
        if letter not in "hw":
            last = code
    return (out + "000")[:4]


def _cross_checked(rows: pl.DataFrame) -> tuple[pl.DataFrame, np.ndarray]:
    """People, each as one record, and each row's unit.

    The national service holds one current record of a person, not what every provider
    has written; here it is one of those that state the number's commonest birth date.

    Step 1: the number, with the whole birth date; else two parts of it (or day and
    month exchanged) with initial and three letters of the surname, or the district.
    """
    numbered = rows.filter(pl.col("nhs").is_not_null()).with_columns(
        often=pl.len().over("nhs", "born")
    )
    anchor = (
        numbered.sort("nhs", "born", nulls_last=True)
        .sort("often", descending=True, maintain_order=True)
        .unique("nhs", keep="first", maintain_order=True)
        .sort("nhs")
        .with_columns(unit=pl.int_range(pl.len(), dtype=pl.Int64))
    )
    both = numbered.join(anchor, on="nhs", suffix="_a")

    def same(name: str) -> pl.Expr:
        return (pl.col(name) == pl.col(f"{name}_a")).fill_null(False)

    parts = sum(
        (same(name).cast(pl.Int8) for name in ("year", "month", "day")), pl.lit(0)
    )
    swapped = (
        same("year")
        & (pl.col("month") == pl.col("day_a"))
        & (pl.col("day") == pl.col("month_a"))
    ).fill_null(False)
    initial = (
        pl.col("text_f").str.head(1) == pl.col("text_f_a").str.head(1)
    ).fill_null(False)
    names = initial & same("surname_start")
    passed = same("born") | (((parts >= 2) | swapped) & (names | same("district")))
    joined = both.filter(passed | (pl.col("row") == pl.col("row_a")))
    unit = np.full(rows.height, -1, dtype=np.int64)
    unit[joined["row"].to_numpy()] = joined["unit"].to_numpy()
    return anchor.drop("often"), unit


def _alphanumeric(left: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Step 2: surname by sound, year of birth and sex must agree; whatever else both
    state may not differ; one person only. row, unit."""
    keys = ["surname_sound", "year", "sex"]
    fields = ("forename", "born", "postcode")
    pairs = left.drop_nulls(keys).join(people, on=keys, suffix="_a")
    for name in fields:
        either = pl.col(name).is_null() | pl.col(f"{name}_a").is_null()
        pairs = pairs.filter(either | (pl.col(name) == pl.col(f"{name}_a")))
    pairs = _allowed(pairs).select("row", "unit").unique()
    return pairs.filter(pl.len().over("row") == 1)


def _allowed(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs that do not join two different numbers."""
    return pairs.filter(
        pl.col("nhs").is_null()
        | pl.col("nhs_a").is_null()
        | (pl.col("nhs") == pl.col("nhs_a"))
    )


def _algorithmic(left: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Step 3: birth date, postcode and sex are needed; four blocks of candidates; the
    unweighted mean of five scores, and no other within five points. row, unit."""
    needed = left.drop_nulls(["born", "postcode", "sex"])
    blocks = (
        ["born", "surname_sound"],
        ["born", "postcode"],
        ["forename", "surname", "year"],
        ["postcode", "surname_sound", "forename_sound"],
    )
    pairs = pl.concat(
        [
            _allowed(
                needed.drop_nulls(keys).join(
                    people, on=keys, suffix="_a", coalesce=False
                )
            ).select("row", "row_a", "unit")
            for keys in blocks
        ]
    ).unique()
    pairs = pairs.filter(pl.len().over("row") <= MOST_CANDIDATES)
    one = pairs.select("row").join(left, on="row", maintain_order="left")
    other = pairs.select(row="row_a").join(people, on="row", maintain_order="left")
    parts = sum(
        (one[name] == other[name]).fill_null(False).cast(pl.Float64)
        for name in ("year", "month", "day")
    )
    scores = [
        parts / 3,
        (one["sex"] == other["sex"]).fill_null(False).cast(pl.Float64),
        (one["postcode"] == other["postcode"]).fill_null(False).cast(pl.Float64),
        *(
            pl.Series(
                cpdist(
                    one[name].fill_null("").to_list(),
                    other[name].fill_null("").to_list(),
                    scorer=JaroWinkler.similarity,
                )
            ).cast(pl.Float64)
            for name in ("text_f", "text_s")
        ),
    ]
    mean = sum(scores[1:], scores[0]) * (100 / len(scores))
    best = (
        pairs.with_columns(score=mean)
        .group_by("row", "unit")
        .agg(pl.col("score").max())
        .sort("row", pl.col("score") * -1, "unit")
        .with_columns(
            second=pl.col("score").shift(-1).over("row").fill_null(-CLEAR_POINTS)
        )
        .unique("row", keep="first", maintain_order=True)
    )
    return best.filter(pl.col("score") - pl.col("second") >= CLEAR_POINTS).select(
        "row", "unit"
    )
