"""A map of filled polygons: no tiles, no addresses elsewhere, one trace per class."""

from dashboards.charts.marks import INK, PAPER, Drawing, Trace
from dashboards.charts.spec import ChartSpec
from dashboards.charts.table import show
from governance.disclosure import PublishedCell


def draw_map(spec: ChartSpec) -> Drawing:
    """Areas as filled polygons, one trace per class of the value: no tiles needed."""
    cells = [cell for cell in spec.cells_at() if cell.rate is not None]
    values = sorted(cell.rate for cell in cells if cell.rate is not None)
    traces: list[Trace] = []
    for n in range(4 if values else 0):
        low, high = _class_bounds(values, n)
        inside = [cell for cell in cells if _in_class(cell.rate, low, high, n)]
        if inside:
            name = f"{show(low, spec)} to {show(high, spec)}"
            traces.append(_filled(inside, spec, name, shade=(n + 1) / 4))
    hidden = [cell for cell in spec.cells_at() if cell.rate is None]
    if hidden:
        traces.append(_filled(hidden, spec, "hidden or no people", shade=0.0))
    plain = {"visible": False, "fixedrange": True}
    layout = {
        "xaxis": plain | {"constrain": "domain"},
        # A degree of longitude is about 0.63 of a degree of latitude at 51° N.
        "yaxis": plain | {"scaleanchor": "x", "scaleratio": 1.6},
        "height": 520,
    }
    return traces, layout


def _class_bounds(values: list[float], n: int) -> tuple[float, float]:
    last = len(values) - 1
    return values[round(last * n / 4)], values[round(last * (n + 1) / 4)]


def _in_class(value: float | None, low: float, high: float, n: int) -> bool:
    return (
        value is not None
        and (low < value or (n == 0 and low == value))
        and (value <= high)
    )


def _filled(
    cells: list[PublishedCell], spec: ChartSpec, name: str, shade: float
) -> Trace:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for cell in cells:
        for ring in spec.outlines.get(cell.at[spec.category.key], []):
            xs += [point[0] for point in ring] + [None]
            ys += [point[1] for point in ring] + [None]
    return {
        "type": "scatter",
        "mode": "lines",
        "fill": "toself",
        "name": name,
        "x": xs,
        "y": ys,
        "fillcolor": f"rgba(18, 67, 109, {shade:.2f})",
        "line": {"color": INK if shade == 0 else PAPER, "width": 0.75},
        "hoverinfo": "name",
    }
