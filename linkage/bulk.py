"""Whole frames to and from Postgres over ADBC, inside the caller's transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
from adbc_driver_postgresql import dbapi

from governance.postgres import bulk_uri


@contextmanager
def connect(alias: str) -> Iterator[dbapi.Connection]:
    """A connection of its own as the process's role; what is not committed is lost."""
    with dbapi.connect(bulk_uri(alias)) as connection:
        yield connection


def execute(connection: dbapi.Connection, *statements: str) -> None:
    """Run statements that return nothing."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def fetch(connection: dbapi.Connection, query: str) -> pl.DataFrame:
    """Run a query and return its rows as a frame."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def copy(
    connection: dbapi.Connection,
    frame: pl.DataFrame,
    table: str,
    *,
    schema: str | None = None,
    temporary: bool = False,
) -> None:
    """COPY a frame into a table, by column name; `temporary` makes the table anew."""
    if frame.is_empty() and not temporary:
        return
    with connection.cursor() as cursor:
        if temporary:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
        cursor.adbc_ingest(
            table,
            frame.to_arrow(compat_level=pl.CompatLevel.oldest()),
            mode="create" if temporary else "append",
            db_schema_name=None if temporary else schema,
            temporary=temporary,
        )
