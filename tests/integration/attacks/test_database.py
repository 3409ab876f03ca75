"""Attempts with a connection of the web's role: what an injected statement could do."""

import psycopg
import pytest

from tests import live_system as system
from tests.live_people import ODA, OURS, PROGRAMME, THEIRS

pytestmark = pytest.mark.usefixtures("live")
DENIED = {"42501", "0A000", "42704"}


@pytest.fixture
def web():
    with system.connect("web") as connection:
        yield connection


@pytest.fixture
def ours(live):
    return live.viewer("pcn_mdt_member").user_id


def scope(web, viewer, purpose="population_health"):
    web.execute(
        "SELECT set_config('app.viewer_id', %s, true),"
        " set_config('app.purpose', %s, true)",
        [str(viewer), purpose],
    )


def people(web, viewer, table="profile", purpose="population_health"):
    with web.transaction():
        scope(web, viewer, purpose)
        return {row[0] for row in web.execute(f"SELECT person_no FROM {table}")}


def test_the_scope_dies_with_its_transaction(live, web, ours):
    """GUC tampering by what a pooled connection keeps: nothing is kept."""
    assert people(web, ours) >= {s.person_no for s in OURS}
    assert web.execute("SELECT count(*) FROM profile").fetchone() == (0,)
    setting = "SELECT coalesce(current_setting('app.viewer_id', true), '')"
    assert web.execute(setting).fetchone() == ("",)


@pytest.mark.parametrize(
    "viewer", ["", "0", "-1", "2147483647", "1 OR 1=1", "1); RESET ROLE; --", "*", "on"]
)
def test_no_value_of_the_setting_means_everyone(web, viewer):
    """GUC tampering by value: another number is another person, words are an error."""
    try:
        assert people(web, viewer) == set()
    except psycopg.errors.InvalidTextRepresentation:
        web.rollback()


@pytest.mark.parametrize(
    "purpose", ["planning", "research", "public", "", "direct_care ", "*", "' OR 1=1"]
)
def test_no_other_purpose_shows_a_row(web, ours, purpose):
    """GUC tampering by purpose: a query that forgot it finds nobody."""
    assert people(web, ours, purpose=purpose) == set()
    assert people(web, ours, purpose="direct_care")


@pytest.mark.parametrize(
    "name", ["app.scope_all", "app.role", "app.practices", "app.is_worker", "app.admin"]
)
def test_no_other_setting_opens_anything(web, ours, name):
    with web.transaction():
        web.execute("SELECT set_config(%s, 'on', true)", [name])
        assert web.execute("SELECT count(*) FROM person").fetchone() == (0,)
        scope(web, ours)
        seen = {row[0] for row in web.execute("SELECT person_no FROM person")}
    assert seen.isdisjoint(s.person_no for s in THEIRS)


def test_switching_policies_off_is_an_error_and_no_answer(web):
    with web.transaction(force_rollback=True):
        web.execute("SET LOCAL row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("SELECT * FROM person")


DEFINER = "RETURNS int SECURITY DEFINER AS 'SELECT 1' LANGUAGE sql"


@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE FUNCTION mine() {DEFINER}",
        "CREATE VIEW everyone AS SELECT * FROM person",
        "CREATE MATERIALIZED VIEW everyone AS SELECT * FROM person",
        "CREATE RULE r AS ON SELECT TO person DO INSTEAD SELECT * FROM person_p00",
        "CREATE POLICY mine ON person FOR SELECT TO web USING (true)",
        "DROP POLICY person_web ON person",
        "ALTER TABLE person NO FORCE ROW LEVEL SECURITY",
        "ALTER ROLE web BYPASSRLS",
        "ALTER ROLE web SET app.viewer_id = '1'",
        "SET SESSION AUTHORIZATION worker",
        "SET ROLE vault",
        "COPY person TO PROGRAM 'cat'",
        "COPY (SELECT 1) TO '/tmp/out'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE EXTENSION dblink",
        "LOAD 'auto_explain'",
        "ALTER SYSTEM SET log_statement = 'all'",
        "TRUNCATE governance_auditevent",
        "CREATE TRIGGER t AFTER INSERT ON person EXECUTE FUNCTION now()",
        "REINDEX TABLE person",
        "SELECT * FROM pg_statistic",
        "SELECT * FROM pg_authid",
    ],
    ids=lambda s: s[:40],
)
def test_a_statement_that_would_go_round_the_wall_is_refused(web, statement):
    """SECURITY DEFINER, views, matviews, rules, roles, files, programs, statistics."""
    with pytest.raises(psycopg.Error) as refused:
        web.execute(statement)
    assert refused.value.sqlstate in DENIED


@pytest.mark.parametrize(
    "made", ["FUNCTION pg_temp.mine()", "TABLE pg_temp.mine (x int)"]
)
def test_a_session_makes_nothing_of_its_own(web, made):
    """Not even in a schema of its own: no shadow of a table, and no function."""
    body = f" {DEFINER}" if made.startswith("FUNCTION") else ""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute(f"CREATE {made}{body}")


def test_nothing_can_be_granted_on(web):
    with web.transaction(force_rollback=True):
        web.execute("GRANT SELECT ON person TO audit_writer")
        able = "SELECT has_table_privilege('audit_writer', 'person', 'SELECT')"
        assert web.execute(able).fetchone() == (False,)


def test_no_function_view_or_matview_looks_with_others_eyes(web):
    """What runs as its owner would pass by the policies; one is to call.

    It adds to the audit trail, which nobody can write otherwise, and reads no person.
    """
    with system.connect("migrator") as owner:
        functions = owner.execute(
            "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid ="
            " p.pronamespace WHERE p.prosecdef AND n.nspname NOT IN"
            " ('pg_catalog', 'information_schema')"
        ).fetchall()
        views = owner.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid ="
            " c.relnamespace WHERE n.nspname IN ('public', 'staging') AND (c.relkind"
            " = 'm' OR (c.relkind = 'v' AND NOT coalesce(c.reloptions::text, '')"
            " LIKE '%security_invoker=true%'))"
        ).fetchall()
    assert functions == [("audit_append",)]
    assert views == []


def test_statistics_and_plans_count_nobody_elses(web, ours):
    """Values of columns are not shown; a plan of the web's holds its own filter."""
    with web.transaction():
        scope(web, ours)
        shown = web.execute(
            "SELECT most_common_vals FROM pg_stats WHERE tablename = 'person'"
        ).fetchall()
        plan = web.execute("EXPLAIN SELECT * FROM person").fetchall()
    assert all(values is None for (values,) in shown)
    assert "governance_scope" in str(plan) or "InitPlan" in str(plan)


def test_an_error_of_the_database_shows_no_row(web, ours):
    """Leaky functions: an error thrown per row is thrown for one's own rows only."""
    with web.transaction(force_rollback=True):
        scope(web, ours)
        with pytest.raises(psycopg.errors.DivisionByZero):
            web.execute("SELECT 1 / (person_no - %s) FROM profile", [OURS[0].person_no])
    with web.transaction(force_rollback=True):
        scope(web, ours)
        # The same about another's row does not happen: the row is not there.
        web.execute("SELECT 1 / (person_no - %s) FROM profile", [ODA.person_no])


def test_a_foreign_row_cannot_be_written_into_ones_own_place(live, web, ours):
    """A decision about their person under our practice: the person is not ours."""
    with web.transaction(force_rollback=True):
        scope(web, ours)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(
                "INSERT INTO decision (programme, person_no, practice_code, release_id,"
                " choice, reason, note, decided_at, decided_by) VALUES (%s, %s,"
                " 'Z81005', 1, 'accept', 'r', '', now(), %s)",
                [PROGRAMME, ODA.person_no, ours],
            )


def test_nobody_grants_themselves_a_role_or_a_place(web, ours):
    for statement in (
        "INSERT INTO governance_scope (user_id, practice_code) VALUES (%s, 'Z81005')",
        "UPDATE governance_grant SET org_id = 'QZZ' WHERE user_id = %s",
        "UPDATE governance_user SET trained_until = '2099-01-01' WHERE id = %s",
        "DELETE FROM governance_auditevent WHERE user_id = %s",
    ):
        with (
            web.transaction(force_rollback=True),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            web.execute(statement, [ours])


def test_no_production_role_passes_by_the_policies():
    """The whole suite connects as these; none is a superuser, none bypasses."""
    with system.connect("migrator") as owner:
        able = owner.execute(
            "SELECT rolname FROM pg_roles WHERE rolcanlogin AND (rolsuper OR"
            " rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
            " AND rolname IN ('web', 'worker', 'loader', 'migrator', 'vault',"
            " 'vault_migrator', 'audit_writer', 'audit_reader')"
        ).fetchall()
    assert able == []
