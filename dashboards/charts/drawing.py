"""Draw a ChartSpec as Plotly JSON. Pure: published values in, plain data out.

Four colours at most, each with its own pattern, symbol or place, so that nothing
hangs on colour alone.
"""

from collections.abc import Callable
from math import floor, log10
from typing import Any

from dashboards.charts.area_map import draw_map
from dashboards.charts.funnel import draw_funnel
from dashboards.charts.marks import (
    COLOURS,
    INK,
    PAPER,
    Drawing,
    Trace,
    base_layout,
    error_bars,
    level,
    name_axis,
    pattern,
    value_axis,
    words,
)
from dashboards.charts.spec import ChartSpec
from dashboards.charts.table import show
from dashboards.charts.upset import draw_upset
from dashboards.charts.xmr import draw_xmr


def draw(spec: ChartSpec) -> dict[str, Any]:
    """Return {"data": traces, "layout": layout} for Plotly."""
    traces, layout = DRAWERS[spec.kind](spec)
    return {"data": traces, "layout": base_layout() | layout}


def _bars(spec: ChartSpec) -> Drawing:
    """Horizontal bars for the layer in question, diamonds for its comparators."""
    traces: list[Trace] = []
    for n, (label, cells) in enumerate(spec.layers()):
        common = {
            "name": label or spec.published.measure.title,
            "y": [spec.category.of(cell) for cell in cells],
            "x": [spec.value_of(cell) for cell in cells],
            "hovertext": [words(cell, spec) for cell in cells],
            "hoverinfo": "text",
        }
        if n == 0:
            traces.append(
                common
                | {
                    "type": "bar",
                    "orientation": "h",
                    "marker": {"color": COLOURS[0]},
                    "error_x": error_bars(cells, spec),
                }
            )
        else:
            marker = {
                "color": COLOURS[3],
                "size": 12,
                "symbol": ("diamond", "circle", "square")[n - 1],
                "line": {"color": INK, "width": 1},
            }
            traces.append(
                common | {"type": "scatter", "mode": "markers", "marker": marker}
            )
    rows = len(spec.category.labels)
    layout = {
        "xaxis": value_axis(spec),
        "yaxis": name_axis(spec.category.labels.values(), autorange="reversed"),
        "height": 130 + 34 * rows,
        "showlegend": len(traces) > 1,
        "annotations": _hidden_marks(spec),
    }
    return traces, layout


def _hidden_marks(spec: ChartSpec) -> list[dict[str, Any]]:
    """Write "hidden" where a bar would start, so that hidden never looks like none."""
    _, cells = spec.layers()[0]
    return [
        {
            "x": 0,
            "y": spec.category.of(cell),
            "text": "hidden",
            "showarrow": False,
            "xanchor": "left",
            "font": {"size": 13},
        }
        for cell in cells
        if cell.is_hidden
    ]


def _pyramid(spec: ChartSpec) -> Drawing:
    """Two sexes back to back; what they are compared with as an outline."""
    if spec.split is None or len(spec.split.labels) != 2:
        raise ValueError(f"{spec.key}: a pyramid needs a split of two")
    traces: list[Trace] = []
    values = [spec.value_of(cell) or 0.0 for cell in spec.published.cells]
    step = round_step(max(values, default=1.0) or 1.0)
    edge = step * (max(values, default=0.0) // step + 1)
    for n, (label, cells) in enumerate(spec.layers()):
        for side, (code, title) in enumerate(spec.split.labels.items()):
            sign = -1 if side == 0 else 1
            mine = [cell for cell in cells if cell.at[spec.split.key] == code]
            common = {
                "name": f"{title}, {label}" if label else title,
                "y": [spec.category.of(cell) for cell in mine],
                "x": [_signed(spec.value_of(cell), sign) for cell in mine],
                "hovertext": [words(cell, spec) for cell in mine],
                "hoverinfo": "text",
            }
            if n == 0:
                marker = {
                    "color": COLOURS[side],
                    "pattern": pattern(side),
                }
                bar = {"type": "bar", "orientation": "h", "marker": marker}
                traces.append(common | bar)
            else:
                line = {"color": INK, "width": 2, "shape": "vhv"}
                traces.append(
                    common
                    | {"type": "scatter", "mode": "lines", "line": line}
                    | {"showlegend": side == 0, "name": label}
                )
    ticks = [step * n for n in range(-round(edge / step), round(edge / step) + 1)]
    layout = {
        "barmode": "overlay",
        "bargap": 0.1,
        "xaxis": value_axis(
            spec,
            range=[-edge, edge],
            tickvals=ticks,
            ticktext=[_tick(abs(tick), spec) for tick in ticks],
        ),
        "yaxis": name_axis(spec.category.labels.values()),
        "height": 130 + 24 * len(spec.category.labels),
    }
    return traces, layout


def round_step(largest: float) -> float:
    """Return a round distance between ticks: 1, 2 or 5 times a power of ten."""
    rough = largest / 3
    power = 10.0 ** floor(log10(rough))
    return power * next(n for n in (1, 2, 5, 10) if n * power >= rough)


def _signed(value: float | None, sign: int) -> float | None:
    return None if value is None else sign * value


def _tick(value: float, spec: ChartSpec) -> str:
    return show(value, spec) if spec.value == "rate" else f"{value:,.0f}"


def _hundred(spec: ChartSpec) -> Drawing:
    """A bar of 100 people for each layer, divided by category."""
    layers = spec.layers()
    traces: list[Trace] = []
    for n, (code, title) in enumerate(spec.category.labels.items()):
        cells = [
            next(cell for cell in cells if cell.at[spec.category.key] == code)
            for _, cells in layers
        ]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": title,
                "y": [label for label, _ in layers],
                "x": [cell.rate for cell in cells],
                "hovertext": [words(cell, spec) for cell in cells],
                "hoverinfo": "text",
                "marker": {
                    "color": COLOURS[n % 4],
                    "line": {"color": PAPER, "width": 2},
                    "pattern": pattern(n // 4),
                },
            }
        )
    layout = {
        "barmode": "stack",
        "xaxis": value_axis(spec, range=[0, 100]),
        "yaxis": name_axis(autorange="reversed"),
        "height": 190 + 70 * len(layers) + 24 * (len(traces) // 2),
        "legend": {"orientation": "h", "y": -0.45, "x": 0, "traceorder": "normal"},
    }
    return traces, layout


def _trend(spec: ChartSpec) -> Drawing:
    """A line over time for each layer, told apart by dash and marker as well."""
    dashes = ("solid", "dash", "dot", "dashdot")
    symbols = ("circle", "diamond", "square", "x")
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": label or spec.published.measure.title,
            "x": [spec.category.of(cell) for cell in cells],
            "y": [spec.value_of(cell) for cell in cells],
            "hovertext": [words(cell, spec) for cell in cells],
            "hoverinfo": "text",
            "connectgaps": False,
            "line": {"color": COLOURS[n % 4], "dash": dashes[n % 4], "width": 3},
            "marker": {"symbol": symbols[n % 4], "size": 8},
        }
        for n, (label, cells) in enumerate(spec.layers())
    ]
    layout = {
        "xaxis": name_axis(spec.category.labels.values(), tickangle=-45, nticks=12),
        "yaxis": value_axis(spec),
        "height": 380,
        "showlegend": len(traces) > 1,
        "shapes": [] if spec.target is None else [level(spec.target)],
    }
    return traces, layout


DRAWERS: dict[str, Callable[[ChartSpec], Drawing]] = {
    "bars": _bars,
    "pyramid": _pyramid,
    "hundred": _hundred,
    "trend": _trend,
    "funnel": draw_funnel,
    "map": draw_map,
    "upset": draw_upset,
    "xmr": draw_xmr,
}
