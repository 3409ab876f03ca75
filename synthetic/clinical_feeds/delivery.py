"""Where feed files are written: many appends, few files, little memory."""

from collections import defaultdict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from synthetic.contract import Written


class Delivery:
    """The landing folder of one delivery. Files grow chunk by chunk until `close`."""

    def __init__(self, out_dir: Path) -> None:
        self.out_dir = out_dir
        self.landing = out_dir / "landing"
        self.landing.mkdir(parents=True, exist_ok=True)
        self._csv: dict[Path, BinaryIO] = {}
        self._parquet: dict[Path, pq.ParquetWriter] = {}
        self._rows: dict[tuple[str, Path], int] = defaultdict(int)
        self._next: dict[str, int] = defaultdict(int)

    def numbers(self, series: str, count: int) -> np.ndarray:
        """The next `count` numbers (int64) of a named series of record numbers."""
        first = self._next[series]
        self._next[series] += count
        return np.arange(first, first + count, dtype=np.int64)

    def csv(self, feed: str, suffix: str, frame: pl.DataFrame) -> None:
        """Append rows to `<feed>_<suffix>.csv`; the header comes with the first."""
        path = self.landing / f"{feed}_{suffix}.csv"
        handle = self._csv.get(path)
        if handle is None:
            handle = self._csv[path] = path.open("wb")
        self._count(feed, path, frame)
        new = handle.tell() == 0
        frame.write_csv(handle, include_header=new)

    def parquet(self, feed: str, suffix: str, frame: pl.DataFrame) -> None:
        """Append a row group to `<feed>_<suffix>.parquet`."""
        path = self.landing / f"{feed}_{suffix}.parquet"
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = self._parquet.get(path)
        if writer is None:
            writer = self._parquet[path] = pq.ParquetWriter(
                path, table.schema, compression="zstd"
            )
        self._count(feed, path, frame)
        writer.write_table(table)

    def parquet_by_year(self, feed: str, frame: pl.DataFrame, date_column: str) -> None:
        """Split on the year of a date column; what is older goes to one file."""
        year = pl.col(date_column).dt.year().clip(EARLIEST_YEAR - 1, LATEST_YEAR)
        for (of,), part in frame.with_columns(_year=year).group_by(
            "_year", maintain_order=True
        ):
            suffix = f"to{of}" if of < EARLIEST_YEAR else f"{of}"
            self.parquet(feed, suffix, part.drop("_year"))

    def close(self) -> list[Written]:
        """Finish every file; what was written, by feed and path."""
        for handle in self._csv.values():
            handle.close()
        for writer in self._parquet.values():
            writer.close()
        return [
            Written(feed, path.relative_to(self.out_dir), rows)
            for (feed, path), rows in sorted(self._rows.items())
        ]

    def _count(self, feed: str, path: Path, frame: pl.DataFrame) -> None:
        self._rows[feed, path] += frame.height


EARLIEST_YEAR, LATEST_YEAR = 2021, 2026


def financial_year(day: pl.Expr) -> pl.Expr:
    """NHS financial year of a date as text: 2025-04-01 is in "202526"."""
    start = day.dt.year() - (day.dt.month() < 4).cast(pl.Int32)
    return pl.format("{}{}", start, ((start + 1) % 100).cast(pl.String).str.zfill(2))
