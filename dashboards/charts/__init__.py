"""One ChartSpec per figure: the drawing, the table and the CSV say the same."""

from dashboards.charts.drawing import draw
from dashboards.charts.spec import ChartSpec, Dimension, Evidence
from dashboards.charts.table import Table, as_csv, as_table, describe

__all__ = [
    "ChartSpec",
    "Dimension",
    "Evidence",
    "Table",
    "as_csv",
    "as_table",
    "describe",
    "draw",
]
