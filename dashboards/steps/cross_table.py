"""Count an extract's rows by some of its columns: who stands in which cell."""

from typing import NamedTuple

import polars as pl

UNKNOWN = "not known"


class Crossed(NamedTuple):
    """One cell: its value of each column, its rows, and those that have the flag.

    amount: the sum of a number over the rows; None where none is asked for.
    """

    at: dict[str, str]
    rows: list[int]
    having: list[int] | None
    amount: float | None


def cross_table(frame: pl.DataFrame, by: list[str], of: str = "") -> list[Crossed]:
    """Cross an extract by columns of text, in the order of their values.

    of: a column of text ("yes" has it) or of numbers to say something of in each cell.
    A value that is not known is a value.
    """
    numbered = frame.with_row_index("row").with_columns(
        pl.col(name).fill_null(UNKNOWN) for name in by
    )
    groups = numbered.group_by(by, maintain_order=False) if by else [((), numbered)]
    found = []
    for key, some in sorted(groups, key=lambda each: tuple(map(str, each[0]))):
        having = amount = None
        if of and frame.schema[of] == pl.String:
            having = some.filter(pl.col(of) == "yes")["row"].to_list()
        elif of:
            having = some.filter(pl.col(of).fill_null(0) != 0)["row"].to_list()
            amount = float(some[of].sum())
        at = dict(zip(by, map(str, key), strict=True))
        found.append(Crossed(at, some["row"].to_list(), having, amount))
    return found
