"""The rules that are built on other features: counts, sums, shares, tests, overdue."""

from collections.abc import Iterable
from datetime import date

import polars as pl

from linkage.feature_specs import AnyOf, CountOf, Overdue, ShareOf, SumOf, When
from linkage.steps.holds import Test, holds


def built(rule: object, features: pl.DataFrame, as_of: date) -> pl.Series:
    """One value per row of `features`, which holds the columns that the rule reads.

    TypeError for a rule of another kind.
    """
    return features.select(made=_expression(rule, features.columns, as_of))["made"]


def _expression(rule: object, names: list[str], as_of: date) -> pl.Expr:
    match rule:
        case CountOf():
            return pl.sum_horizontal(pl.col(names).cast(pl.Int32))
        case AnyOf():
            return pl.any_horizontal(pl.col(names).fill_null(value=False))
        case SumOf():
            return pl.sum_horizontal(pl.col(names).cast(pl.Float64))
        case ShareOf():
            whole = pl.col(rule.whole).cast(pl.Float64)
            share = 100.0 * pl.col(rule.part).cast(pl.Float64) / whole
            return pl.when(whole > 0).then(share)
        case When():
            asked = [*_each(rule.all_of), *(~test for test in _each(rule.none_of))]
            if rule.any_of:
                asked.append(pl.any_horizontal(_each(rule.any_of)))
            return _of(rule.among, pl.all_horizontal(asked))
        case Overdue():
            back = (pl.lit(as_of) - pl.col(rule.since)).dt.total_days()
            late = (back > rule.after_days).fill_null(value=True)
            return _of(rule.among, late)
        case _:
            raise TypeError(f"{type(rule).__name__} is not built on other features")


def _each(tests: Iterable[Test]) -> list[pl.Expr]:
    return [holds(test) for test in tests]


def _of(among: tuple[Test, ...], asked: pl.Expr) -> pl.Expr:
    """What is asked, of those it is asked of; of others it is not known."""
    return pl.when(pl.all_horizontal(_each(among))).then(asked) if among else asked
