"""Pounds of any year as pounds of the year that costs are given in."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl
from pydantic import model_validator

from governance.specs import Definition


class PricesSpec(Definition):
    """The year of prices and the index of each financial year, named by its first."""

    base_year: int
    index: dict[int, float]

    @model_validator(mode="after")
    def _is_known(self) -> "PricesSpec":
        if self.base_year not in self.index:
            raise ValueError(f"the index does not have the base year {self.base_year}")
        if min(self.index.values()) <= 0:
            raise ValueError("an index is more than nought")
        return self


@dataclass(frozen=True)
class Prices:
    """What activity costs. listed: setting, kind, detail ("" = any), gbp (pounds of the
    year in `year`, as "2016/17"), per ("activity" or "day")."""

    spec: PricesSpec
    listed: pl.DataFrame

    @cached_property
    def factors(self) -> dict[int, float]:
        """What a pound of each financial year is in pounds of the base year."""
        base = self.spec.index[self.spec.base_year]
        return {year: base / index for year, index in self.spec.index.items()}

    @cached_property
    def unit_costs(self) -> pl.DataFrame:
        """`listed` with gbp in whole pounds of the base year."""
        year = pl.col("year").str.head(4).cast(pl.Int32)
        return self.listed.with_columns(
            gbp=(pl.col("gbp") * self._factor(year)).round()
        )

    def at_base(self, pounds: pl.Expr, on: pl.Expr) -> pl.Expr:
        """Pounds of the financial year of a date in pounds of the base year.

        Before the first year and after the last that are known, theirs count.
        """
        year = on.dt.year() - (on.dt.month() < 4).cast(pl.Int32)
        return pounds * self._factor(year)

    @property
    def words(self) -> str:
        """The price base in words: "2023/24 prices"."""
        year = self.spec.base_year
        return f"{year}/{(year + 1) % 100:02d} prices"

    def _factor(self, year: pl.Expr) -> pl.Expr:
        known = sorted(self.factors)
        inside = year.cast(pl.Int32).clip(known[0], known[-1])
        return inside.replace_strict(
            self.factors, default=None, return_dtype=pl.Float64
        )
