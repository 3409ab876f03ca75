"""The walls in Postgres, met as the production roles meet them."""

import os
from datetime import date

import psycopg
import pytest
from django.conf import settings

PERSON_TABLES = ("person", "registration", "residence", "event", "activity", "profile")
LIST_TABLES = ("list_entry", "decision", "intervention", "outcome")
OURS, THEIRS = 11, 22


def connect(role: str) -> psycopg.Connection:
    return psycopg.connect(os.environ[f"TEST_{role.upper()}_DATABASE_URL"])


@pytest.fixture(scope="module")
def two_networks(django_db_setup):
    """One person and one event in each of two practices; a viewer of the first.

    Made once and committed: the walls are met by connections of other roles, and
    nothing in this module may change a row of it.
    """
    with connect("worker") as owner, connect("loader") as loader:
        fill(owner, loader)
    yield
    with connect("migrator") as owner:
        owner.execute(
            f"TRUNCATE {', '.join((*PERSON_TABLES, *LIST_TABLES))}, governance_scope,"
            " governance_user CASCADE"
        )


def fill(owner: psycopg.Connection, loader: psycopg.Connection) -> None:
    owner.execute(
        "INSERT INTO governance_user (id, username, full_name, is_active, password)"
        " OVERRIDING SYSTEM VALUE VALUES (901, 'mdt', 'x', true, '!')"
    )
    owner.execute(
        "INSERT INTO governance_scope (user_id, practice_code) VALUES (901, 'Z81001')"
    )
    for person_no, practice in ((OURS, "Z81001"), (THEIRS, "Z81002")):
        loader.execute(
            "INSERT INTO person (person_no, practice_code) VALUES (%s, %s)",
            [person_no, practice],
        )
        loader.execute(
            "INSERT INTO event (person_no, record_key, subject_key, on_date, kind,"
            " system, code, feed_no, run_id) VALUES (%s, 1, 1, %s, 1, 1, 'x', 1, 1)",
            [person_no, date(2026, 1, 1)],
        )
        owner.execute(
            "INSERT INTO profile (release_id, person_no, practice_code, values)"
            " VALUES (1, %s, %s, '{}')",
            [person_no, practice],
        )
        owner.execute(
            "INSERT INTO list_entry (programme, release_id, first_release, person_no,"
            " practice_code, pcn_code, rank, reasons, known, needs, changed, next_step,"
            " order_words)"
            " VALUES ('x', 1, 1, %s, %s, 'U1', 1, '[]', '[]', '[]', '[]', 's', '')",
            [person_no, practice],
        )


def seen(
    connection: psycopg.Connection,
    table: str,
    viewer: int | None,
    purpose: str = "population_health",
) -> set[int]:
    with connection.transaction():
        connection.execute("SELECT set_config('app.purpose', %s, true)", [purpose])
        if viewer is not None:
            connection.execute(
                "SELECT set_config('app.viewer_id', %s, true)", [str(viewer)]
            )
        rows = connection.execute(f"SELECT person_no FROM {table}").fetchall()
    return {row[0] for row in rows}


READABLE = ("person", "event", "profile", "list_entry")


@pytest.mark.parametrize("table", READABLE)
def test_a_viewer_sees_their_own_practices_people(two_networks, as_role, table):
    assert seen(as_role("web"), table, 901) == {OURS}


@pytest.mark.parametrize("table", READABLE)
def test_without_a_viewer_there_are_no_rows(two_networks, as_role, table):
    web = as_role("web")
    assert seen(web, table, None) == set()
    # After a transaction the setting is '' and not NULL: that must be nobody too.
    assert seen(web, table, 901) == {OURS}
    assert seen(web, table, None) == set()


@pytest.mark.parametrize("table", READABLE)
def test_another_purpose_shows_no_rows(two_networks, as_role, table):
    web = as_role("web")
    assert seen(web, table, 901, "direct_care") == {OURS}
    for purpose in ("planning", "research", "operations", "assurance", "public", ""):
        assert seen(web, table, 901, purpose) == set(), purpose


@pytest.mark.parametrize("table", READABLE)
def test_a_viewer_without_grants_sees_nobody(two_networks, as_role, table):
    assert seen(as_role("web"), table, 902) == set()


@pytest.mark.parametrize("table", READABLE)
def test_the_owner_under_force_sees_nobody(two_networks, as_role, table):
    assert seen(as_role("migrator"), table, 901) == set()


@pytest.mark.parametrize("table", ["person", "event", "profile"])
def test_the_worker_sees_the_whole_population(two_networks, as_role, table):
    assert seen(as_role("worker"), table, None) == {OURS, THEIRS}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM registration",
        "SELECT * FROM residence",
        "SELECT * FROM release_part",
        "SELECT payload FROM trained_model",
        "SELECT * FROM person_p00",
        "SELECT * FROM event_p07",
        "UPDATE governance_user SET is_active = true",
        "UPDATE person SET practice_code = 'Z81001'",
        "DELETE FROM event",
        "INSERT INTO governance_scope (user_id, practice_code) VALUES (901, 'Z81002')",
        "UPDATE governance_grant SET role = 'ig_lead'",
        "UPDATE governance_user SET password = 'x'",
        "UPDATE decision SET choice = 'accept'",
        "DELETE FROM governance_auditevent",
        "INSERT INTO governance_auditevent (event) VALUES ('x')",
        "UPDATE release_pointer SET release_id = 1",
        "CREATE TABLE mine (x int)",
        "CREATE TEMP TABLE mine (x int)",
        "UPDATE codelist_version SET measured_on = current_date",
        "UPDATE rights_request SET opened_by = 'x'",
        "UPDATE list_card SET person_no = 1",
        "CREATE TABLE staging.mine (x int)",
        "ALTER TABLE person DISABLE ROW LEVEL SECURITY",
        "SET ROLE worker",
        "SET ROLE migrator",
    ],
)
def test_the_web_role_is_refused(as_role, statement):
    with pytest.raises(psycopg.Error) as refused:
        as_role("web").execute(statement)
    assert refused.value.sqlstate in {"42501", "0A000"}


def test_the_web_role_cannot_decide_on_anothers_patient(two_networks, as_role):
    web = as_role("web")
    insert = (
        "INSERT INTO decision (programme, person_no, practice_code, release_id, choice,"
        " reason, note, decided_at, decided_by)"
        " VALUES ('x', %s, %s, 1, 'accept', 'r', '', now(), 901)"
    )
    scope = (
        "SELECT set_config('app.viewer_id', '901', true),"
        " set_config('app.purpose', %s, true)"
    )
    with web.transaction(force_rollback=True):
        web.execute(scope, ["direct_care"])
        web.execute(insert, [OURS, "Z81001"])
    for someone, practice, purpose in (
        (THEIRS, "Z81002", "direct_care"),
        (OURS, "Z81001", "planning"),
        (OURS, "Z81001", ""),
    ):
        with web.transaction(force_rollback=True):
            web.execute(scope, [purpose])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                web.execute(insert, [someone, practice])


@pytest.mark.parametrize("role", ["web", "worker", "loader", "audit_writer"])
def test_only_the_vaults_roles_reach_the_vaults_database(role):
    url = os.environ[f"TEST_{role.upper()}_DATABASE_URL"]
    # A parallel run has copies of both, behind the same rules.
    vault = url.replace("@/store", "@/vault")
    assert vault != url
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(vault)


def test_the_audit_writer_can_add_and_do_nothing_else(as_role):
    writer = as_role("audit_writer")
    with writer.transaction(force_rollback=True):
        writer.execute(
            'SELECT audit_append(\'[{"event": "x", "role": "", "purpose": "",'
            ' "org_code": "", "subject": "s", "persons": 0,'
            ' "outcome": "allowed", "detail": {}}]\')'
        )
    for statement in (
        "SELECT * FROM governance_auditevent",
        "UPDATE governance_auditevent SET event = 'y'",
        "DELETE FROM governance_auditevent",
        "SELECT * FROM person",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.execute(statement)


def test_no_role_of_the_product_can_pass_by_the_policies(as_role):
    rows = (
        as_role("migrator")
        .execute(
            "SELECT rolname FROM pg_roles WHERE (rolsuper OR rolbypassrls)"
            " AND rolname IN ('web', 'worker', 'loader', 'migrator', 'vault',"
            " 'vault_migrator', 'audit_writer', 'audit_reader')"
        )
        .fetchall()
    )
    assert rows == []


def test_every_table_with_persons_is_walled(as_role):
    """A new table with a person_no fails here, unless it is under forced policies
    or the web role has no privilege on it at all."""
    rows = (
        as_role("migrator")
        .execute(
            "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,"
            " has_table_privilege('web', c.oid, 'SELECT, INSERT, UPDATE, DELETE')"
            " OR has_any_column_privilege('web', c.oid, 'SELECT, INSERT, UPDATE')"
            " FROM pg_class c"
            " JOIN pg_attribute a ON a.attrelid = c.oid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE a.attname = 'person_no' AND n.nspname = 'public'"
            " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        )
        .fetchall()
    )
    walled = {name for name, forced, _ in rows if forced}
    assert set(PERSON_TABLES + LIST_TABLES) <= walled
    assert {name for name, _, reached in rows if reached} <= walled


# Tables of persons without a floor of their own: the policy of each asks `person`,
# which has one.
BY_WAY_OF_PERSON = {"event", "activity", "registration", "residence"}


def test_every_table_of_persons_that_the_web_reads_has_a_floor_for_the_purpose(as_role):
    """A new table with a person_no that the web may read fails here without one."""
    owner = as_role("migrator")
    reached = owner.execute(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a"
        " ON a.attrelid = c.oid AND a.attname = 'person_no'"
        " WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"
        " AND (has_any_column_privilege('web', c.oid, 'SELECT, INSERT, UPDATE')"
        " OR has_table_privilege('web', c.oid, 'DELETE'))"
    ).fetchall()
    policies = owner.execute(
        "SELECT tablename, permissive, cmd, coalesce(qual, '') FROM pg_policies"
        " WHERE 'web' = ANY (roles)"
    ).fetchall()
    floors = {
        (table, command)
        for table, permissive, command, qual in policies
        if permissive == "RESTRICTIVE" and "app.purpose" in qual
    }
    floored = {table for table, _ in floors}
    tables = {name for (name,) in reached}
    assert len(tables) > 15
    assert tables - floored <= BY_WAY_OF_PERSON
    for table, permissive, _, qual in policies:
        if table in BY_WAY_OF_PERSON and permissive == "PERMISSIVE":
            assert "FROM person" in qual, table
    # What the web writes, it writes for those purposes alone.
    written = owner.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relname = ANY (%s)"
        " AND (has_any_column_privilege('web', c.oid, 'INSERT, UPDATE')"
        " OR has_table_privilege('web', c.oid, 'DELETE'))",
        [sorted(tables)],
    ).fetchall()
    assert len(written) > 5
    assert {(name, "ALL") for (name,) in written} <= floors


def test_the_web_has_nothing_on_any_partition(as_role):
    rows = (
        as_role("migrator")
        .execute(
            "SELECT relname FROM pg_class WHERE relispartition AND"
            " has_table_privilege('web', oid, 'SELECT, INSERT, UPDATE, DELETE')"
        )
        .fetchall()
    )
    assert rows == []
    assert settings.SHARDS == 16


def test_the_loader_only_fills_partitions(as_role):
    rows = (
        as_role("migrator")
        .execute(
            "SELECT relname FROM pg_class WHERE relispartition AND"
            " has_table_privilege('loader', oid, 'SELECT, UPDATE, DELETE, TRUNCATE')"
        )
        .fetchall()
    )
    assert rows == []
