"""What each wall in Postgres must do, table by table, asked with plain SQL.

Selectors are not in play: the second wall is met alone. Tables and policies are read
from the catalogue, so that a new one is asked without a change here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import sql

from tests import live_system as system
from tests.live_people import ANNA, ODA

ROW_SECURITY = "new row violates row-level security policy"
# What a column must hold when nothing says so; the rows are thrown away at once.
FILLED: dict[str, Any] = {
    "integer": 1,
    "bigint": 1,
    "smallint": 1,
    "double precision": 0.0,
    "real": 0.0,
    "numeric": 0,
    "boolean": False,
    "date": date(2026, 9, 1),
    "timestamp with time zone": datetime(2026, 9, 1, tzinfo=UTC),
    "jsonb": "{}",
    "bytea": b"",
    "ARRAY": [],
    "uuid": "00000000-0000-0000-0000-000000000001",
}


@dataclass(frozen=True)
class Table:
    """A walled table of persons: what the web may do, and whose rows stand in it."""

    name: str
    columns: tuple[tuple[str, str, bool], ...]
    reads: bool
    inserts: bool
    updates: tuple[str, ...]
    deletes: bool

    @property
    def has_practice(self) -> bool:
        return "practice_code" in {name for name, _, _ in self.columns}


def tables(owner: psycopg.Connection) -> list[Table]:
    """Every table with a person in it whose rows a policy shows to the web."""
    names = owner.execute(
        "SELECT DISTINCT c.relname FROM pg_policy p JOIN pg_class c ON c.oid ="
        " p.polrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname ="
        " 'person_no' WHERE c.relnamespace = 'public'::regnamespace AND"
        " 'web'::regrole = ANY (p.polroles) ORDER BY 1"
    ).fetchall()
    return [table(owner, name) for (name,) in names]


def table(owner: psycopg.Connection, name: str) -> Table:
    columns = owner.execute(
        "SELECT column_name, data_type, is_nullable = 'NO' AND column_default IS NULL"
        " AND is_identity = 'NO' FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s",
        [name],
    ).fetchall()
    may = owner.execute(
        "SELECT has_table_privilege('web', %(t)s, 'SELECT'),"
        " has_table_privilege('web', %(t)s, 'INSERT')"
        " OR has_any_column_privilege('web', %(t)s, 'INSERT'),"
        " has_table_privilege('web', %(t)s, 'DELETE')",
        {"t": name},
    ).fetchone()
    updates = owner.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %(t)s::regclass AND"
        " attnum > 0 AND NOT attisdropped AND"
        " has_column_privilege('web', %(t)s, attname, 'UPDATE')",
        {"t": name},
    ).fetchall()
    assert may is not None
    reads, inserts, deletes = may
    changed = tuple(column for (column,) in updates)
    return Table(name, tuple(columns), reads, inserts, changed, deletes)


def row(asked: Table, someone: Any, viewer: int) -> dict[str, Any]:
    """A row about somebody, with nothing in it that a policy does not read."""
    made = {
        name: FILLED.get(kind, "x") for name, kind, needed in asked.columns if needed
    }
    known = {"person_no": someone.person_no, "practice_code": someone.practice}
    known |= {"user_id": viewer, "decided_by": viewer, "owner_id": viewer}
    names = {name for name, _, _ in asked.columns}
    return made | {n: value for n, value in known.items() if n in names}


def insert(asked: Table, made: dict[str, Any]) -> tuple[sql.Composed, list[Any]]:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(asked.name),
        sql.SQL(", ").join(map(sql.Identifier, made)),
        sql.SQL(", ").join([sql.Placeholder()] * len(made)),
    )
    return statement, list(made.values())


@contextmanager
def as_web(
    viewer: int | None, purpose: str = "population_health"
) -> Iterator[psycopg.Connection]:
    """The web's own role in a transaction that leaves nothing behind."""
    with (
        system.connect("web") as web,
        web.transaction(force_rollback=True),
    ):
        web.execute("SELECT set_config('app.purpose', %s, true)", [purpose])
        if viewer is not None:
            web.execute("SELECT set_config('app.viewer_id', %s, true)", [str(viewer)])
        yield web


def persons(connection: psycopg.Connection, name: str) -> set[int]:
    query = sql.SQL("SELECT DISTINCT person_no FROM {}").format(sql.Identifier(name))
    return {found for (found,) in connection.execute(query)}


def is_stopped(viewer: int, asked: Table, someone: Any) -> bool:
    """Whether row security keeps the web from writing a row about somebody."""
    with as_web(viewer) as web:
        try:
            web.execute(*insert(asked, row(asked, someone, viewer)))
        except psycopg.errors.InsufficientPrivilege as error:
            return ROW_SECURITY in str(error)
        except psycopg.Error:
            return False  # past the wall, and stopped by a key or a check behind it
    return False


def faults(asked: Table, viewer: int) -> list[str]:
    """What the wall of one table does not do; empty where it stands."""
    found = []
    if asked.reads:
        with as_web(viewer) as web:
            seen = persons(web, asked.name)
        with as_web(None) as web:
            unseen = persons(web, asked.name)
        if ANNA.person_no not in seen:
            found.append("one's own people are not seen")
        if ODA.person_no in seen:
            found.append("another network's people are seen")
        if unseen:
            found.append("without a viewer somebody is seen")
        # For own care and case finding, and for nothing else.
        with as_web(viewer, "planning") as web:
            if persons(web, asked.name):
                found.append("rows are shown for planning")
        with system.connect("migrator") as owner:
            if persons(owner, asked.name):
                found.append("the owner is not held by FORCE")
            if floor_is_gone(owner, asked, viewer):
                found.append("one more policy would open it without a viewer")
    if asked.inserts:
        if is_stopped(viewer, asked, ANNA):
            found.append("nothing can be written about one's own people")
        if not is_stopped(viewer, asked, ODA):
            found.append("something can be written about another network's people")
    if asked.updates:
        column = sql.Identifier(asked.updates[0])
        change = sql.SQL("UPDATE {} SET {} = {}").format(
            sql.Identifier(asked.name), column, column
        )
        found += change_faults(asked, viewer, change, "changed")
    if asked.deletes:
        gone = sql.SQL("DELETE FROM {}").format(sql.Identifier(asked.name))
        found += change_faults(asked, viewer, gone, "deleted")
    return found


def floor_is_gone(owner: psycopg.Connection, asked: Table, viewer: int) -> bool:
    """Whether a later, careless policy would show rows to nobody in particular."""
    name = sql.Identifier(asked.name)
    owner.execute(
        sql.SQL("CREATE POLICY careless ON {} FOR SELECT TO web USING (true)").format(
            name
        )
    )
    try:
        with as_web(None) as web:
            return bool(persons(web, asked.name))
    finally:
        owner.execute(sql.SQL("DROP POLICY careless ON {}").format(name))


def change_faults(
    asked: Table, viewer: int, words: sql.Composed, done: str
) -> list[str]:
    """Changes met alone: with every row shown, only one's own may be changed."""
    name = sql.Identifier(asked.name)
    change = words + sql.SQL(" WHERE person_no = {}").format(sql.Placeholder())
    found = []
    with system.connect("migrator") as owner:
        owner.execute(
            sql.SQL("CREATE POLICY shown ON {} FOR SELECT TO web USING (true)").format(
                name
            )
        )
        try:
            with as_web(viewer) as web:
                if web.execute(change, [ANNA.person_no]).rowcount == 0:
                    found.append(f"one's own people's rows cannot be {done}")
            with as_web(viewer) as web:
                if web.execute(change, [ODA.person_no]).rowcount != 0:
                    found.append(f"another network's rows can be {done}")
        finally:
            owner.execute(sql.SQL("DROP POLICY shown ON {}").format(name))
    return found
