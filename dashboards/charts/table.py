"""The figure as an accessible table, as a CSV file, and as one spoken sentence."""

import csv
import io
from dataclasses import dataclass

from dashboards import wording
from dashboards.charts.spec import ChartSpec, per_words
from governance.disclosure import PublishedCell, as_rows

# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether it holds numbers (right-aligned)."""

    title: str
    is_number: bool


@dataclass(frozen=True)
class Table:
    """Headings and rows of words; the first column heads its row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def as_table(spec: ChartSpec) -> Table:
    """Return the figure as a table: every cell that is drawn, with its denominator."""
    measure = spec.published.measure
    has_rate = measure.per is not None
    columns = [Column(dimension.title, False) for dimension in spec.dimensions]
    columns.append(Column(f"{measure.title} ({measure.unit})", True))
    if has_rate:
        columns.append(Column("Out of (people)", True))
        columns.append(Column(per_words(measure.per).capitalize(), True))
    # A figure that is no rate, such as a model's, may have an interval of its own.
    has_interval = has_rate or any(c.lower is not None for c in spec.published.cells)
    if has_interval:
        columns.append(Column("95% interval", True))
    rows = []
    for _, cells in spec.layers():
        for cell in cells:
            heads = [dimension.of(cell) for dimension in spec.dimensions]
            numbers = _numbers(cell, spec, has_rate)
            if has_interval and not has_rate:
                numbers.append(_between(cell, spec))
            rows.append((*heads, *numbers))
    caption = f"{spec.axis_title}, {spec.period}"
    return Table(caption, tuple(columns), tuple(rows), spec.published.notes)


def _numbers(cell: PublishedCell, spec: ChartSpec, has_rate: bool) -> list[str]:
    if cell.hidden:
        words = f"{cell.hidden}, hidden"
    else:
        words = _count(cell.count, spec)
    if not has_rate:
        return [words]
    of = "hidden" if cell.denominator is None else wording.count(cell.denominator)
    if cell.hidden:
        return [words, of, "hidden", "hidden"]
    interval = "not given"
    if cell.lower is not None:
        interval = f"{show(cell.lower, spec)} to {show(cell.upper, spec)}"
    rate = "no people" if cell.rate is None else show(cell.rate, spec)
    return [words, of, rate, interval]


def _between(cell: PublishedCell, spec: ChartSpec) -> str:
    if cell.lower is None:
        return ""
    return f"{_count(cell.lower, spec)} to {_count(cell.upper, spec)}"


def _count(value: float | None, spec: ChartSpec) -> str:
    is_money = spec.published.measure.unit == "£"
    return wording.pounds(value) if is_money else wording.amount(value)


def show(value: float | None, spec: ChartSpec) -> str:
    """Write a rate with its unit: £1,234, 12.3% or 92.4."""
    measure = spec.published.measure
    if measure.unit == "£":
        return wording.pounds(value)
    if measure.per == 100:
        return wording.percent(None if value is None else value / 100)
    return wording.number(value)


def as_csv(spec: ChartSpec) -> str:
    """Return the figure as CSV: coordinates, values, intervals, period and freshness.

    Hidden values stay empty, with the reason in a column of its own. Words that a
    spreadsheet would run as a formula are disarmed.
    """
    measure = spec.published.measure
    context = {
        "measure": measure.title,
        "unit": measure.unit,
        "rate_per": measure.per or "",
        "period": spec.period,
        "freshness": spec.evidence.freshness,
        "disclosure": spec.published.kind.value,
        "fitness": spec.fitness.grade or "",
        "warning": " ".join(spec.evidence.warnings),
    }
    rows = []
    for cell, row in zip(spec.published.cells, as_rows(spec.published), strict=True):
        named = {dimension.key: dimension.of(cell) for dimension in spec.dimensions}
        codes = {f"{key}_code": code for key, code in cell.at.items()}
        values = {key: row[key] for key in row if key not in cell.at}
        rows.append(named | codes | values | context)
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), restval="", lineterminator="\r\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: disarmed(value) for key, value in row.items()})
    return out.getvalue()


def disarmed(value: object) -> object:
    """Return text that no spreadsheet runs: formula signs at its start are quoted."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def describe(spec: ChartSpec) -> str:
    """Say the drawing in words: what it is, its range, how much is hidden."""
    label, cells = spec.layers()[0]
    known = [(spec.value_of(cell), cell) for cell in cells]
    drawn = [(value, cell) for value, cell in known if value is not None]
    kind = {
        "hundred": "bar of 100 people",
        "bars": "bar chart",
        "xmr": "control chart",
    }.get(spec.kind, f"{spec.kind} chart")
    words = [f"{kind.capitalize()}: {spec.title}.", *spec.evidence.warnings]
    if drawn:
        low = min(drawn, key=lambda pair: pair[0])
        high = max(drawn, key=lambda pair: pair[0])
        subject = f"{label}: " if label else ""
        words.append(
            f"{subject}from {_spoken(low[0], spec)} ({_heads(low[1], spec)}) to"
            f" {_spoken(high[0], spec)} ({_heads(high[1], spec)})."
        )
    hidden = sum(cell.is_hidden for cell in spec.published.cells)
    if hidden:
        words.append(f"{hidden} of {len(spec.published.cells)} values are hidden.")
    words.append("The table below holds the same figures.")
    return " ".join(words)


def _spoken(value: float, spec: ChartSpec) -> str:
    return show(value, spec) if spec.value == "rate" else _count(value, spec)


def _heads(cell: PublishedCell, spec: ChartSpec) -> str:
    wanted = [spec.category, spec.split]
    return ", ".join(dimension.of(cell) for dimension in wanted if dimension)
