"""`./run test`: the whole suite on servers made for it and thrown away after it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from config.embedded.places import server_user
from config.embedded.process import is_running
from config.embedded.roles import OWNERS, ROLES, copy_statements
from config.embedded.servers import Servers
from config.runner.manage import migrate
from config.runner.session import (
    NOWHERE,
    ROOT,
    Session,
    child_environment,
    start,
    wait_for,
)

PREFIX = "catchment-test-"
OWNER = "owner.pid"
MOST_WORKERS = 4  # beyond this the copies of the databases cost more than they give
ALONE = {"--pdb", "--trace", "-s", "--collect-only"}
WITHOUT_SERVERS = ("tests/unit", "tests/definitions")


def test(words: Sequence[str]) -> int:
    """Run pytest with `words`; returns its exit code.

    When every path named lies in a folder that needs no database, none is started.
    """
    if needs_no_servers(words):
        return pytest(words, NOWHERE)
    os.environ.pop("DATABASE_URL", None)  # never a real server's data
    with throwaway_home() as home, Session(home, throwaway=True) as session:
        assert session.servers is not None
        code = migrate(session, ["--verbosity", "0"])
        if code != 0:
            print("The migrations failed, so no test was run.", flush=True)
            return code
        workers = worker_count(words)
        if workers > 1:
            copy_databases(session.servers, workers)
            own = ["-p", "tests.own_databases", "--dist", "loadfile"]
            words = [*words, *own, "-n", str(workers)]
        return pytest(words, test_environment(session.servers))


def worker_count(words: Sequence[str]) -> int:
    """How many workers share the tests: the cores, for the whole suite.

    A few named tests, or a debugger, are better off in one process. `-n` says how many
    instead: each then has databases of its own, as in the whole suite.
    """
    for before, word in pairwise(words):
        if before == "-n" and word.isdecimal():
            return min(max(int(word), 1), MOST_WORKERS)
    named = [word for word in words if (ROOT / word.split("::")[0]).exists()]
    if named or set(words) & ALONE:
        return 1
    return min(os.cpu_count() or 1, MOST_WORKERS)


def copy_databases(servers: Servers, workers: int) -> None:
    """Give each worker its own copy of the migrated databases."""
    with servers.postgres.connect() as connection:
        for number in range(workers):
            for database in OWNERS:
                for statement in copy_statements(database, f"gw{number}"):
                    connection.execute(statement)


def pytest(words: Sequence[str], given: Mapping[str, str]) -> int:
    """Run pytest in a child with the variables `given`; returns its exit code."""
    return wait_for(start(["-m", "pytest", *words], child_environment(given)))


def needs_no_servers(words: Sequence[str]) -> bool:
    """Whether the paths among pytest's words all lie in WITHOUT_SERVERS."""
    paths = [word.split("::")[0] for word in words if not word.startswith("-")]
    named = [path for path in paths if (ROOT / path).exists()]
    return bool(named) and all(path.startswith(WITHOUT_SERVERS) for path in named)


def test_environment(servers: Servers) -> dict[str, str]:
    """The owners' connections for Django, and one address per role for the walls.

    A test that shows a wall takes TEST_<ROLE>_DATABASE_URL and connects as that role.
    """
    known = servers.env("vault") | servers.env("web") | servers.env("migrator")
    known["REDIS_URL"] = servers.env("worker")["REDIS_URL"]
    known["AUDIT_DATABASE_URL"] = servers.role_url("audit_writer")
    known["CATCHMENT_PROCESS"] = "test"
    # As in a demonstration: a second factor is asked of who has one. Tests of the
    # stricter rule set it themselves.
    known["CATCHMENT_DEMO"] = "yes"
    for role in ROLES:
        known[f"TEST_{role.upper()}_DATABASE_URL"] = servers.role_url(role)
    return known


@contextmanager
def throwaway_home() -> Iterator[Path]:
    """A home folder that is gone afterwards; clears what killed runs left behind."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / OWNER).write_text(str(os.getpid()))
    if server_user().uid is not None:
        # The servers' own user must walk through it; it can list nothing.
        folder.chmod(0o711)
    try:
        yield folder / "home"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Stop servers and remove folders of test runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # The lock file is made last, so a run that is just starting is left alone;
        # between two uses of its servers a run that goes on is known by its process.
        if not (folder / "home" / "secrets" / "use.lock").exists() or owned(folder):
            continue
        if folder.stat().st_uid == os.getuid() and Servers(folder / "home").stop():
            shutil.rmtree(folder, ignore_errors=True)


def owned(folder: Path) -> bool:
    """Whether the process that made a throwaway folder still runs."""
    try:
        return is_running(int((folder / OWNER).read_text()))
    except (FileNotFoundError, ValueError):
        return False
    except PermissionError:
        return True  # another user's, not ours to judge
