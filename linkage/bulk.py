"""Whole frames to and from Postgres over ADBC, inside the caller's transaction."""

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from governance.postgres import bulk_uri

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi

_kept = threading.local()


@contextmanager
def connect(alias: str) -> Iterator["dbapi.Connection"]:
    """A connection as the process's role; what is not committed is lost.

    Opening one costs a third of a second on a busy machine (the driver reads every
    type of the database), so each thread keeps its last one per database. Within a
    block that already has it, another is opened.
    """
    # The driver brings pandas along, 130 MiB that the web, which never reads whole
    # shards, would carry in each of its processes.
    from adbc_driver_postgresql import dbapi

    uri = bulk_uri(alias)
    kept: dict[str, dbapi.Connection] = _kept.__dict__.setdefault("by_uri", {})
    connection = kept.pop(uri, None)
    if connection is None or not _alive(connection):
        connection = dbapi.connect(uri)
    try:
        yield connection
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    if uri in kept:
        connection.close()
    else:
        kept[uri] = connection


def commit(connection: "dbapi.Connection") -> None:
    """Commit, and leave no temporary table behind.

    A session that dies with the server would otherwise leave its own in the catalogue
    until autovacuum comes by.
    """
    execute(connection, "DISCARD TEMP")
    connection.commit()


def close_all() -> None:
    """Close what this thread keeps; for threads that end."""
    kept: dict[str, dbapi.Connection] = _kept.__dict__.pop("by_uri", {})
    for connection in kept.values():
        connection.close()


# The driver's own way out comes too late: the interpreter is half gone by then.
atexit.register(close_all)


def _alive(connection: "dbapi.Connection") -> bool:
    """Whether the server still answers; it may have been restarted meanwhile."""
    from adbc_driver_postgresql import dbapi

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()
        connection.rollback()
    except dbapi.Error:
        connection.close()
        return False
    return True


def execute(connection: "dbapi.Connection", *statements: str) -> None:
    """Run statements that return nothing."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def fetch(connection: "dbapi.Connection", query: str) -> pl.DataFrame:
    """Run a query and return its rows as a frame."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def copy(
    connection: "dbapi.Connection",
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


def ask(connection: "dbapi.Connection", frame: pl.DataFrame, table: str) -> None:
    """Put keys into a temporary table and count them for the planner, which thinks of
    a new table as large and would read the other side whole."""
    copy(connection, frame, table, temporary=True)
    execute(connection, f"ANALYZE pg_temp.{table}")
