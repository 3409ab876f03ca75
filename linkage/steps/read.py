"""Read a delivered file under the names of its definition, as text, in batches."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.specs import FeedSpec
from linkage.steps.cut_csv import cut_csv
from linkage.steps.open_file import Opened, Plain, opened
from linkage.steps.read_fhir import read_fhir
from linkage.steps.read_json import read_json
from linkage.steps.unpack import HARMLESS_BYTES, UnreadableFileError

__all__ = ["Opened", "UnreadableFileError", "opened", "read", "read_opened"]
ROWS_PER_BATCH = 500_000
# Of feeds that only refer to people, which are large: two batches of them lie in memory
# at a time. What writes to the person index is read twice where it is not one batch.
ROWS_REFERRING = 250_000
PIECE_BYTES = 64 << 20
MOST_PARQUET_ROWS = 500_000_000


def read(path: Path, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """Yield frames of at most ROWS_PER_BATCH rows with the definition's columns.

    `row_number` (Int64, from 1, the header not counted) is added. CSV values are
    text; Parquet keeps its types. A column the file lacks is null. Raises
    UnreadableFileError when a required column is under none of its headers, or the
    file is not what its definition says.
    """
    with opened(path, spec) as delivery:
        yield from read_opened(delivery, spec)


def read_opened(delivery: Opened, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """As `read`, from a delivery that is open already; its files in their order."""
    readers = {
        "csv": _csv,
        "parquet": _parquet,
        "ndjson": read_json,
        "json": read_json,
        "mesh": _mesh,
        "fhir_r4": _fhir,
    }
    begun = 1
    for plain in delivery.files:
        try:
            for frame in readers[plain.form](plain, spec):
                yield frame.with_row_index("row_number", offset=begun).with_columns(
                    pl.col("row_number").cast(pl.Int64)
                )
                begun += frame.height
        except UnicodeDecodeError as error:
            raise UnreadableFileError(
                f"{delivery.name} is not text in UTF-8."
            ) from error
        except (
            csv.Error,
            pa.ArrowException,
            pl.exceptions.PolarsError,
            OSError,
        ) as error:
            raise UnreadableFileError(
                f"{delivery.name} cannot be read as {spec.reader}:"
                f" {without_values(error)}."
            ) from error


def stated_headers(delivery: Opened, spec: FeedSpec) -> tuple[str, ...]:
    """The headers of a delivery's first file, in its order; none where its form has
    none. Raises UnreadableFileError."""
    first = delivery.files[0]
    if first.form == "parquet":
        try:
            return tuple(pq.read_schema(first.path).names)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFileError(
                f"{delivery.name} cannot be read as parquet: it is damaged."
            ) from error
    return tuple(_first_line(first)) if first.form == "csv" else ()


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


def _most_rows(spec: FeedSpec) -> int:
    if spec.tier == "reference":
        return min(ROWS_PER_BATCH, ROWS_REFERRING)
    return ROWS_PER_BATCH


def _named(
    frame: pl.DataFrame, matched: dict[str, str], spec: FeedSpec
) -> pl.DataFrame:
    frame = frame.rename(matched)
    lacking = [name for name in spec.expanded if name not in frame.columns]
    return frame.with_columns(
        [pl.lit(None, dtype=pl.String).alias(name) for name in lacking]
    ).select(list(spec.expanded))


def _first_line(plain: Plain) -> list[str]:
    try:
        with plain.path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file, delimiter=plain.separator), [])
    except csv.Error as error:
        raise UnreadableFileError(
            f"{plain.path.name}: the line of headers cannot be read."
        ) from error


def _csv(plain: Plain, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    first = _first_line(plain)
    matched = headers(first, spec, plain.path)
    _refuse_repeats(first, matched, plain.path)
    # Headers that nobody reads may be empty or the same; the frame's names may not.
    names = [name if name in matched else f"column {n}" for n, name in enumerate(first)]
    begun = False
    for source in _pieces(plain.path):
        # Every piece has as many columns as the headers, whatever its first row has.
        shape = pl.Schema(dict.fromkeys(names, pl.String)) if begun else None
        rows = pl.scan_csv(
            source,
            has_header=not begun,
            schema=shape,
            infer_schema=False,
            new_columns=None if begun else names,
            separator=plain.separator,
            missing_columns="insert" if begun else None,
        )
        begun = True
        try:
            wanted = rows.select(list(matched)).collect(engine="streaming")
        except pl.exceptions.ComputeError as error:
            # A line with more fields than headers has slipped: no column can be
            # trusted.
            raise UnreadableFileError(
                f"{plain.path.name}: a line does not fit the headers"
                f" ({without_values(error)}). Put it right and send the file again."
            ) from error
        for frame in wanted.iter_slices(_most_rows(spec)):
            yield _named(frame, matched, spec)


def _pieces(path: Path) -> Iterator[Path | bytes]:
    """A file as it is or, where it is large, piece by piece."""
    if path.stat().st_size <= PIECE_BYTES:
        yield path
    else:
        yield from cut_csv(path, PIECE_BYTES)


def _refuse_repeats(first: list[str], matched: dict[str, str], path: Path) -> None:
    for name in matched:
        if first.count(name) > 1:
            raise UnreadableFileError(
                f"{path.name} has the header {name} {first.count(name)} times: which"
                " of them counts nobody can say. Send it with each header once."
            )


def without_values(error: Exception) -> str:
    """What a reader says of a file, without the words that may stand in it."""
    words = str(error).partition("\n")[0].strip().rstrip(".")
    return re.sub(r"([`'\"]).*?(\1|$)", "…", words)[:160] or type(error).__name__


def _parquet(plain: Plain, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(plain.path) as file:
        _refuse_bombs(file, plain.path, spec)
        matched = headers(file.schema_arrow.names, spec, plain.path)
        for name in matched:
            kind = file.schema_arrow.field(name).type
            if pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType):
                raise UnreadableFileError(
                    f"{plain.path.name}: the column {name} holds {kind}, where one"
                    " plain value a row is needed."
                )
        gathered: list[pa.RecordBatch] = []
        rows, most = 0, _most_rows(spec)
        for batch in file.iter_batches(most, columns=list(matched)):
            gathered.append(batch)
            rows += batch.num_rows
            if rows >= most:
                yield _named(_frame(gathered), matched, spec)
                gathered, rows = [], 0
        if gathered:
            yield _named(_frame(gathered), matched, spec)


def _refuse_bombs(file: pq.ParquetFile, path: Path, spec: FeedSpec) -> None:
    """Refuse what its own footer says would not fit; batches bound the rest."""
    told, size = file.metadata, max(path.stat().st_size, 1)
    out = sum(told.row_group(n).total_byte_size for n in range(told.num_row_groups))
    limits = spec.reading
    small = out <= HARMLESS_BYTES
    if out > limits.out_bytes or told.num_rows > MOST_PARQUET_ROWS:
        raise UnreadableFileError(
            f"{path.name} unpacks to {out:,} bytes in {told.num_rows:,} rows: send it"
            " in parts, by period."
        )
    if not small and out / size > limits.ratio:
        raise UnreadableFileError(
            f"{path.name} unpacks to more than {limits.ratio} times its size, as files"
            " that are meant to do harm do."
        )


def _frame(batches: list[pa.RecordBatch]) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)
    plain = (pl.String, pl.Boolean, pl.Date, pl.Datetime)
    odd = [
        name
        for name, dtype in frame.schema.items()
        if dtype not in plain and not dtype.is_numeric()
    ]
    return frame.with_columns(pl.col(odd).cast(pl.String)) if odd else frame


def _mesh(plain: Plain, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """One value and a comma a line, no header (MESH, national data opt-out)."""
    name = next(iter(spec.expanded))
    lines = plain.path.read_text(encoding="utf-8-sig").splitlines()
    values = [line.split(",")[0].strip() or None for line in lines]
    yield pl.DataFrame({name: values}, schema={name: pl.String})


def _fhir(plain: Plain, spec: FeedSpec) -> Iterator[pl.DataFrame]:
    """FHIR resources; `refused` and `refused_field` stay beside the columns."""
    for frame in read_fhir(plain.path):
        yield frame.select(delivered(spec))
