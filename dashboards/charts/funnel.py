"""A funnel plot: rates against size, and the limits that chance alone would give."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dashboards.charts.marks import (
    COLOURS,
    GRID,
    Drawing,
    Trace,
    level,
    value_axis,
    words,
)
from dashboards.charts.spec import ChartSpec
from governance.disclosure import Measure, PublishedCell, byar, wilson

# About 2 and 3 standard deviations: one in 20 and one in 500 by chance alone
# (Spiegelhalter, Statistics in Medicine 2005;24:1185-1202).
CONFIDENCES = ((0.95, "dot"), (0.998, "dash"))
POINTS = 60


@dataclass(frozen=True)
class Limit:
    """One limit line: rates expected at sizes, in the measure's own scale."""

    title: str
    dash: str
    is_lower: bool
    sizes: tuple[float, ...]
    values: tuple[float, ...]


def interval_around(
    target: float, size: float, measure: Measure, confidence: float
) -> tuple[float, float]:
    """Return the rates that chance alone gives a group of this size.

    Wilson's interval for shares of people, Byar's for events, both evaluated at the
    expected count; `target` and the result are rates in the measure's scale.
    """
    per = measure.per or 1
    expected = target / per * size
    if measure.unit == "people":
        low, high = wilson(min(expected, size), size, confidence)
        return low * per, high * per
    low, high = byar(expected, confidence)
    return low / size * per, high / size * per


def funnel_limits(
    target: float, sizes: Iterable[float], measure: Measure
) -> Iterator[Limit]:
    """Return the lower and upper limit lines at both confidences."""
    largest, smallest = max(sizes) * 1.05, max(min(sizes) * 0.5, 5.0)
    step = (largest - smallest) / POINTS
    grid = tuple(smallest + step * n for n in range(POINTS + 1))
    for confidence, dash in CONFIDENCES:
        bounds = [interval_around(target, n, measure, confidence) for n in grid]
        for side, is_lower in ((0, True), (1, False)):
            values = tuple(bound[side] for bound in bounds)
            title = f"{confidence:.1%} limits of chance".replace(".0%", "%")
            yield Limit(title, dash, is_lower, grid, values)


def is_exception(cell: PublishedCell, target: float, measure: Measure) -> str | None:
    """Return "higher" or "lower" where chance hardly explains a rate (99.8%)."""
    if cell.rate is None or not cell.denominator:
        return None
    low, high = interval_around(target, cell.denominator, measure, CONFIDENCES[1][0])
    if cell.rate > high:
        return "higher"
    return "lower" if cell.rate < low else None


def draw_funnel(spec: ChartSpec) -> Drawing:
    """Rates against size, between the limits that chance alone would give."""
    _, cells = spec.layers()[0]
    seen = [cell for cell in cells if cell.rate is not None and cell.denominator]
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": spec.category.title,
            "x": [cell.denominator for cell in seen],
            "y": [cell.rate for cell in seen],
            "hovertext": [words(cell, spec) for cell in seen],
            "hoverinfo": "text",
            "marker": {"color": COLOURS[0], "size": 10},
        }
    ]
    if spec.target is not None and seen:
        sizes = [cell.denominator or 0.0 for cell in seen]
        for limit in funnel_limits(spec.target, sizes, spec.published.measure):
            line = {"color": COLOURS[2], "width": 2, "dash": limit.dash}
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": limit.title,
                    "x": list(limit.sizes),
                    "y": list(limit.values),
                    "line": line,
                    "hoverinfo": "skip",
                    "showlegend": limit.is_lower,
                }
            )
    layout = {
        "xaxis": {
            "title": {"text": "People"},
            "rangemode": "tozero",
            "gridcolor": GRID,
            "fixedrange": True,
            "tickformat": ",.0f",
        },
        "yaxis": value_axis(spec, rangemode="normal"),
        "height": 420,
        "shapes": [] if spec.target is None else [level(spec.target)],
    }
    return traces, layout
