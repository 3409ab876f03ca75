"""Turn the rows of a published series into values: one place, period and measure each.

A row is loaded, quarantined or a duplicate; none is lost. What the publisher withholds
is a value that is not known, and the row stands.
"""

from typing import NamedTuple

import polars as pl

from linkage.series_specs import SeriesSpec

RULES = {
    "missing": "A value that must be there is missing",
    "not_a_date": "Not a date of the calendar",
    "not_a_number": "Not a number",
    "unknown_measure": "A measure that the definition does not know",
    "two_values": "Says two different things of one place and period",
}
KEY = ("area_code", "start_on", "breakdown", "record")
VALUES = {
    "row_number": pl.Int64,
    "measure": pl.String,
    "area_code": pl.String,
    "breakdown": pl.String,
    "record": pl.Int64,
    "start_on": pl.Date,
    "value": pl.Float64,
}
SEPARATOR = " · "
TRUNCATE = {"month": "1mo", "year": "1y"}


class Tidied(NamedTuple):
    """What a file came to.

    values: the columns of VALUES. rejected: row_number, rule, field; a row stands there
    once for each reason. duplicate: rows that say again what an earlier one said.
    blanked: {"header: withheld": rows}. areas: area_code, area_name.
    """

    values: pl.DataFrame
    rejected: pl.DataFrame
    duplicate: int
    blanked: dict[str, int]
    areas: pl.DataFrame


def tidy_series(frame: pl.DataFrame, spec: SeriesSpec) -> Tidied:
    """frame: the file's columns as text under their own headers, and row_number."""
    text = frame.with_columns(
        pl.when(~pl.col(h).str.strip_chars().is_in(spec.missing)).then(
            pl.col(h).str.strip_chars()
        )
        for h in spec.headers
    )
    keyed = text.with_columns(
        area_code=_area(spec),
        start_on=_start(spec),
        breakdown=_by(spec),
        record=_record(spec),
    )
    values, blanked = _values(keyed, spec)
    reasons = [
        _reasons_of_keys(keyed, spec),
        values.filter(pl.col("rule").is_not_null()),
    ]
    rejected = pl.concat(
        [each.select("row_number", "rule", "field") for each in reasons]
    ).unique(maintain_order=True)
    good = values.join(rejected, on="row_number", how="anti").select(list(VALUES))
    good, again, contradicting = _once(good)
    return Tidied(
        good,
        pl.concat([rejected, contradicting]),
        again,
        blanked,
        _areas(keyed, spec),
    )


def _area(spec: SeriesSpec) -> pl.Expr:
    if spec.area.code:
        return pl.lit(spec.area.code)
    return pl.col(spec.area.column)


def _start(spec: SeriesSpec) -> pl.Expr:
    if spec.period.start:
        return pl.lit(spec.period.start).str.to_date("%Y-%m-%d")
    written = pl.col(spec.period.column)
    day = pl.coalesce(_parsed(written, form) for form in spec.period.formats)
    every = TRUNCATE.get(spec.period.length)
    return day.dt.truncate(every) if every else day


def _parsed(written: pl.Expr, form: str) -> pl.Expr:
    # strptime wants a day: "April 2022" and "2015" are given their first.
    lacking = "" if "%d" in form else "01 "
    if "%m" not in form and "%B" not in form:
        lacking, form = "01 01 ", f"%d %m {form}"
    elif lacking:
        form = f"%d {form}"
    return (pl.lit(lacking) + written.str.strip_suffix(".0")).str.to_date(
        form, strict=False
    )


def _by(spec: SeriesSpec) -> pl.Expr:
    if not spec.by:
        return pl.lit("")
    columns = [pl.col(header).fill_null("not stated") for header in spec.by.values()]
    return pl.concat_str(columns, separator=SEPARATOR)


def _record(spec: SeriesSpec) -> pl.Expr:
    if spec.record == "row":
        return pl.col("row_number")
    if spec.record:
        return pl.col(spec.record).cast(pl.Int64, strict=False)
    return pl.lit(0, dtype=pl.Int64)


def _reasons_of_keys(keyed: pl.DataFrame, spec: SeriesSpec) -> pl.DataFrame:
    found = []
    for name, header in (
        ("area_code", spec.area.column),
        ("start_on", spec.period.column),
        ("record", "" if spec.record == "row" else spec.record),
    ):
        if not header:
            continue
        wrong = "not_a_date" if name == "start_on" else "not_a_number"
        rule = (
            pl.when(pl.col(header).is_null())
            .then(pl.lit("missing"))
            .otherwise(pl.lit(wrong))
        )
        found.append(
            keyed.filter(pl.col(name).is_null()).select(
                "row_number", rule=rule, field=pl.lit(header)
            )
        )
    return pl.concat([_no_reasons(), *found])


def _values(
    keyed: pl.DataFrame, spec: SeriesSpec
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Every value with its row, key and broken rule, and what is withheld."""
    parts, blanked = [], dict[str, int]()
    if spec.long:
        names = {m.header: name for name, m in spec.measures.items()}
        written = pl.col(spec.long.measure)
        known = written.replace_strict(names, default=None, return_dtype=pl.String)
        parts.append((keyed.with_columns(measure=known), spec.long.value))
    else:
        parts += [
            (keyed.with_columns(measure=pl.lit(name)), measure.header)
            for name, measure in spec.measures.items()
        ]
    found = []
    for rows, header in parts:
        written = pl.col(header)
        value = written.cast(pl.Float64, strict=False)
        rule = (
            pl.when(pl.col("measure").is_null())
            .then(pl.lit("unknown_measure"))
            .when(written.is_not_null() & value.is_null())
            .then(pl.lit("not_a_number"))
        )
        field = pl.when(pl.col("measure").is_null()).then(
            pl.lit(spec.long.measure if spec.long else header)
        )
        found.append(
            rows.select(
                "row_number",
                "measure",
                "area_code",
                "breakdown",
                "record",
                "start_on",
                value=value,
                rule=rule,
                field=pl.coalesce(field, pl.lit(header)),
            )
        )
        withheld = rows[header].null_count()
        if withheld:
            blanked[f"{header}: withheld"] = withheld
    return pl.concat(found), blanked


def _once(values: pl.DataFrame) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """Each key once; rows that repeat another are counted, contradictions parted."""
    key = ["measure", *KEY]
    several = values.filter(pl.struct(key).is_duplicated())
    if several.is_empty():
        return values, 0, _no_reasons()
    differ = several.group_by(key).agg(pl.col("value").n_unique() > 1)
    torn = several.join(differ.filter("value"), on=key, how="semi")["row_number"]
    contradicting = pl.DataFrame({"row_number": torn.unique().sort()}).select(
        "row_number", rule=pl.lit("two_values"), field=pl.lit("")
    )
    kept = values.filter(~pl.col("row_number").is_in(torn.implode()))
    once = kept.unique(key, keep="first", maintain_order=True)
    again = kept["row_number"].n_unique() - once["row_number"].n_unique()
    return once, again, contradicting


def _areas(keyed: pl.DataFrame, spec: SeriesSpec) -> pl.DataFrame:
    """The names that the publisher gives its places, the last for each code."""
    if not spec.area.name or spec.area.name not in keyed.columns:
        return pl.DataFrame(schema={"area_code": pl.String, "area_name": pl.String})
    named = keyed.select("area_code", area_name=pl.col(spec.area.name)).drop_nulls()
    return named.unique("area_code", keep="last", maintain_order=True)


def _no_reasons() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"row_number": pl.Int64, "rule": pl.String, "field": pl.String}
    )
