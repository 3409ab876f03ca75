"""What every test may use: databases as `./run test` made them, and sample data."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from hypothesis import settings

from config.environment import database

ROOT = Path(__file__).resolve().parent.parent

# No example fails for the time it took: a busy machine is no fault of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """`./run test` made the databases, migrated them and throws them away."""
    if os.environ.get("CATCHMENT_PROCESS") != "test":
        pytest.exit("Tests with a database run through `./run test`.", returncode=2)
    # The audit connection shows the store a second time, as a role that may only
    # insert: emptying the tables after a test is the owner's work alone.
    connections["audit"].settings_dict["TEST"]["MIRROR"] = "default"


@pytest.fixture
def as_role() -> Iterator[Callable[[str], psycopg.Connection]]:
    """Connect as one of the product's database roles: `as_role("web")`."""
    opened: list[psycopg.Connection] = []

    def connect(role: str) -> psycopg.Connection:
        url = os.environ[f"TEST_{role.upper()}_DATABASE_URL"]
        opened.append(psycopg.connect(url, autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@contextmanager
def _default_as(role: str) -> Iterator[None]:
    given = connections["default"].settings_dict
    before = {key: given[key] for key in ("USER", "PASSWORD")}
    wanted = database(os.environ[f"TEST_{role.upper()}_DATABASE_URL"])
    connections["default"].close()
    given.update({key: wanted[key] for key in before})
    try:
        yield
    finally:
        connections["default"].close()
        given.update(before)


@pytest.fixture
def acting_as() -> Callable[[str], AbstractContextManager[None]]:
    """Run a block with Django's store connection under a production role.

    `with acting_as("worker"): …`. Needs `django_db(transaction=True)`: the walls
    must be met by connections that the code under test opens itself. Outside the
    block the connection is the owner's, who under FORCE sees no person at all.
    """
    return _default_as


PERSON_TABLES = ("person", "registration", "residence", "event", "activity", "profile")
# Tables that no model declares, and Django's own flush passes over.
PLAIN_TABLES = (
    *("touched_person", "index_move", "moved_row", "imported_list_member"),
    "foretold",
)


@pytest.fixture
def empty_store() -> Iterator[None]:
    """Leave no row in the partitioned tables, which Django's own flush passes over."""
    yield
    with psycopg.connect(os.environ["TEST_MIGRATOR_DATABASE_URL"]) as connection:
        tables = ", ".join(PERSON_TABLES + PLAIN_TABLES)
        connection.execute(f"TRUNCATE {tables}")


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The folder with real reference data; skips, saying so, where it is absent."""
    folder = Path(os.environ.get("SAMPLE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder} (set SAMPLE_DATA)")
    return folder


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures that proofs of access recorded, and keep them where asked.

    CATCHMENT_FIGURES names a file for them, as JSON: `./run bench access` reads it.
    """
    found = {
        name: value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name.startswith("access.")
    }
    if found:
        terminalreporter.section("Proofs of access")
        for name, value in sorted(found.items()):
            terminalreporter.write_line(f"{name}: {value:,}")
    if path := os.environ.get("CATCHMENT_FIGURES"):
        Path(path).write_text(json.dumps(found))
