"""An UpSet plot: how many are in each combination of sets, and which sets those are.

Lex, Gehlenborg, Strobelt, Vuillemot, Pfister: UpSet, IEEE TVCG 2014. Bars above, a
matrix of dots below; the table says each combination in words.
"""

from typing import Any

from dashboards.charts.marks import (
    COLOURS,
    GRID,
    INK,
    Drawing,
    Trace,
    name_axis,
    value_axis,
    words,
)
from dashboards.charts.spec import ChartSpec, per_words

BARS = (0.45, 1.0)
DOTS = (0.0, 0.4)


def draw_upset(spec: ChartSpec) -> Drawing:
    """Draw bars of the combinations over a matrix of their sets."""
    _, cells = spec.layers()[0]
    codes = [cell.at[spec.category.key] for cell in cells]
    at = {code: n for n, code in enumerate(codes)}
    traces: list[Trace] = [
        {
            "type": "bar",
            "name": spec.published.measure.title,
            "x": list(at.values()),
            "y": [spec.value_of(cell) for cell in cells],
            "hovertext": [words(cell, spec) for cell in cells],
            "hoverinfo": "text",
            "marker": {"color": COLOURS[0]},
        }
    ]
    titles = list(spec.sets)
    for code, x in at.items():
        member = [title for title in titles if code in spec.sets[title]]
        others = [title for title in titles if title not in member]
        traces.append(_dots(x, others, GRID, "circle-open", lines=False))
        traces.append(_dots(x, member, INK, "circle", lines=len(member) > 1))
    layout: dict[str, Any] = {
        "xaxis": {"visible": False, "fixedrange": True, "anchor": "y2"},
        # The whole measure would not fit beside so low an axis; the figure says it.
        "yaxis": value_axis(
            spec,
            domain=list(BARS),
            title={"text": per_words(spec.published.measure.per)},
        ),
        "yaxis2": name_axis(
            domain=list(DOTS),
            anchor="x",
            categoryorder="array",
            categoryarray=titles[::-1],
        ),
        "height": 340 + 34 * len(titles),
        "showlegend": False,
        "annotations": [
            {
                "x": at[cell.at[spec.category.key]],
                "y": 0,
                "yanchor": "bottom",
                "text": "hidden",
                "textangle": -90,
                "showarrow": False,
                "font": {"size": 13},
            }
            for cell in cells
            if cell.is_hidden
        ],
    }
    return traces, layout


def _dots(x: int, titles: list[str], colour: str, symbol: str, *, lines: bool) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers" if lines else "markers",
        "x": [x] * len(titles),
        "y": titles,
        "yaxis": "y2",
        "hoverinfo": "skip",
        "marker": {"size": 14, "color": colour, "symbol": symbol},
        "line": {"color": colour, "width": 3},
    }
