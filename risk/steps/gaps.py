"""Find care gaps by rule: values without a diagnosis, disease without its care."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from linkage.steps.holds import holds
from risk.gap_specs import GapSpec, GapTest

COUNT = "care_gaps"


def gaps(
    features: pl.DataFrame, specs: Mapping[str, GapSpec], *, as_of: date
) -> pl.DataFrame:
    """Return one flag per gap and person of `features`, and `care_gaps`, how many."""
    found = features.select(
        "person_no",
        *(is_open(spec, as_of).alias(spec.attribute) for spec in specs.values()),
    )
    names = [spec.attribute for spec in specs.values()]
    counted = pl.sum_horizontal([pl.col(name).cast(pl.Int32) for name in names])
    return found.with_columns(counted.alias(COUNT))


def is_open(spec: GapSpec, as_of: date) -> pl.Expr:
    """Return whether a gap is open, as a Boolean expression over features."""
    due = pl.all_horizontal([_asked(test, as_of) for test in spec.all_of])
    if not spec.none_of:
        return due
    return due & ~pl.any_horizontal([_asked(test, as_of) for test in spec.none_of])


def _asked(test: GapTest, as_of: date) -> pl.Expr:
    if test.within_days is None:
        return holds(test)
    days = (pl.lit(as_of) - pl.col(test.feature)).dt.total_days()
    return days.is_between(0, test.within_days).fill_null(value=False)
