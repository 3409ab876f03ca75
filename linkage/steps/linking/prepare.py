"""Records in the form that is compared: codes for texts, so that equal is a number."""

from datetime import date
from typing import NamedTuple

import polars as pl

from linkage.steps.check_digit import check_digit
from linkage.steps.linking.names import plain

INPUT = ("nhs_number", "forename", "surname", "born_on", "sex", "postcode")
NO_BIRTH_DATE = date(1901, 1, 1)  # 1900-01-01 is a placeholder of many systems
POSTCODE = r"^[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}$"
NO_ADDRESS = "ZZ99"  # NHS Data Dictionary: pseudo-postcodes of no fixed abode
SEXES = {"1": 1, "M": 1, "2": 2, "F": 2}


class Prepared(NamedTuple):
    """rows: row (UInt32, its place), nhs (Int64), forename, second, surname, postcode,
        district, area (UInt32 codes), born (Date), sex (UInt8: 1 male, 2 female); each
        null where the record does not say.
    texts: the names that the codes stand for: code i at place i, in order of spelling.
    parts: code, part (UInt32): the words of each surname.
    """

    rows: pl.DataFrame
    texts: pl.Series
    parts: pl.DataFrame


def prepare(records: pl.DataFrame) -> Prepared:
    """Clean whole columns: placeholders become null, names lose case and marks.

    records: INPUT columns as text (born_on may be a Date). The words of a surname are
    joined, so O'Brien, O BRIEN and Obrien are one; of forenames the first counts, and
    the second is kept.
    """
    forenames, surnames = _words(records["forename"]), _words(records["surname"])
    first = pl.col("words").list.get(0, null_on_oob=True)
    second = pl.col("words").list.get(1, null_on_oob=True)
    texts = (
        pl.concat(
            [
                forenames.select(text=first),
                forenames.select(text=second),
                surnames.select(text="whole"),
                surnames.select(text=pl.col("words").explode()),
            ]
        )
        .drop_nulls()
        .unique()
        .sort("text")
        .with_row_index("code")
    )
    postcodes = _postcodes(records["postcode"])
    rows = records.select(
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
        nhs=check_digit("nhs_number").cast(pl.Int64),
        born=_birth_date(records.schema["born_on"]),
        sex=pl.col("sex")
        .cast(pl.String)
        .str.to_uppercase()
        .str.slice(0, 1)
        .replace_strict(SEXES, default=None, return_dtype=pl.UInt8),
        raw_forename=pl.col("forename").cast(pl.String),
        raw_surname=pl.col("surname").cast(pl.String),
        raw_postcode=pl.col("postcode").cast(pl.String),
    )
    for name, codes in {
        "forename": _coded(forenames, texts, first, "forename"),
        "second": _coded(forenames, texts, second, "second"),
        "surname": _coded(surnames, texts, pl.col("whole"), "surname"),
        "postcode": postcodes,
    }.items():
        raw = "raw_forename" if name == "second" else f"raw_{name}"
        rows = rows.join(
            codes, left_on=raw, right_on="raw", how="left", maintain_order="left"
        )
    parts = (
        surnames.explode("words")
        .filter(pl.col("words").str.len_bytes() >= 2)
        .join(texts.rename({"text": "whole"}), on="whole")
        .join(texts.rename({"text": "words", "code": "part"}), on="words")
        .select("code", "part")
        .unique()
    )
    rows = rows.drop("raw_forename", "raw_surname", "raw_postcode")
    return Prepared(rows, texts["text"], parts)


def _words(raw: pl.Series) -> pl.DataFrame:
    """raw, words (List of text), whole (the words joined) of each distinct name."""
    return (
        pl.DataFrame({"raw": raw.cast(pl.String).unique()})
        .with_columns(text=plain(pl.col("raw")))
        .drop_nulls("text")
        .select(
            "raw",
            words=pl.col("text").str.split(" "),
            whole=pl.col("text").str.replace_all(" ", "", literal=True),
        )
    )


def _coded(
    names: pl.DataFrame, texts: pl.DataFrame, word: pl.Expr, name: str
) -> pl.DataFrame:
    """raw, and the code of one word of each name."""
    return (
        names.select("raw", text=word)
        .join(texts, on="text")
        .select("raw", pl.col("code").alias(name))
    )


def _birth_date(dtype: pl.DataType) -> pl.Expr:
    born = pl.col("born_on")
    if dtype != pl.Date:
        day = born.cast(pl.String).str.slice(0, 10)
        born = day.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(born >= NO_BIRTH_DATE).then(born)


def _postcodes(raw: pl.Series) -> pl.DataFrame:
    """raw; postcode, district, area (codes) of each postcode that is an address."""
    joined = pl.col("raw").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    known = (
        pl.DataFrame({"raw": raw.cast(pl.String).unique()})
        .with_columns(text=joined)
        .filter(
            pl.col("text").str.contains(POSTCODE)
            & ~pl.col("text").str.starts_with(NO_ADDRESS)
        )
        .with_columns(
            outward=pl.col("text").str.head(-3),
            letters=pl.col("text").str.extract(r"^([A-Z]+)"),
        )
    )
    return known.select(
        "raw",
        postcode=pl.col("text").rank("dense").cast(pl.UInt32),
        district=pl.col("outward").rank("dense").cast(pl.UInt32),
        area=pl.col("letters").rank("dense").cast(pl.UInt32),
    )
