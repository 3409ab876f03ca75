"""Take legally restricted codes out of a batch before anything else sees it.

A row whose needed code is restricted is left out whole; in a row of many codes the
restricted ones become empty. What was taken is counted by category alone: neither the
row's number nor its content is kept, not even in quarantine.
"""

from collections import Counter
from typing import Literal, NamedTuple

import polars as pl

from linkage.specs import FeedSpec

SYSTEMS: tuple[Literal["snomed", "icd10", "opcs4"], ...] = ("snomed", "icd10", "opcs4")


class Withheld(NamedTuple):
    """frame: the batch without them. rows: how many were left out whole. categories:
    {category: codes} of everything that was taken."""

    frame: pl.DataFrame
    rows: int
    categories: Counter[str]


def withhold(frame: pl.DataFrame, spec: FeedSpec, restricted: pl.DataFrame) -> Withheld:
    """frame: columns as read. restricted: category, system, code.

    SNOMED CT concepts are whole codes; ICD-10 and OPCS-4 codes are stems.
    """
    categories: Counter[str] = Counter()
    out = pl.Series(dtype=pl.Int64)
    for system in SYSTEMS:
        codes = restricted.filter(pl.col("system") == system)
        for name in spec.of_type(system):
            if name not in frame.columns or frame[name].null_count() == frame.height:
                continue
            hit = frame.filter(_is_restricted(pl.col(name), system, codes["code"]))
            if hit.is_empty():
                continue
            for row in hit.select(_plain(pl.col(name), system)).iter_rows():
                categories[_category(row[0], codes)] += 1
            if spec.expanded[name].required:
                out = out.append(hit["row_number"])
            else:
                found = pl.col("row_number").is_in(hit["row_number"].implode())
                frame = frame.with_columns(
                    pl.when(~found).then(pl.col(name)).alias(name)
                )
    gone = out.n_unique()
    if gone:
        frame = frame.filter(~pl.col("row_number").is_in(out.implode()))
    return Withheld(frame, gone, categories)


def _plain(code: pl.Expr, system: str) -> pl.Expr:
    text = code.cast(pl.String).str.strip_chars()
    if system == "snomed":
        return text
    return text.str.to_uppercase().str.replace(".", "", literal=True)


def _is_restricted(code: pl.Expr, system: str, codes: pl.Series) -> pl.Expr:
    if system == "snomed":
        return code.cast(pl.String).is_in(codes.implode())
    plain = _plain(code, system)
    # Stems have three or four characters.
    return plain.str.slice(0, 3).is_in(codes.implode()) | plain.str.slice(0, 4).is_in(
        codes.implode()
    )


def _category(code: str, codes: pl.DataFrame) -> str:
    stems = [code, code[:4], code[:3]]
    found = codes.filter(pl.col("code").is_in(stems))
    return str(found["category"][0])
