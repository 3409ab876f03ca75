"""The shape of a published series' definition: figures about areas, not about persons.

A file says, in rows, what some measures were at some place in some period. It may be
wide (a column for each measure) or long (one column names the measure, one its value).
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from governance.specs import Definition, Strict

AreaKind = Literal[
    "country",
    "icb",
    "sub_icb",
    "council",
    "trust",
    "practice",
    "lsoa",
    "msoa",
]
Length = Literal["day", "week", "month", "year"]
Cadence = Literal["daily", "weekly", "monthly", "quarterly", "yearly", "once"]


class AreaColumn(Strict):
    """Whose figure a row is: a column of codes, or one code for the whole file."""

    kind: AreaKind
    column: str = ""
    name: str = ""
    code: str = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.column) == bool(self.code):
            raise ValueError("area: either a column of codes or one code")
        return self


class PeriodColumn(Strict):
    """Of when a row is: a column in one of `formats`, or one first day for the file.

    `length` is how long each period lasts; a column's day is moved to the first day of
    its month or year.
    """

    length: Length
    column: str = ""
    formats: tuple[str, ...] = ("%Y-%m-%d",)
    start: str = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.column) == bool(self.start):
            raise ValueError("period: either a column or one first day")
        return self


class MeasureSpec(Strict):
    """One measure: its header (in a long file: its name there), title and unit.

    adds: "flow" (summed over places and time: attendances), "stock" (summed over
    places, averaged over time: beds) or "none" (a score or a share as published, which
    cannot be added up).
    """

    header: str
    title: str
    unit: str
    adds: Literal["flow", "stock", "none"] = "flow"
    better: Literal["lower", "higher", "neither"] = "neither"


class RateSpec(Strict):
    """A rate made of two measures, so that it holds for a sum of places too."""

    title: str
    count: str
    out_of: str
    per: int
    better: Literal["lower", "higher", "neither"] = "neither"


class LongForm(Strict):
    """Where a long file names its measure and writes its value."""

    measure: str
    value: str


class SeriesSpec(Definition):
    """One published series: where its files are and what its rows say.

    by: breakdowns that the rows carry beside place and period, {name: header}.
    record: a column that numbers the rows of a file whose rows are single records
        (a teaching sample); "row" takes the row's own number. Pages show their means.
    missing: what the publisher writes where a figure is withheld or does not exist; the
        row stands, with no value.
    shown_by: the period that charts use, where the file's own is finer.
    """

    layout: str
    licence: str
    controller: str
    cadence: Cadence
    files: tuple[str, ...] = Field(min_length=1)
    area: AreaColumn
    period: PeriodColumn
    by: dict[str, str] = {}
    record: str = ""
    measures: dict[str, MeasureSpec] = Field(min_length=1)
    rates: dict[str, RateSpec] = {}
    long: LongForm | None = None
    missing: tuple[str, ...] = ("", "NA")
    shown_by: Length | None = None

    @property
    def drawn_by(self) -> Length:
        """The length of one point of a chart."""
        return self.shown_by or self.period.length

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header that the file must have."""
        named = [self.area.column, self.period.column, *self.by.values()]
        named.append("" if self.record == "row" else self.record)
        if self.long:
            named += [self.long.measure, self.long.value]
        else:
            named += [measure.header for measure in self.measures.values()]
        return tuple(dict.fromkeys(filter(None, named)))

    @model_validator(mode="after")
    def _rates_are_of_measures(self) -> Self:
        for name, rate in self.rates.items():
            for part in (rate.count, rate.out_of):
                if part not in self.measures:
                    raise ValueError(
                        f"the rate {name!r} speaks of {part!r}, no measure"
                    )
            if name in self.measures:
                raise ValueError(f"{name!r} is a measure and a rate")
        return self
