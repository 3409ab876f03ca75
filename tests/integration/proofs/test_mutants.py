"""Take each wall away in turn: something here must notice every time.

Rights are granted in Postgres, pages and scopes are opened to everybody, and the
questions that decide are not asked. One that nothing notices fails the build.
"""

import pytest
from psycopg import sql

from tests import live_system as system
from tests.integration.proofs import deciding, pages


def test_every_mutant_of_a_privilege_is_noticed(live, tally):
    with system.connect("migrator") as owner:
        assert walls_of_privileges(owner) == []
        for table, right in missing_rights(owner):
            name = sql.Identifier(table)
            words = sql.SQL("GRANT {} ON {} TO web").format(sql.SQL(right), name)
            back = sql.SQL("REVOKE {} ON {} FROM web").format(sql.SQL(right), name)
            owner.execute(words)
            try:
                tally.keep(f"privilege: {right} {table}", walls_of_privileges(owner))
            finally:
                owner.execute(back)
        assert walls_of_privileges(owner) == []
    tally.all_noticed("privilege")


# What only others may write, and what not even they may read through the web.
READ_ONLY = ("person", "event", "activity", "profile", "list_entry", "outcome")
READ_ONLY += ("governance_grant", "governance_scope", "governance_auditevent")
READ_ONLY += ("release_pointer", "release", "feed_run", "person_risk", "opt_out_set")
UNREAD = ("registration", "residence", "release_part", "seen_people")
RIGHTS = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


def forbidden():
    """Every right that the web must not have, written out by hand."""
    yield from ((table, right) for table in READ_ONLY for right in RIGHTS)
    yield from ((table, right) for table in UNREAD for right in ("SELECT", *RIGHTS))
    yield from ((f"person_p{n:02d}", "SELECT") for n in range(16))
    yield from ((f"event_p{n:02d}", "SELECT") for n in range(16))
    yield ("decision", "DELETE")
    yield ("card_event", "DELETE")
    yield ("register_entry", "DELETE")


def has(owner, table, right):
    row = owner.execute(
        "SELECT has_table_privilege('web', %(t)s, %(r)s)", {"t": table, "r": right}
    ).fetchone()
    return row[0]


def walls_of_privileges(owner):
    return [
        f"{right} {table}" for table, right in forbidden() if has(owner, table, right)
    ]


def missing_rights(owner):
    """What could be granted by mistake: every right on every one of these tables."""
    names = (*READ_ONLY, *UNREAD)
    for table in names:
        for right in ("SELECT", *RIGHTS):
            if not has(owner, table, right):
                yield table, right
    for table in ("person_p00", "event_p07"):
        yield table, "SELECT"


def test_every_mutant_of_a_page_or_scope_is_noticed(live, tally):
    for name, broken, asked in pages.mutants(live):
        assert asked() == [], name
        with broken():
            tally.keep(name, asked())
    tally.all_noticed("page", "scope")


def test_every_mutant_of_a_decision_is_noticed(live, tally):
    assert deciding.faults() == []
    assert deciding.admission_faults(live) == []
    for name, broken, asked in deciding.mutants(live):
        with broken():
            tally.keep(name, asked())
    assert deciding.faults() == []
    tally.all_noticed("decision")


class Tally:
    """Which mutants there were, and which nothing noticed."""

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}

    def keep(self, name, faults):
        self.known[name] = bool(faults)

    def all_noticed(self, *kinds):
        mine = {n: ok for n, ok in self.known.items() if n.startswith(kinds)}
        assert len(mine) > 5
        assert [name for name, noticed in mine.items() if not noticed] == []


@pytest.fixture(scope="module")
def tally():
    return Tally()


def test_the_report_of_mutants(tally, record_property):
    """How many there were, and how many were noticed: all of them."""
    noticed = sum(tally.known.values())
    record_property("access.mutants", len(tally.known))
    record_property("access.mutants_killed", noticed)
    assert len(tally.known) > 100
    assert noticed == len(tally.known)
