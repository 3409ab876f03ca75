"""What every test may use: databases as `./run test` made them, and sample data."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """`./run test` made the databases, migrated them and throws them away."""
    if os.environ.get("CATCHMENT_PROCESS") != "test":
        pytest.exit("Tests with a database run through `./run test`.", returncode=2)


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


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The folder with real reference data; skips, saying so, where it is absent."""
    folder = Path(os.environ.get("SAMPLE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder} (set SAMPLE_DATA)")
    return folder
