"""How complete and valid a batch is, by who submitted it: counts, never values."""

import polars as pl

from linkage.specs import ColumnSpec, FeedSpec
from linkage.steps.validate import EXCLUDING, NOT_USED, Checked

NOBODYS = [rule for rule in EXCLUDING if rule != NOT_USED]
NOT_STATED = "Z"  # NHS Data Dictionary, ETHNIC CATEGORY: asked, and not said
WHO = "_provider"  # while counting: feeds have columns called provider
ROW = ""  # the field under which the rows themselves are counted
COUNTS = ("rows", "filled", "valid", "defaults")
SCHEMA = pl.Schema(
    {"provider": pl.String, "field": pl.String, **dict.fromkeys(COUNTS, pl.Int64)}
)


def quality(
    frame: pl.DataFrame, checked: Checked, nobodys: pl.DataFrame, spec: FeedSpec
) -> pl.DataFrame:
    """One row for each provider and field: rows, filled, valid, defaults.

    frame: the batch as read; checked: what validation made of it; nobodys: row_number
    and rule of rows that belong to nobody known. Rows that the product does not use
    count nowhere. `filled` says that something is written, `valid` that it can be used,
    `defaults` that it says "not stated". Under the field "" stand the rows themselves:
    `valid` are not in quarantine, `filled` are somebody's.
    """
    unused = checked.rejected.filter(pl.col("rule") == NOT_USED)
    used = frame.join(unused, on="row_number", how="anti") if unused.height else frame
    used = used.with_columns(_provider=_provider(spec))
    fields = [name for name in judged(spec) if name in used.columns]
    broken = checked.rejected.filter(pl.col("rule") != NOT_USED)
    lost = nobodys.filter(pl.col("rule").is_in(NOBODYS))
    written = [_written(used, name, spec.expanded[name]).alias(name) for name in fields]
    by_provider = used.group_by(WHO).agg(
        pl.len().cast(pl.Int64).alias("rows"), *(each.sum() for each in written)
    )
    filled = _long(by_provider.drop("rows"), fields, "filled")
    held = used.join(broken, on="row_number", how="semi")
    accepted = checked.accepted.with_columns(_provider=_provider(spec))
    good = accepted.group_by(WHO).agg(
        pl.col(name).is_not_null().sum().alias(name) for name in fields
    )
    rows = by_provider.with_columns(pl.col("rows").alias(name) for name in fields)
    parts = [
        _of_rows(used, held, lost),
        _long(rows.drop("rows"), fields, "rows"),
        filled,
        _long(good, fields, "valid"),
        _valid_in(held, broken, written, spec),
        _defaults(accepted, fields, spec),
    ]
    # Codes are brought into one form here, where they are few: a row as read and the
    # same row typed may write its provider differently.
    whole = pl.concat(parts, how="diagonal").with_columns(_code(spec))
    summed = whole.group_by(WHO, "field").agg(pl.col(COUNTS).sum())
    return summed.rename({WHO: "provider"}).cast(SCHEMA)


def judged(spec: FeedSpec) -> list[str]:
    """The columns whose quality is judged: not the numbered ones, most of which are
    rightly empty, nor those that only say whether anything is written."""
    return [
        name
        for name, column in spec.columns.items()
        if not column.repeat and column.type != "presence"
    ]


def _provider(spec: FeedSpec) -> pl.Expr:
    if not spec.submitted_by:
        return pl.lit("")
    return pl.col(spec.submitted_by).cast(pl.String).fill_null("")


def _code(spec: FeedSpec) -> pl.Expr:
    code = pl.col(WHO).str.strip_chars().str.to_uppercase()
    is_trust = (
        bool(spec.submitted_by) and spec.columns[spec.submitted_by].type == "trust"
    )
    return code.str.slice(0, 3 if is_trust else 20)


def _written(frame: pl.DataFrame, name: str, column: ColumnSpec) -> pl.Expr:
    there = pl.col(name).is_not_null()
    if frame.schema[name] == pl.String:
        there &= pl.col(name).str.len_bytes() > 0
    if column.missing:
        there &= ~pl.col(name).cast(pl.String).is_in(column.missing)
    return there


def _valid_in(
    held: pl.DataFrame, broken: pl.DataFrame, written: list[pl.Expr], spec: FeedSpec
) -> pl.DataFrame:
    """What is valid in rows that are held for something else."""
    fields = [each.meta.output_name() for each in written]
    if held.is_empty():
        return pl.DataFrame(schema={WHO: pl.String, "field": pl.String}).select(
            WHO, "field", valid=pl.lit(0, dtype=pl.Int64)
        )
    names = {spec.expanded[name].headers[0]: name for name in fields}
    wrong = (
        broken.filter(pl.col("rule") != "missing")
        .with_columns(pl.col("field").replace_strict(names, default=None))
        .drop_nulls("field")
        .unique(["row_number", "field"])
        .join(held.select("row_number", WHO), on="row_number")
        .group_by(WHO, "field")
        .agg(wrong=pl.len().cast(pl.Int64))
    )
    filled = held.group_by(WHO).agg(each.sum() for each in written)
    return (
        _long(filled, fields, "filled")
        .join(wrong, on=[WHO, "field"], how="left")
        .select(
            WHO,
            "field",
            valid=(pl.col("filled") - pl.col("wrong").fill_null(0)).clip(0),
        )
    )


def _defaults(
    accepted: pl.DataFrame, fields: list[str], spec: FeedSpec
) -> pl.DataFrame:
    coded = [name for name in fields if spec.columns[name].type == "ethnicity"]
    if not coded:
        return pl.DataFrame(
            schema={WHO: pl.String, "field": pl.String, "defaults": pl.Int64}
        )
    found = accepted.group_by(WHO).agg(
        (pl.col(name) == NOT_STATED).sum().alias(name) for name in coded
    )
    return _long(found, coded, "defaults")


def _of_rows(
    used: pl.DataFrame, held: pl.DataFrame, lost: pl.DataFrame
) -> pl.DataFrame:
    nobody = used.join(lost, on="row_number", how="semi")
    counts = [
        each.group_by(WHO).agg(pl.len().cast(pl.Int64).alias(name))
        for name, each in (("rows", used), ("held", held), ("lost", nobody))
    ]
    joined = counts[0]
    for each in counts[1:]:
        joined = joined.join(each, on=WHO, how="left")
    held_rows = pl.col("held").fill_null(0)
    return joined.select(
        WHO,
        "rows",
        field=pl.lit(ROW),
        filled=pl.col("rows") - held_rows - pl.col("lost").fill_null(0),
        valid=pl.col("rows") - held_rows,
        defaults=pl.lit(0, dtype=pl.Int64),
    )


def _long(wide: pl.DataFrame, fields: list[str], value: str) -> pl.DataFrame:
    return wide.unpivot(
        on=fields, index=WHO, variable_name="field", value_name=value
    ).with_columns(pl.col(value).cast(pl.Int64))
