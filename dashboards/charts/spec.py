"""The one description of a figure, made of published values and nothing else."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboards.steps.fitness import Check, Fitness, division_known, standard_error
from dashboards.steps.xmr import Control
from governance.disclosure import DisclosureClass, Published, PublishedCell

Kind = Literal["bars", "pyramid", "hundred", "trend", "funnel", "map", "upset", "xmr"]
Value = Literal["count", "rate"]
UNKNOWN = ("not known", "unknown", "not stated")
Outline = list[list[list[float]]]  # rings of [longitude, latitude]


@dataclass(frozen=True)
class Dimension:
    """One lattice coordinate of a figure: its key, its title, its values in order."""

    key: str
    title: str
    labels: Mapping[str, str]

    def of(self, cell: PublishedCell) -> str:
        """Return the label of this cell's coordinate."""
        return self.labels[cell.at[self.key]]

    def only(self, codes: Collection[str]) -> "Dimension":
        """Return the same dimension with these values alone, in its own order."""
        kept = {code: self.labels[code] for code in self.labels if code in codes}
        return Dimension(self.key, self.title, kept)


@dataclass(frozen=True)
class Evidence:
    """What a reader needs before trusting a figure, in words. Shown under each."""

    freshness: str
    coverage: str
    completeness: str
    uncertainty: str
    source: str
    fitness: Fitness = Fitness(())
    # What must be read before the figure: that a model behind it is not in order.
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChartSpec:
    """A figure: what is drawn, tabled and downloaded, after disclosure control.

    `title` is the sentence that the figure shows. `category` runs along the axis;
    `series` tells the layers apart, the first being the one in question and the
    others what it is compared with. `split` is the pyramid's sex. `value` says
    whether counts or rates are drawn. `target` is a value to draw as a line, such
    as the system's own rate on a funnel. `sets` names, for an UpSet plot, each set
    with the categories that are in it. `control` holds a control chart's limits.
    """

    key: str
    kind: Kind
    title: str
    published: Published
    category: Dimension
    period: str
    evidence: Evidence
    series: Dimension | None = None
    split: Dimension | None = None
    value: Value = "rate"
    target: float | None = None
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    sets: Mapping[str, Collection[str]] = field(default_factory=dict)
    control: Control | None = None
    definition: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.published, Published):
            raise TypeError("a figure is made of Published values only")
        if self.value == "rate" and self.published.measure.per is None:
            raise ValueError(f"{self.key}: this measure has no rate to draw")

    @property
    def fitness(self) -> Fitness:
        """Whether the figure is fit for use, by what is behind it and its own cells."""
        if self.published.kind is DisclosureClass.OFFICIAL:
            return self.evidence.fitness
        return self.evidence.fitness.also([self._error(), self._division()])

    def _error(self) -> Check:
        if self.published.measure.unit == "£":
            return standard_error(None)
        counts = [cell.count for cell in self.published.cells if cell.count]
        return standard_error(min(counts, default=None))

    def _division(self) -> Check:
        """For how many the category is known, where it has a value for not known."""
        unknown = [
            code
            for code, label in self.category.labels.items()
            if label.lower() in UNKNOWN
        ]
        # Without a place to show (a council of one district) there is no layer.
        cells = next((cells for _, cells in self.layers()), [])
        sizes = {
            cell.at[self.category.key]: cell.denominator or cell.count or 0.0
            for cell in cells
        }
        whole = sum(sizes.values())
        if not unknown or not whole:
            return division_known(self.category.title, None)
        lost = sum(sizes.get(code, 0.0) for code in unknown)
        return division_known(self.category.title, 1 - lost / whole)

    @property
    def dimensions(self) -> list[Dimension]:
        """The coordinates of every cell, in the order of the table's columns."""
        wanted = [self.category, self.split, self.series]
        return [dimension for dimension in wanted if dimension is not None]

    def value_of(self, cell: PublishedCell) -> float | None:
        """Return the drawn value of a cell, None where it is hidden."""
        return cell.rate if self.value == "rate" else cell.count

    def cells_at(self, **at: str) -> list[PublishedCell]:
        """Return the cells with these coordinates, in the category's order."""
        order = {code: n for n, code in enumerate(self.category.labels)}
        found = [
            cell
            for cell in self.published.cells
            if all(cell.at.get(key) == value for key, value in at.items())
        ]
        return sorted(found, key=lambda cell: order[cell.at[self.category.key]])

    def layers(self) -> list[tuple[str, list[PublishedCell]]]:
        """Return each series' label and cells; one unnamed layer without a series."""
        if self.series is None:
            return [("", self.cells_at())]
        return [
            (label, self.cells_at(**{self.series.key: code}))
            for code, label in self.series.labels.items()
        ]

    @property
    def axis_title(self) -> str:
        """What the value axis measures, with its unit."""
        measure = self.published.measure
        if self.value == "count":
            return f"{measure.title} ({measure.unit})"
        return f"{measure.title}, {per_words(measure.per)}"

    @property
    def reading(self) -> str:
        """How to read the figure: unit, period, and which way is better."""
        words = [self.axis_title, self.period]
        better = self.published.measure.better
        if better:
            words.append(f"{better} is better")
        return " · ".join(words)

    def number_format(self) -> dict[str, Any]:
        """Return the axis's number format in Plotly's words."""
        measure = self.published.measure
        if measure.unit == "£":
            return {"tickprefix": "£", "tickformat": ",.0f"}
        if self.value == "rate" and measure.per == 100:
            return {"ticksuffix": "%", "tickformat": ",.3~g"}
        return {"tickformat": ",.4~g"}


def per_words(per: int | None) -> str:
    """Write a rate's scale: "% of people", "per 1,000 people" or "per person"."""
    if per == 100:
        return "% of people"
    return "per person" if per in (None, 1) else f"per {per:,} people"
