"""A control chart: points in time, their mean and limits, and what stands out."""

from typing import Any

from dashboards.charts.marks import (
    COLOURS,
    Drawing,
    Trace,
    level,
    name_axis,
    value_axis,
    words,
)
from dashboards.charts.spec import ChartSpec

ORDINARY = "#4C6272"
# (what a point is, its colour, its symbol): never told by colour alone.
LOOKS = {
    "common": ("Ordinary variation", ORDINARY, "circle"),
    "improvement": ("Better than its own past", COLOURS[0], "diamond"),
    "concern": ("Worse than its own past", COLOURS[3], "square"),
    "neither": ("Different from its own past", COLOURS[2], "triangle-up"),
}


def draw_xmr(spec: ChartSpec) -> Drawing:
    """A line, its points by kind, the mean and the limits (dashed)."""
    control = spec.control
    if control is None:
        raise ValueError(f"{spec.key}: a control chart needs its limits")
    _, cells = spec.layers()[0]
    x = [spec.category.of(cell) for cell in cells]
    y = [spec.value_of(cell) for cell in cells]
    kinds = [kind_of(mark, spec) for mark in control.marks]
    line = {"color": ORDINARY, "width": 2}
    traces: list[Trace] = [
        {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line}
        | {"hoverinfo": "skip", "showlegend": False}
    ]
    for kind, (title, colour, symbol) in LOOKS.items():
        mine = [n for n, each in enumerate(kinds) if each == kind]
        if not mine:
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": title,
                "x": [x[n] for n in mine],
                "y": [y[n] for n in mine],
                "hovertext": [
                    ": ".join(filter(None, [words(cells[n], spec), control.why[n]]))
                    for n in mine
                ],
                "hoverinfo": "text",
                "marker": {"color": colour, "symbol": symbol, "size": 9},
            }
        )
    limits = [level(control.lower), level(control.upper)]
    mean = level(control.mean)
    mean["line"] = mean["line"] | {"dash": "solid"}
    asked = [] if spec.target is None else [spec.target]
    # A control chart is read by its limits: from nought they would lie on each other.
    low = min([control.lower, *asked, *(v for v in y if v is not None)])
    high = max([control.upper, *asked, *(v for v in y if v is not None)])
    room = (high - low) * 0.08 or 1.0
    layout = {
        "xaxis": name_axis(
            tickangle=-45, nticks=12, categoryorder="array", categoryarray=x
        ),
        "yaxis": value_axis(spec, rangemode="normal", range=[low - room, high + room]),
        "height": 400,
        "showlegend": True,
        "shapes": [mean, *limits, *(_target(each) for each in asked)],
    }
    return traces, layout


def _target(value: float) -> dict[str, Any]:
    line = level(value)
    line["line"] = {"color": COLOURS[2], "width": 2, "dash": "dot"}
    line["label"] = {"text": "Target", "textposition": "start"}
    return line


def kind_of(mark: str, spec: ChartSpec) -> str:
    """Which of LOOKS a mark ("high", "low", "") is, by what is better."""
    if not mark:
        return "common"
    better = spec.published.measure.better
    if better not in ("lower", "higher"):
        return "neither"
    return (
        "improvement"
        if mark == {"lower": "low", "higher": "high"}[better]
        else "concern"
    )
