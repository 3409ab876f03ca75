"""Large values out of the database as they are: as text, bytes are twice as long."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from psycopg import Cursor


def in_binary(query: str, values: Sequence[object]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a query in Postgres's own form, inside its transaction."""
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:
        yield from cursor.execute(query, values, binary=True)
