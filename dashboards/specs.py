"""The shapes of the dashboards' definitions: indicators, and pages made of them."""

from typing import Literal

from pydantic import model_validator

from governance.specs import Definition, Strict
from linkage.steps.holds import Test

Geography = Literal["practice", "pcn", "place", "district", "council"]
Lens = Literal["imd_fifth", "ethnicity_group", "age_band", "segment"]
Better = Literal["lower", "higher", "neither"]


class Sum(Strict):
    """A total of a number feature over people: admissions, contacts, pounds."""

    sum_of: str


class IndicatorSpec(Definition):
    """A rate with its numerator, denominator, period, polarity and words.

    `count` is who or what is counted, among those people of a place for whom all
    of `among` holds. `before` counts the same a year earlier. `unit` names what is
    counted ("people", "admissions", "£"), `per` is the scale of the rate.
    """

    count: Test | Sum
    before: Sum | None = None
    among: tuple[Test, ...] = ()
    among_words: str
    unit: str = "people"
    per: int
    period: str
    better: Better
    by: tuple[Geography, ...]
    lenses: tuple[Lens, ...] = ("imd_fifth",)
    so_what: str
    ask: str
    caveat: str
    completeness: str

    @model_validator(mode="after")
    def counts_what_it_says(self) -> "IndicatorSpec":
        counts_people = not isinstance(self.count, Sum)
        if counts_people != (self.unit == "people"):
            raise ValueError("a test counts people; a sum has a unit of its own")
        return self


class PublishedIndicatorSpec(Definition):
    """An indicator that others publish: one measure of a series, over time.

    `measure` is a measure or a rate of the series; its unit and which way is better
    are the series' own. `breakdown` picks one where its rows carry any. `target` is
    what is asked of it, in its own unit; `target_words` says by whom.
    """

    series: str
    measure: str
    breakdown: str = ""
    target: float | None = None
    target_words: str = ""
    so_what: str
    ask: str
    caveat: str

    @model_validator(mode="after")
    def says_who_asks(self) -> "PublishedIndicatorSpec":
        if (self.target is None) != (not self.target_words):
            raise ValueError("a target says in target_words who asks it")
        return self


class RegisterPair(Strict):
    """One register as published (its breakdown in the series) and as this platform
    finds it; both among people of at least `from_age` years."""

    title: str
    breakdown: str
    attribute: str
    from_age: int = 0


class ReconciliationSpec(Definition):
    """This platform's registers beside a published series of the same, by practice.

    `count` and `out_of` are measures of the series.
    """

    series: str
    count: str
    out_of: str
    registers: tuple[RegisterPair, ...]


class PanelSpec(Strict):
    """One figure of a page: an indicator, how it is drawn, and over what.

    A published indicator is drawn over time ("xmr") and divided by nothing.
    """

    indicator: str
    chart: Literal["funnel", "bars", "xmr"]
    by: Geography | Lens | None = None

    @model_validator(mode="after")
    def is_divided_or_over_time(self) -> "PanelSpec":
        if (self.chart == "xmr") != (self.by is None):
            raise ValueError("a chart over time has no `by`; any other needs one")
        return self


class PageSpec(Definition):
    """A page made of indicators, exceptions first."""

    lead: str
    most: int = 7
    panels: tuple[PanelSpec, ...]
