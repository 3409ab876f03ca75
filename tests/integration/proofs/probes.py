"""The walls of tables that hold no person: each policy asked what it lets by.

All of it happens in one transaction of the owner that is never kept: the web's own
policies are put to the owner as well, under FORCE, so that a mutant is one ALTER
behind a savepoint. Rights of columns play no part: each policy is met alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tests.integration.proofs import walls

# What a statement met: it was done, its row was not there, or the wall said no.
DONE, UNSEEN, STOPPED = "done", "unseen", "stopped"
# Beside which policies of a mistaken hand a probe is asked, so that a wall that
# stands behind another, or only narrows one, is met too.
BESIDE = {
    "": (),
    "shown": ('CREATE POLICY shown ON "{t}" FOR SELECT TO {who} USING (true)',),
    "careless": ('CREATE POLICY careless ON "{t}" TO {who} USING (true)',),
    "floorless": (
        'CREATE POLICY careless ON "{t}" TO {who} USING (true)',
        'DROP POLICY IF EXISTS "{t}_floor" ON "{t}"',
    ),
}
SUBJECTS = {"web", "public"}


@dataclass(frozen=True)
class Policy:
    """One policy that holds for the web, as the catalogue has it."""

    table: str
    name: str
    command: str
    roles: tuple[str, ...]
    qual: str | None
    check: str | None

    def mutants(self) -> Iterator[tuple[str, str]]:
        """(name, the statement that breaks it): dropped, and each half opened."""
        at = f'POLICY "{self.name}" ON "{self.table}"'
        named = f"{self.table}.{self.name}"
        yield f"drop {named}", f"DROP {at}"
        if self.qual and self.qual != "true":
            yield f"open {named} to any row", f"ALTER {at} USING (true)"
        if self.check and self.check != "true":
            yield f"open {named} to any writing", f"ALTER {at} WITH CHECK (true)"


@dataclass(frozen=True)
class Ask:
    """A statement by somebody, or by nobody, and what it must meet."""

    who: int | None
    words: Any
    values: tuple[Any, ...]
    met: str
    beside: str = ""
    purpose: str = "population_health"


def policies(owner: psycopg.Connection) -> list[Policy]:
    """Every policy of every table that holds for the web."""
    found = owner.execute(
        "SELECT tablename, policyname, cmd, roles::text[], qual, with_check"
        " FROM pg_policies WHERE roles::text[] && %s ORDER BY 1, 2",
        [list(SUBJECTS)],
    ).fetchall()
    return [Policy(t, n, c, tuple(r), q, w) for t, n, c, r, q, w in found]


@contextmanager
def put_to_the_owner(
    owner: psycopg.Connection, held: list[Policy], rows: list[tuple[str, dict]]
) -> Iterator[None]:
    """Rows that nobody keeps, behind the web's policies put to the owner as well."""
    names = sorted({policy.table for policy in held})
    with owner.transaction(force_rollback=True):
        for name in names:
            owner.execute(f'ALTER TABLE "{name}" NO FORCE ROW LEVEL SECURITY')
        for name, given in rows:
            owner.execute(*adding(owner, name, given))
        # The keys are looked at now: a table is not altered while one waits.
        owner.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for policy in held:
            roles = ", ".join({*policy.roles, "migrator"})
            owner.execute(
                f'ALTER POLICY "{policy.name}" ON "{policy.table}" TO {roles}'
            )
        for name in names:
            owner.execute(f'ALTER TABLE "{name}" FORCE ROW LEVEL SECURITY')
        yield


def adding(
    owner: psycopg.Connection, name: str, given: dict[str, Any]
) -> tuple[sql.Composed, list[Any]]:
    """The statement that adds a row: what is given, and what else must be there."""
    asked = walls.table(owner, name)
    made = {n: walls.FILLED.get(k, "x") for n, k, needed in asked.columns if needed}
    return walls.insert(asked, made | given)


def met(owner: psycopg.Connection, ask: Ask, table: str) -> str:
    """What a statement meets; nothing of it is left."""
    try:
        with owner.transaction(force_rollback=True):
            for words in BESIDE[ask.beside]:
                owner.execute(words.format(t=table, who="migrator"))
            viewer = "" if ask.who is None else str(ask.who)
            owner.execute(
                "SELECT set_config('app.viewer_id', %s, true),"
                " set_config('app.purpose', %s, true)",
                [viewer, ask.purpose],
            )
            return DONE if owner.execute(ask.words, ask.values).rowcount else UNSEEN
    except psycopg.errors.InsufficientPrivilege as error:
        if walls.ROW_SECURITY in str(error):
            return STOPPED
        raise
    except psycopg.errors.IntegrityError:
        return DONE  # past the wall, and stopped by a key or a check behind it


def faults(owner: psycopg.Connection, table: str, asks: list[Ask]) -> list[str]:
    """What the walls of a table let by that they must not, or stop that may be."""
    found = []
    for ask in asks:
        was = met(owner, ask, table)
        if was != ask.met:
            found.append(f"{ask.words} {ask.values} by {ask.who}: {was}")
    return found


class Asked:
    """The probes of one table, written as what each viewer meets."""

    def __init__(self, owner: psycopg.Connection, table: str) -> None:
        self.owner, self.table, self.asks = owner, table, list[Ask]()

    def sees(self, who: int | None, where: str, met: str, **how: Any) -> "Asked":
        words = f'SELECT 1 FROM "{self.table}" WHERE {where}'
        self.asks.append(Ask(who, words, (), met, **how))
        return self

    def adds(
        self, who: int | None, given: dict[str, Any], met: str, **how: Any
    ) -> "Asked":
        words, values = adding(self.owner, self.table, given)
        text = words.as_string(self.owner)
        self.asks.append(Ask(who, text, tuple(values), met, **how))
        return self

    def changes(
        self, who: int | None, where: str, to: str, met: str, **how: Any
    ) -> "Asked":
        """Change a row with every row shown, so that the right to change is met."""
        words = f'UPDATE "{self.table}" SET {to} WHERE {where}'
        self.asks.append(Ask(who, words, (), met, **{"beside": "shown"} | how))
        return self

    def floor(self, who: int, where: str) -> "Asked":
        """Nobody in particular sees nothing, whatever a later policy says."""
        self.sees(who, where, DONE, beside="careless")
        return self.sees(None, where, UNSEEN, beside="careless")
