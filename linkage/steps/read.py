"""Read a delivered file under the names of its definition, as text, in batches."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.specs import FeedSpec
from linkage.steps.read_fhir import read_fhir

ROWS_PER_BATCH = 500_000


class UnreadableFileError(ValueError):
    """The file as a whole does not fit its definition; says what is missing."""


def read(path: Path, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """Yield frames of at most ROWS_PER_BATCH rows with the definition's columns.

    `row_number` (Int64, from 1, the header not counted) is added. CSV values are
    text; Parquet keeps its types. A column the file lacks is null. Raises
    UnreadableFileError when a required column is under none of its headers, or the
    file is not what its definition says.
    """
    readers = {"csv": _csv, "parquet": _parquet, "mesh": _mesh, "fhir_r4": _fhir}
    begun = 1
    try:
        for frame in readers[spec.reader](path, spec):
            yield frame.with_row_index("row_number", offset=begun).with_columns(
                pl.col("row_number").cast(pl.Int64)
            )
            begun += frame.height
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"{path.name} is not text in UTF-8.") from error
    except (csv.Error, pa.ArrowInvalid, IsADirectoryError) as error:
        raise UnreadableFileError(
            f"{path.name} cannot be read as {spec.reader}."
        ) from error


def read_content(content: bytes, spec: FeedSpec, name: str) -> pl.DataFrame:
    """Read a CSV that never lies in a file: as `read` does, all rows at once.

    name: what the reader calls it. Raises UnreadableFileError.
    """
    try:
        first = next(csv.reader(io.StringIO(content.decode("utf-8-sig"))), [])
        matched = headers(first, spec, Path(name))
        rows = pl.read_csv(content, infer_schema=False, new_columns=first)
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"{name} is not text in UTF-8.") from error
    except (csv.Error, pl.exceptions.PolarsError) as error:
        raise UnreadableFileError(f"{name} cannot be read as CSV.") from error
    named = _named(rows.select(list(matched)), matched, spec)
    return named.with_row_index("row_number", offset=1).cast({"row_number": pl.Int64})


def delivered(spec: FeedSpec) -> list[str]:
    """The columns of `read`'s frames beside row_number; what a replay gives again."""
    says = ["refused", "refused_field"] if spec.reader == "fhir_r4" else []
    return [*spec.expanded, *says]


def headers(found: list[str], spec: FeedSpec, path: Path) -> dict[str, str]:
    """Match a file's headers with the definition: {header: column}.

    Case, and spaces at the ends, do not matter. Raises UnreadableFileError.
    """
    by_name = {header.strip().lower(): header for header in found}
    matched: dict[str, str] = {}
    absent = []
    for name, column in spec.expanded.items():
        seen = [by_name[h.lower()] for h in column.headers if h.lower() in by_name]
        if seen:
            matched[seen[0]] = name
        elif column.required:
            absent.append(f"{name} (known as {', '.join(column.headers)})")
    if absent:
        raise UnreadableFileError(
            f"{path.name} has no column for {'; '.join(absent)}. If the supplier has "
            "changed a header, add it to the feed's definition and load again."
        )
    return matched


def _named(
    frame: pl.DataFrame, matched: dict[str, str], spec: FeedSpec
) -> pl.DataFrame:
    frame = frame.rename(matched)
    lacking = [name for name in spec.expanded if name not in frame.columns]
    return frame.with_columns(
        [pl.lit(None, dtype=pl.String).alias(name) for name in lacking]
    ).select(list(spec.expanded))


def _csv(path: Path, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.reader(file), [])
    matched = headers(first, spec, path)
    rows = pl.scan_csv(path, infer_schema=False, new_columns=first)
    try:
        wanted = rows.select(list(matched)).collect(engine="streaming")
    except pl.exceptions.ComputeError as error:
        # A line with more fields than headers has slipped: no column can be trusted.
        raise UnreadableFileError(f"{path.name}: {error}") from error
    for frame in wanted.iter_slices(ROWS_PER_BATCH):
        yield _named(frame, matched, spec)


def _parquet(path: Path, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(path) as file:
        matched = headers(file.schema_arrow.names, spec, path)
        gathered: list[pa.RecordBatch] = []
        rows = 0
        for batch in file.iter_batches(ROWS_PER_BATCH, columns=list(matched)):
            gathered.append(batch)
            rows += batch.num_rows
            if rows >= ROWS_PER_BATCH:
                yield _named(_frame(gathered), matched, spec)
                gathered, rows = [], 0
        if gathered:
            yield _named(_frame(gathered), matched, spec)


def _frame(batches: list[pa.RecordBatch]) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _mesh(path: Path, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """One value and a comma a line, no header (MESH, national data opt-out)."""
    name = next(iter(spec.expanded))
    lines = path.read_text(encoding="utf-8").splitlines()
    values = [line.split(",")[0].strip() or None for line in lines]
    yield pl.DataFrame({name: values}, schema={name: pl.String})


def _fhir(path: Path, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """FHIR resources; `refused` and `refused_field` stay beside the columns."""
    for frame in read_fhir(path):
        yield frame.select(delivered(spec))
