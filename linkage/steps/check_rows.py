"""Rules between the columns of a row, in the closed vocabulary of `CheckSpec`."""

import polars as pl

from linkage.specs import CheckSpec, FeedSpec

REASONS = {"row_number": pl.Int64, "rule": pl.String, "field": pl.String}


def check_rows(
    typed: pl.DataFrame, spec: FeedSpec
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Apply a feed's row checks to typed rows (row_number and its columns).

    Returns the reasons of rows to hold (row_number, rule, field), and of checks that
    only note, {"field: rule": rows}. A value that is not there breaks no rule but
    `needs`.
    """
    held = [pl.DataFrame(schema=REASONS)]
    noted: dict[str, int] = {}
    for check in spec.checks:
        if check.rule == "not_delivered":  # asked of the store, row by row
            continue
        broken = typed.filter(_broken(check)).select("row_number")
        if broken.is_empty():
            continue
        field = " and ".join(spec.expanded[c].headers[0] for c in check.columns)
        if check.then == "hold":
            rule = pl.lit(check.rule)
            held.append(broken.select("row_number", rule=rule, field=pl.lit(field)))
        else:
            noted[f"{field}: {check.rule}"] = broken.height
    return pl.concat(held), noted


def _broken(check: CheckSpec) -> pl.Expr:
    column = pl.col(check.column)
    match check.rule:
        case "earlier_than":
            broken = column < pl.col(check.other)
        case "needs":
            broken = column.is_not_null() & pl.col(check.other).is_null()
        case "not_with":
            broken = column.is_not_null() & pl.col(check.other).is_not_null()
        case "out_of_range":
            low = (
                pl.lit(value=False)
                if check.at_least is None
                else column < check.at_least
            )
            high = (
                pl.lit(value=False) if check.at_most is None else column > check.at_most
            )
            broken = low | high
        case "none_of_these":
            broken = pl.all_horizontal(pl.col(name).is_null() for name in check.columns)
    for name, values in check.when.items():
        broken &= pl.col(name).is_in(values)
    return broken.fill_null(value=False)
