"""Read reference files as text; errors name the file, the row and the field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

# Empty cells as the publishers write them; "NA" is R's, in several published tables.
EMPTY = ("", "NA", "NULL", "null")


class BadReference(ValueError):
    """A reference file that cannot be used as it stands; says where and why."""


@dataclass
class Delivery:
    """A folder of reference files, and which of them have been read."""

    folder: Path
    read: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise BadReference(f"{self.folder}: there is no such folder")

    def find(self, pattern: str) -> Path | None:
        """Return the last file of a pattern by name: x_2023.csv, not x_2022.csv."""
        found = sorted(self.folder.glob(pattern))
        return found[-1] if found else None

    def need(self, pattern: str, what: str) -> Path:
        """Like `find`, but without the file nothing can be loaded."""
        path = self.find(pattern)
        if path is None:
            raise BadReference(
                f"{self.folder}: no file {pattern} ({what}). The folder holds: "
                + (
                    ", ".join(p.name for p in sorted(self.folder.iterdir()))
                    or "nothing"
                )
            )
        return path

    def mark(self, path: Path) -> Path:
        """Note that a file is read."""
        if path.name not in self.read:
            self.read.append(path.name)
        return path

    def unread(self) -> list[str]:
        """The names of the files that nothing read."""
        return sorted(
            p.name
            for p in self.folder.iterdir()
            if p.is_file() and p.name not in self.read
        )


def read_table(
    path: Path,
    columns: Mapping[str, Sequence[str]],
    *,
    optional: Mapping[str, Sequence[str]] | None = None,
    headerless: Mapping[str, int] | None = None,
) -> pl.DataFrame:
    """Read a CSV file (gzip allowed) as text under our own column names.

    `columns` and `optional` map our name to the headers that publishers have used;
    an optional column that is absent becomes null. `headerless` gives the position
    of each column in a file that is published without a header; it is used where the
    first line holds no known header. Returns the columns asked for and `row`, the
    line number as a spreadsheet shows it. Raises BadReference.
    """
    wanted = dict(columns) | dict(optional or {})
    try:
        first = pl.read_csv(path, has_header=False, n_rows=1, infer_schema=False)
        known = {_plain(h) for headers in wanted.values() for h in headers}
        has_header = any(_plain(v or "") in known for v in first.row(0))
        frame = pl.read_csv(
            path, has_header=has_header, infer_schema=False, null_values=list(EMPTY)
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadReference(f"{path.name}: cannot be read as CSV: {error}") from error
    if not has_header and headerless is None:
        raise BadReference(
            f"{path.name}: row 1: expected a header with "
            + ", ".join(headers[0] for headers in columns.values())
        )
    if has_header:
        given = {_plain(name): name for name in frame.columns}
        source = {
            ours: next((given[_plain(h)] for h in headers if _plain(h) in given), None)
            for ours, headers in wanted.items()
        }
    else:
        assert headerless is not None
        needed = 1 + max(headerless.values())
        if needed > frame.width:
            raise BadReference(
                f"{path.name}: row 1: {frame.width} columns without a header, and"
                f" {needed} are needed"
            )
        source = {ours: frame.columns[headerless[ours]] for ours in wanted}
    for ours in columns:
        if source[ours] is None:
            raise BadReference(
                f"{path.name}: row 1: no column {' or '.join(columns[ours])};"
                f" there are: {', '.join(map(_plain, frame.columns))}"
            )
    return frame.select(
        *[
            (pl.col(s).str.strip_chars() if s else pl.lit(None, pl.String)).alias(ours)
            for ours, s in source.items()
        ],
        row=pl.int_range(pl.len(), dtype=pl.Int64) + 1 + int(has_header),
    )


def headers(path: Path) -> list[str]:
    """The first line of a CSV file as headers."""
    first = pl.read_csv(path, has_header=False, n_rows=1, infer_schema=False)
    return [_plain(value or "") for value in first.row(0)]


def _plain(header: str) -> str:
    """A header without the line breaks and spaces that spreadsheets put into it."""
    return " ".join(header.replace("\ufeff", "").split()).lower()


def require(frame: pl.DataFrame, path: Path, *columns: str) -> pl.DataFrame:
    """Return the frame when none of the columns has an empty cell."""
    for column in columns:
        _refuse(frame.filter(pl.col(column).is_null()), path, column, "is empty")
    return frame


def unique(frame: pl.DataFrame, path: Path, *columns: str) -> pl.DataFrame:
    """Return the frame when no two rows share the same key."""
    again = frame.filter(pl.struct(columns).is_first_distinct().not_())
    _refuse(again, path, columns[0], "stands in an earlier row too")
    return frame


def to_date(frame: pl.DataFrame, path: Path, *columns: str) -> pl.DataFrame:
    """Turn text columns (YYYYMMDD or YYYY-MM-DD) into dates; empty stays null."""
    for column in columns:
        parsed = pl.coalesce(
            pl.col(column).str.to_date("%Y%m%d", strict=False),
            pl.col(column).str.to_date("%Y-%m-%d", strict=False),
        )
        bad = frame.filter(pl.col(column).is_not_null() & parsed.is_null())
        _refuse(bad, path, column, "is not a date (YYYYMMDD or YYYY-MM-DD)")
        frame = frame.with_columns(parsed.alias(column))
    return frame


def to_number(
    frame: pl.DataFrame, path: Path, dtype: type[pl.DataType], *columns: str
) -> pl.DataFrame:
    """Turn text columns into numbers ("6.0" is a whole number too)."""
    for column in columns:
        parsed = pl.col(column).cast(pl.Float64, strict=False).cast(dtype, strict=False)
        bad = frame.filter(pl.col(column).is_not_null() & parsed.is_null())
        _refuse(bad, path, column, "is not a number")
        frame = frame.with_columns(parsed.alias(column))
    return frame


def _refuse(bad: pl.DataFrame, path: Path, column: str, why: str) -> None:
    if bad.is_empty():
        return
    first = bad.row(0, named=True)
    more = f" (and {bad.height - 1} more rows)" if bad.height > 1 else ""
    shown = f" {first[column]!r}" if first[column] is not None else ""
    raise BadReference(f"{path.name}: row {first['row']}: {column}{shown} {why}{more}")
