"""Compare pairs of prepared records: the level that each comparison falls on.

Equality is of codes; spellings are compared once for each pair of distinct names, so
millions of pairs cost a few hundred thousand comparisons of text.
"""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from rapidfuzz.process import cpdist

from linkage.steps.linking.model import LinkModel
from linkage.steps.linking.names import forms
from linkage.steps.linking.prepare import Prepared

CLOSE = 0.94  # Jaro-Winkler, for names of any length
SIMILAR = 0.86
DISTANT = 0.75
SHORT = 4  # below this many letters one wrong letter is another name
FEMALE = 2
YEAR_SLIPS = (1, 10, 100)  # years apart when one digit is one off
NO_CODE = np.uint32(0xFFFFFFFF)
Codes = np.ndarray[tuple[int], np.dtype[np.uint32]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Levels = np.ndarray[tuple[int], np.dtype[np.int8]]
MISSING = -1  # one of the two says nothing


class Alike(NamedTuple):
    """What two names have in common; one flag for each pair."""

    form: Flags
    close: Flags
    similar: Flags
    slip: Flags
    distant: Flags
    part: Flags
    initial: Flags


def levels(
    prepared: Prepared, left: Codes, right: Codes, model: LinkModel
) -> dict[str, Levels]:
    """The level of each comparison of the model for each pair (MISSING: not compared).

    left, right: places of rows in `prepared.rows`, pair by pair.
    """
    sides = _Sides(prepared, left, right)
    found: dict[str, Levels] = {}
    for comparison in model.comparisons:
        field = comparison.field
        one, other = sides.of(field)
        missing = (one == NO_CODE) | (other == NO_CODE)
        level = np.full(left.shape, -2, dtype=np.int8)
        level[missing] = MISSING
        tests = _tests(field, sides, prepared, ~missing)
        for n, each in enumerate(comparison.levels):
            if each.kind == "different":
                level[level == -2] = n
            else:
                level[(level == -2) & tests[each.kind]] = n
        found[field] = level
    return found


class _Sides:
    def __init__(self, prepared: Prepared, left: Codes, right: Codes) -> None:
        self.rows, self.left, self.right = prepared.rows, left, right
        self._kept: dict[str, tuple[Codes, Codes]] = {}

    def of(self, field: str) -> tuple[Codes, Codes]:
        """Codes of a field on both sides; NO_CODE where a record does not say."""
        if field not in self._kept:
            column = self.rows[field]
            if column.dtype == pl.Date:
                column = column.cast(pl.Int32) + 1_000_000  # days, made positive
            codes = column.cast(pl.UInt32).fill_null(int(NO_CODE)).to_numpy()
            self._kept[field] = (codes[self.left], codes[self.right])
        return self._kept[field]


def _tests(
    field: str, sides: _Sides, prepared: Prepared, compared: Flags
) -> dict[str, Flags]:
    """What each kind of level asks of a field, as flags."""
    one, other = sides.of(field)
    same = one == other
    if field == "sex":
        return {"same": same}
    if field == "postcode":
        near = {"same_district": sides.of("district"), "same_area": sides.of("area")}
        return {"same": same} | {kind: a == b for kind, (a, b) in near.items()}
    if field == "born":
        first = same & compared
        first[first] = _is_first(one[first])
        return {
            "same": same,
            "same_first_of_january": first,
            **_dates(sides, compared & ~same),
        }
    across_one, across_other = sides.of(
        "surname" if field == "forename" else "forename"
    )
    swapped = (one == across_other) & (other == across_one) & compared
    crossed = (one == across_other) | (other == across_one)
    alike = alike_names(prepared, one, other, compared & ~same & ~swapped)
    found = {
        "same": same,
        "swapped": swapped,
        "half_swapped": crossed & compared,
        "another_form": alike.form,
        "close_spelling": alike.close,
        "similar_spelling": alike.similar,
        "short_slip": alike.slip,
        "distant_spelling": alike.distant,
        "shared_part": alike.part,
        "initial": alike.initial,
    }
    sex_one, sex_other = sides.of("sex")
    found["womans_other_name"] = (sex_one == FEMALE) & (sex_other == FEMALE) & compared
    if field == "forename":
        second_one, second_other = sides.of("second")
        found["second_name"] = ((one == second_other) & (one != NO_CODE)) | (
            (other == second_one) & (other != NO_CODE)
        )
    return found


def _dates(sides: _Sides, wanted: Flags) -> dict[str, Flags]:
    """How two dates that are not equal differ."""
    kinds = ["swapped", "day_or_month_differs", "year_slip", "year_differs"]
    kinds += ["first_of_january", "same_year"]
    found = {kind: np.zeros(wanted.shape, dtype=np.bool_) for kind in kinds}
    one, other = (
        (side[wanted].astype(np.int64) - 1_000_000).astype("datetime64[D]")
        for side in sides.of("born")
    )
    year = [x.astype("datetime64[Y]") for x in (one, other)]
    month = [x.astype("datetime64[M]") for x in (one, other)]
    months = [
        (m - y.astype("datetime64[M]")).astype(int)
        for m, y in zip(month, year, strict=True)
    ]
    days = [
        (x - m.astype("datetime64[D]")).astype(int)
        for x, m in zip((one, other), month, strict=True)
    ]
    same_year = year[0] == year[1]
    same_month, same_day = months[0] == months[1], days[0] == days[1]
    found["swapped"][wanted] = (
        same_year & (months[0] == days[1]) & (months[1] == days[0])
    )
    found["day_or_month_differs"][wanted] = same_year & (same_month | same_day)
    found["year_differs"][wanted] = same_month & same_day
    found["year_slip"][wanted] = same_month & same_day & _year_slips(year)
    first = ((months[0] == 0) & (days[0] == 0)) | ((months[1] == 0) & (days[1] == 0))
    found["first_of_january"][wanted] = same_year & first
    found["same_year"][wanted] = same_year
    return found


def _year_slips(years: list[Any]) -> Flags:
    """Years that are one digit's slip apart, or have their last two exchanged."""
    one, other = (year.astype(int) + 1970 for year in years)
    exchanged = (one // 100 == other // 100) & (one % 10 == other // 10 % 10)
    exchanged &= one // 10 % 10 == other % 10
    slips: Flags = np.isin(np.abs(one - other), YEAR_SLIPS) | exchanged
    return slips


def _is_first(codes: Codes) -> Flags:
    """Which dates are a 1 January."""
    days = (codes.astype(np.int64) - 1_000_000).astype("datetime64[D]")
    firsts: Flags = days == days.astype("datetime64[Y]").astype("datetime64[D]")
    return firsts


def alike_names(prepared: Prepared, one: Codes, other: Codes, wanted: Flags) -> Alike:
    """What the names of each wanted pair have in common besides being equal."""
    low = np.minimum(one[wanted], other[wanted]).astype(np.uint64)
    high = np.maximum(one[wanted], other[wanted]).astype(np.uint64)
    distinct, where = np.unique(low << np.uint64(32) | high, return_inverse=True)
    pairs = pl.DataFrame(
        {
            "a": (distinct >> np.uint64(32)).astype(np.uint32),
            "b": (distinct & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        }
    )
    text = prepared.texts
    a, b = text.gather(pairs["a"]), text.gather(pairs["b"])
    listed_a, listed_b = a.to_list(), b.to_list()
    winkler = cpdist(
        listed_a, listed_b, scorer=JaroWinkler.similarity, dtype=np.float32
    )
    slips = cpdist(
        listed_a, listed_b, scorer=DamerauLevenshtein.distance, dtype=np.uint8
    )
    shorter = np.minimum(a.str.len_bytes().to_numpy(), b.str.len_bytes().to_numpy())
    starts = (a.str.head(1) == b.str.head(1)).to_numpy()
    close = (winkler >= CLOSE) | ((slips <= 1) & (shorter >= SHORT))
    found = (
        _share(pairs, name_forms(prepared, pairs)),
        close,
        winkler >= SIMILAR,
        (slips <= 1) & (shorter >= 2),
        winkler >= DISTANT,
        _share(pairs, prepared.parts.rename({"part": "mark"})),
        starts & (shorter == 1),
    )
    whole = [np.zeros(wanted.shape, dtype=np.bool_) for _ in found]
    for flags, part in zip(whole, found, strict=True):
        flags[wanted] = part[where]
    return Alike(*whole)


def name_forms(prepared: Prepared, pairs: pl.DataFrame) -> pl.DataFrame:
    """code, mark of every form of the names that the pairs (a, b) speak of."""
    codes = pl.concat([pairs["a"], pairs["b"]]).unique()
    marks = [forms(name) for name in prepared.texts.gather(codes).to_list()]
    return pl.DataFrame(
        {"code": codes, "mark": marks},
        schema={"code": pl.UInt32, "mark": pl.List(pl.String)},
    ).explode("mark")


def _share(pairs: pl.DataFrame, marks: pl.DataFrame) -> Flags:
    """Whether both names of each pair bear one of the same marks."""
    shared = (
        pairs.with_row_index("pair")
        .join(marks, left_on="a", right_on="code")
        .join(marks, left_on=["b", "mark"], right_on=["code", "mark"])["pair"]
        .unique()
    )
    flags = np.zeros(pairs.height, dtype=np.bool_)
    flags[shared.to_numpy()] = True
    return flags
