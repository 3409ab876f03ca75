"""What an analyser of row-level security (pgrls) finds, and who may run a process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from governance.postgres import BypassError, refuse_bypass
from tests import live_system as system

PGRLS = Path(sys.executable).with_name("pgrls")
# Policies that let the web's role see or write every row, and why they may.
OPEN_TO_WEB = {
    "governance_clientkey.key_read": "public keys: anyone's is looked up",
    "register_entry.register_entry_read": "what governs is for everybody to read",
    "governance_auditevent.audit_counts": "counts for the public register",
}
# What it says of a table or policy that is meant to be so; the rest fails the build.
MEANT = {
    "SEC005": "the floor and the whole-population roles look at no column",
    "SEC007": "tables of one's own rows need no second, restrictive policy",
    "SEC014": "audit_append is the one way into the trail; its path is fixed",
    "SEC025": "scopes and grants are read by policies and written by the worker",
    "SEC027": "person_no is bounded by the practice beside it",
    "SEC030": "who has no practice is seen by nobody",
    "SEC035": "numbers and keys are unique over everybody on purpose",
    "SEC041": "the web has no privilege on any partition (test_walls)",
    "PERF003": "a viewer's rows are found by list or person, then bounded",
}
BOUNDED_BY_ROLE = {"SEC008", "SEC028", "SEC038"}
NO_FORCE = {"register_entry": "its trigger keeps history as its owner"}


def findings() -> list[dict[str, Any]]:
    done = subprocess.run(
        [
            str(PGRLS),
            *("lint", "--format", "json", "--database-url"),
            os.environ["TEST_MIGRATOR_DATABASE_URL"],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)["violations"]
    return found


@pytest.fixture(scope="module")
def found(django_db_setup: None) -> list[dict[str, Any]]:
    return findings()


def of(found: list[dict[str, Any]], rule: str) -> set[str]:
    return {
        v["location"].removeprefix("public.") for v in found if v["rule_id"] == rule
    }


def test_it_finds_nothing_but_what_is_meant_to_be_so(found):
    known = {"SEC001", "SEC002", *MEANT, *BOUNDED_BY_ROLE}
    assert found
    assert {
        (v["rule_id"], v["location"]) for v in found if v["rule_id"] not in known
    } == set()


def test_every_table_without_policies_holds_no_person_that_the_web_could_read(
    found, as_role
):
    rows = as_role("migrator").execute(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a"
        " ON a.attrelid = c.oid"
        " WHERE a.attname = 'person_no' AND c.relkind IN ('r', 'p')"
        " AND (has_table_privilege('web', c.oid, 'SELECT, INSERT, UPDATE, DELETE')"
        " OR has_any_column_privilege('web', c.oid, 'SELECT, INSERT, UPDATE'))"
    )
    of_persons = {name for (name,) in rows}
    assert of_persons
    assert of(found, "SEC001").isdisjoint(of_persons)
    assert of(found, "SEC002") <= set(NO_FORCE)


def test_a_policy_that_is_always_true_is_never_the_webs(found, as_role):
    rows = as_role("migrator").execute(
        "SELECT tablename || '.' || policyname FROM pg_policies"
        " WHERE roles && ARRAY['web', 'public', 'loader_web']::name[]"
    )
    of_the_web = {name for (name,) in rows}
    assert of_the_web
    for rule in BOUNDED_BY_ROLE:
        assert of(found, rule) & of_the_web <= set(OPEN_TO_WEB)


@pytest.fixture
def leaks(as_role) -> Iterator[None]:
    """A view that runs as its owner, and a copy that no policy can hold."""
    owner = as_role("migrator")
    owner.execute("CREATE VIEW everybody AS SELECT person_no FROM person")
    owner.execute("CREATE MATERIALIZED VIEW copied AS SELECT person_no FROM person")
    owner.execute("GRANT SELECT ON everybody, copied TO web")
    yield
    owner.execute("DROP MATERIALIZED VIEW copied")
    owner.execute("DROP VIEW everybody")


def test_a_way_around_would_be_found(found, leaks):
    before = {(v["rule_id"], v["location"]) for v in found}
    new = {(v["rule_id"], v["location"]) for v in findings()} - before
    known = {"SEC001", "SEC002", *MEANT, *BOUNDED_BY_ROLE}
    places = {place for rule, place in new if rule not in known}
    assert {"public.everybody", "public.copied"} <= places


# A process refuses to run as a role that the policies do not hold


@pytest.mark.parametrize("role", ["web", "worker", "loader", "audit_reader"])
def test_the_products_roles_may_run_a_process(transactional_db, role):
    with system.acting_as(role):
        refuse_bypass()


def test_the_owner_of_the_tables_may_not(transactional_db):
    with system.acting_as("migrator"), pytest.raises(BypassError, match="migrator"):
        refuse_bypass()


def test_a_role_that_may_become_the_owner_may_not(transactional_db, as_role):
    owner = as_role("migrator")
    try:
        owner.execute("GRANT migrator TO web")
    except psycopg.errors.InsufficientPrivilege:
        pytest.skip("this server lets no role grant itself")
    try:
        with system.acting_as("web"), pytest.raises(BypassError, match="web"):
            refuse_bypass()
    finally:
        owner.execute("REVOKE migrator FROM web")


def test_the_web_process_does_not_start_as_the_owner():
    """The real module that gunicorn loads, in a process of its own."""
    owner, web = (
        os.environ[f"TEST_{role}_DATABASE_URL"] for role in ("MIGRATOR", "WEB")
    )
    refused = started(owner)
    assert refused.returncode != 0
    assert "row-level security does not hold" in refused.stderr
    assert started(web).returncode == 0


def started(url: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | {"DATABASE_URL": url, "CATCHMENT_PROCESS": "web"}
    command = [sys.executable, "-c", "import config.wsgi"]
    return subprocess.run(
        command, env=given, capture_output=True, text=True, check=False
    )
