"""What the walls cost: the audit trail's chains and row-level security.

`access.audit_rows_per_s`: rows that 64 requests at once write by `audit.record`, one a
call and each waited for, in two processes; beside it eight requests, one, pages that
show 50 people, plain calls of the database, and how often the disk can be waited for.
`access.rls_ratio`: how many times longer a count by practice takes over 1,500,000
people as the web under its policy than as the worker, who sees everybody; beside it
the shape that reads the setting at every row.
The rest are counts of the proofs in `tests/integration/proofs`, run in full.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.access_parts import proofs, row_security, trail
from benchmarks.figures import Figure
from config.runner.manage import migrate_arguments
from config.runner.session import Session

PEOPLE = 1_500_000
AUDIT_SECONDS = 8.0


def run(scale: float) -> Iterable[Figure]:
    """Measure at 1,500,000 × scale people, and the trail for 8 × scale seconds each."""
    with servers() as session:
        assert session.servers is not None
        yield trail.figure(session, max(1.0, AUDIT_SECONDS * scale))
        yield row_security.figure(session.servers, max(20_000, int(PEOPLE * scale)))
    yield from proofs.figures()


@contextmanager
def servers() -> Iterator[Session]:
    """Servers of their own with both schemas, gone afterwards."""
    with TemporaryDirectory(prefix="catchment-bench-") as folder:
        Path(folder).chmod(0o711)
        with Session(Path(folder) / "home") as session:
            for database in ("default", "vault"):
                if session.run("migrator", migrate_arguments(database)):
                    raise RuntimeError("the databases could not be made")
            yield session
