"""What every drawing shares: colours, axes, tooltips, intervals."""

from collections.abc import Iterable
from typing import Any

from dashboards import wording
from dashboards.charts.spec import ChartSpec
from dashboards.charts.table import show
from governance.disclosure import PublishedCell

# Government Analysis Function palette: adjacent colours keep 3:1 contrast.
COLOURS = ("#12436D", "#28A197", "#801650", "#F46A25")
PATTERNS = ("", "/", ".", "x")
INK = "#212B32"
GRID = "#D8DDE0"
PAPER = "#FFFFFF"
FONT = "Arial, sans-serif"

Trace = dict[str, Any]
Drawing = tuple[list[Trace], dict[str, Any]]


def base_layout() -> dict[str, Any]:
    return {
        "font": {"family": FONT, "size": 16, "color": INK},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "margin": {"l": 16, "r": 16, "t": 16, "b": 56},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        "hovermode": "closest",
        "dragmode": False,
        "bargap": 0.25,
    }


def value_axis(spec: ChartSpec, **more: Any) -> dict[str, Any]:
    return {
        "title": {"text": spec.axis_title},
        "rangemode": "tozero",
        "gridcolor": GRID,
        "zerolinecolor": INK,
        "fixedrange": True,
        "automargin": True,
        **spec.number_format(),
        **more,
    }


def name_axis(order: Iterable[str] = (), **more: Any) -> dict[str, Any]:
    """An axis of names, in this order; else in that of the first series.

    A series leaves out what is hidden, which Plotly would then put last.
    """
    stated = {"categoryorder": "array", "categoryarray": list(order)} if order else {}
    return {"type": "category", "fixedrange": True, "automargin": True} | stated | more


def pattern(n: int) -> dict[str, Any]:
    """Return the nth filling; white strokes over the colour, none for the first."""
    shape = PATTERNS[n % len(PATTERNS)]
    return {"shape": shape, "fillmode": "overlay", "fgcolor": PAPER, "size": 6}


def words(cell: PublishedCell, spec: ChartSpec) -> str:
    """Say a cell in full, for the tooltip."""
    names = ", ".join(dimension.of(cell) for dimension in spec.dimensions)
    if cell.hidden:
        return f"{names}: {cell.hidden}, hidden"
    if cell.rate is None:
        return f"{names}: {wording.amount(cell.count)}"
    counts = f"{cell.count:,.0f} of {cell.denominator:,.0f}"
    return f"{names}: {show(cell.rate, spec)} ({counts})"


def error_bars(cells: list[PublishedCell], spec: ChartSpec) -> dict[str, Any]:
    """Return the bars of what is drawn: of rates, or of figures that are no rates."""
    if all(cell.lower is None for cell in cells):
        return {"visible": False}
    # The interval of a cell that has a rate is the rate's, and not its count's.
    if spec.value == "count" and any(cell.rate is not None for cell in cells):
        return {"visible": False}
    drawn = [spec.value_of(cell) for cell in cells]
    pairs = list(zip(cells, drawn, strict=True))
    above = [_gap(cell.upper, value) for cell, value in pairs]
    below = [_gap(value, cell.lower) for cell, value in pairs]
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "color": INK,
        "thickness": 1.5,
        "width": 4,
    }


def _gap(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(0.0, high - low)


def level(value: float) -> dict[str, Any]:
    line = {"color": INK, "width": 1.5, "dash": "dash"}
    where = {"xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value}
    return {"type": "line", "line": line} | where
