"""What leaves of a cohort: its definition as YAML, its figures as CSV and XLSX."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter
import yaml
from django.http import HttpResponse

from dashboards.charts import ChartSpec, as_table
from dashboards.charts.table import disarmed
from dashboards.exports import csv_text
from governance.disclosure import as_rows

HEADER = (
    "figure",
    "title",
    "coordinates",
    "codes",
    "measure",
    "unit",
    "rate_per",
    "count",
    "denominator",
    "rate",
    "lower_95",
    "upper_95",
    "hidden",
    "period",
    "freshness",
    "disclosure",
)
SHEET_LETTERS = 31
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def as_yaml(described: dict[str, Any], name: str) -> HttpResponse:
    """Return a definition as a file that the platform reads back."""
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=88)
    return _file(text, "application/yaml; charset=utf-8", f"{name}.yaml")


def figures_csv(figures: Sequence[ChartSpec], name: str) -> HttpResponse:
    """Return every figure of a cohort in one long table, a row for each cell."""
    text = "\ufeff" + csv_text(HEADER, _rows(figures))
    return _file(text, "text/csv; charset=utf-8", f"{name}.csv")


def _rows(figures: Iterable[ChartSpec]) -> Iterable[Sequence[Any]]:
    for spec in figures:
        measure = spec.published.measure
        rows = as_rows(spec.published)
        for cell, row in zip(spec.published.cells, rows, strict=True):
            yield (
                spec.key,
                spec.title,
                "; ".join(dimension.of(cell) for dimension in spec.dimensions),
                "; ".join(f"{key}={code}" for key, code in cell.at.items()),
                measure.title,
                measure.unit,
                measure.per or "",
                *(row[key] for key in HEADER[7:13]),
                spec.period,
                spec.evidence.freshness,
                spec.published.kind.value,
            )


def figures_xlsx(
    figures: Sequence[ChartSpec], about: Sequence[tuple[str, str]], name: str
) -> HttpResponse:
    """Return every figure of a cohort as a sheet, after one that says what it is."""
    held = io.BytesIO()
    # A definition's words are text whatever they begin with, never a formula or link.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(held, options) as book:
        bold = book.add_format({"bold": True})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet("About")
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 100, wrapped)
        for row, (term, words) in enumerate(about):
            sheet.write_string(row, 0, term, bold)
            sheet.write_string(row, 1, str(disarmed(words)))
        for spec in figures:
            _sheet(book, spec, bold)
    return _file(held.getvalue(), XLSX, f"{name}.xlsx")


def _sheet(book: xlsxwriter.Workbook, spec: ChartSpec, bold: Any) -> None:
    table = as_table(spec)
    sheet = book.add_worksheet(spec.key[:SHEET_LETTERS])
    sheet.write_string(0, 0, spec.title, bold)
    sheet.write_string(1, 0, table.caption)
    for column, heading in enumerate(table.columns):
        sheet.write_string(3, column, heading.title, bold)
        sheet.set_column(column, column, 18 if heading.is_number else 34)
    for row, words in enumerate(table.rows, 4):
        for column, text in enumerate(words):
            number = _number(text) if table.columns[column].is_number else None
            if number is None:
                sheet.write_string(row, column, str(disarmed(text)))
            else:
                sheet.write_number(row, column, number)
    for extra, note in enumerate(table.notes, 5 + len(table.rows)):
        sheet.write_string(extra, 0, note)


def _number(text: str) -> float | None:
    """Return a table's number as one; percentages and pounds keep their words."""
    plain = text.replace(",", "")
    try:
        return float(plain)
    except ValueError:
        return None


def _file(content: str | bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
