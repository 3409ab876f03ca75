"""Take each wall away in turn: something here must notice every time.

Policies are dropped or opened in Postgres, pages and scopes are opened to everybody,
the questions that decide are answered with yes, and selectors are made to take every
practice for their own. Each is a mutant; one that nothing notices fails the build.
"""

from contextlib import ExitStack

import pytest
from django.utils import timezone
from psycopg import sql

from dashboards.rights_models import RightsRequest
from tests import live_system as system
from tests.integration.proofs import (
    deciding,
    expected_walls,
    pages,
    probes,
    scopes,
    walls,
)
from tests.live_people import ANNA, ODA


@pytest.fixture(scope="module")
def walled(live):
    """Every walled table with a row about one of ours and one of theirs."""
    with system.connect("migrator") as owner:
        found = walls.tables(owner)
    viewer = live.viewer("pcn_mdt_member").user_id
    with system.acting_as("worker"):
        # What the rows of a request hang on; it names nobody itself.
        for someone in (ANNA, ODA):
            RightsRequest.objects.create(
                kind=RightsRequest.Kind.ACCESS,
                practice_code=someone.practice,
                opened_by="test",
                opened_at=timezone.now(),
                due_on=timezone.localdate(),
            )
    with system.connect("loader") as loader:
        for owner in (viewer, live.viewer("their_mdt").user_id):
            made = walls.row(walls.table(loader, "imported_list"), ANNA, owner)
            loader.execute(*walls.insert(walls.table(loader, "imported_list"), made))
    members = [(ANNA, viewer), (ODA, live.viewer("their_mdt").user_id)]
    for asked in found:
        with system.connect(filler(asked.name)) as connection:
            for someone, member in members:
                with connection.transaction():
                    scope = (
                        "SELECT set_config('app.viewer_id', %s, true),"
                        " set_config('app.purpose', 'population_health', true)"
                    )
                    connection.execute(scope, [str(member)])
                    fill(connection, asked, someone, member)
    return found, viewer


def filler(table):
    """A role that may add rows to a table; of some, a team's own member alone."""
    may = "SELECT has_table_privilege(%s, %s, 'INSERT')"
    with system.connect("migrator") as owner:
        for role in ("worker", "loader"):
            if owner.execute(may, [role, table]).fetchone()[0]:
                return role
    return "web"


def fill(worker, asked, someone, viewer):
    if someone.person_no in walls.persons(worker, asked.name):
        return
    made = walls.row(asked, someone, viewer)
    needed = {column: kind for column, kind, _ in asked.columns}
    for name in made:
        if name.endswith("_id") and needed[name] == "bigint" and name != "user_id":
            made[name] = pointed_at(worker, asked.name, name, someone) or made[name]
    if "list_id" in made:
        lists = "SELECT id FROM imported_list WHERE owner_id = %s"
        made["list_id"] = worker.execute(lists, [viewer]).fetchone()[0]
    worker.execute(*walls.insert(asked, made))


def pointed_at(worker, table, column, someone):
    """The key of the person's row that a column refers to; None where it does not."""
    found = worker.execute(
        "SELECT confrelid::regclass::text FROM pg_constraint c JOIN pg_attribute a ON"
        " a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'"
        " AND c.conrelid = %s::regclass AND a.attname = %s",
        [table, column],
    ).fetchone()
    if found is None:
        return None
    target = sql.Identifier(found[0])
    words = sql.SQL("SELECT id FROM {} ORDER BY id LIMIT 1").format(target)
    known = "SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s"
    for name in ("person_no", "practice_code"):
        value = someone.person_no if name == "person_no" else someone.practice
        if worker.execute(known, [found[0], name]).fetchone():
            words = sql.SQL("SELECT id FROM {} WHERE {} = {} LIMIT 1").format(
                target, sql.Identifier(name), sql.Literal(value)
            )
            break
    key = worker.execute(words).fetchone()
    return key[0] if key else None


def test_every_wall_stands(walled):
    found, viewer = walled
    assert len(found) >= 14
    assert {asked.name: walls.faults(asked, viewer) for asked in found} == {
        asked.name: [] for asked in found
    }


def policies(owner, table):
    """The policies of a table for the web, each with what makes it again."""
    return owner.execute(
        "SELECT policyname, permissive, cmd, qual, with_check FROM pg_policies"
        " WHERE tablename = %s AND 'web' = ANY (roles) ORDER BY 1",
        [table],
    ).fetchall()


def made_again(table, policy):
    name, permissive, command, qual, check = policy
    words = f'CREATE POLICY "{name}" ON "{table}" AS {permissive} FOR {command} TO web'
    words += f" USING ({qual})" if qual else ""
    return words + (f" WITH CHECK ({check})" if check else "")


def opened(table, policy):
    name, _, command, _, _ = policy
    words = f'ALTER POLICY "{name}" ON "{table}"'
    words += " USING (true)" if command != "INSERT" else ""
    needs_check = command in {"INSERT", "UPDATE"}
    return words + (" WITH CHECK (true)" if needs_check else "")


def wall_mutants(owner, table):
    """(name, the statement that breaks the wall, those that mend it) for a table."""
    for policy in policies(owner, table):
        again = made_again(table, policy)
        drop = f'DROP POLICY "{policy[0]}" ON "{table}"'
        yield f"drop {policy[0]}", drop, [again]
        yield f"open {policy[0]}", opened(table, policy), [drop, again]
    alter = f'ALTER TABLE "{table}"'
    yield (
        f"disable row security on {table}",
        f"{alter} DISABLE ROW LEVEL SECURITY",
        [f"{alter} ENABLE ROW LEVEL SECURITY"],
    )
    yield (
        f"do not force it on {table}",
        f"{alter} NO FORCE ROW LEVEL SECURITY",
        [f"{alter} FORCE ROW LEVEL SECURITY"],
    )


@pytest.fixture
def rights_open(walled):
    """The web may read every walled table, and change what it may not now.

    A policy behind a right that the web does not hold is met alone as well.
    """
    found, viewer = walled
    given = []
    with system.connect("migrator") as owner:
        for asked in found:
            name = sql.Identifier(asked.name)
            commands = {policy[2] for policy in policies(owner, asked.name)}
            for right, held in (("SELECT", asked.reads), ("UPDATE", asked.updates)):
                if not held and right in commands:
                    words = sql.SQL("{} {} ON {} {} web")
                    parts = [sql.SQL(right), name]
                    owner.execute(words.format(sql.SQL("GRANT"), *parts, sql.SQL("TO")))
                    given.append(
                        words.format(sql.SQL("REVOKE"), *parts, sql.SQL("FROM"))
                    )
        yield [walls.table(owner, asked.name) for asked in found], viewer
        for words in given:
            owner.execute(words)


def test_every_mutant_of_a_policy_is_noticed(rights_open, tally):
    found, viewer = rights_open
    for asked in found:
        with system.connect("migrator") as owner:
            for name, broken, mended in list(wall_mutants(owner, asked.name)):
                owner.execute(broken)
                try:
                    tally.keep(f"policy: {name}", walls.faults(asked, viewer))
                finally:
                    for statement in mended:
                        owner.execute(statement)
        assert walls.faults(asked, viewer) == []
    tally.all_noticed("policy")


@pytest.fixture
def probed(live):
    """The owner behind the web's policies of the tables without persons."""
    with system.connect("migrator") as owner:
        of_persons = {asked.name for asked in walls.tables(owner)}
        held = [p for p in probes.policies(owner) if p.table not in of_persons]
        cast = expected_walls.cast_of(live, owner)
        with probes.put_to_the_owner(owner, held, expected_walls.rows(cast)):
            yield owner, held, expected_walls.asks(owner, cast)


def test_every_wall_without_persons_stands(probed):
    owner, held, asks = probed
    assert {policy.table for policy in held} == set(asks)
    told = {table: probes.faults(owner, table, asks[table]) for table in asks}
    assert told == {table: [] for table in asks}


def test_every_mutant_of_a_policy_without_persons_is_noticed(probed, tally):
    owner, held, asks = probed
    for policy in held:
        for name, broken in policy.mutants():
            with owner.transaction(force_rollback=True):
                owner.execute(broken)
                found = probes.faults(owner, policy.table, asks[policy.table])
                tally.keep(f"policy: {name}", found)
    tally.all_noticed("policy")


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


def test_every_mutant_of_a_scope_filter_is_noticed(live, tally):
    """Selectors met alone: with every policy open, each filter must hold by itself."""
    with ExitStack() as stack:
        stack.enter_context(scopes.policies_open())
        before = scopes.told(live)
        assert scopes.found_of_theirs(before) == []
        for name, broken in scopes.mutants():
            with broken():
                after = scopes.told(live)
            live.forget_decisions()
            tally.keep(name, [key for key in after if after[key] != before[key]])
    tally.all_noticed("filter")


class Tally:
    """Which mutants there were, and which nothing noticed."""

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}

    def keep(self, name, faults):
        self.known[name] = bool(faults)

    def all_noticed(self, *kinds):
        mine = {n: ok for n, ok in self.known.items() if n.startswith(kinds)}
        assert len(mine) > 5
        missed = [name for name, noticed in mine.items() if not noticed]
        assert missed == [], "\n".join(missed)


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
