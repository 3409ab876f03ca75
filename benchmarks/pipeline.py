"""The whole road: invented feeds in, a published release out, and what loading costs.

Scale 1 is 20,000 people. `pipeline.load_ratio` sets the time from landing to store
beside a raw COPY of the very rows that came out into tables with the same partitions
and keys, in the same run on the same server: what no loader can beat, since it reads,
checks, links and pseudonymises nothing.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from rich.console import Console

from benchmarks.figures import Figure
from config.runner.demo import Options, build, server_pids
from config.runner.demo_notes import Notes
from config.runner.memory import Sampler
from config.runner.session import Session
from config.runner.stages import Screen, StageRun

PEOPLE = 20_000
TABLES = ("registration", "residence", "event", "activity")
CHUNK = 1 << 20


def run(scale: float) -> Iterable[Figure]:
    """Make a demonstration of 20,000 × scale people in a folder of its own."""
    people = max(500, int(PEOPLE * scale))
    with home() as folder:
        options = Options(home=folder, people=people, serve=False)
        session = Session(folder)
        # Figures go to standard output, so what is being done goes beside it.
        screen = Screen(Console(stderr=True, highlight=False))
        with Sampler(also=lambda: server_pids(session)) as sampler:
            began = time.monotonic()
            runs = build(session, options, screen, Notes(folder))
            seconds = time.monotonic() - began
        assert session.servers is not None
        try:
            raw = raw_copy(session.servers.role_url("migrator"), folder)
        finally:
            session.servers.stop()
    yield Figure("pipeline.people", people, "people")
    yield Figure("pipeline.seconds", round(seconds, 1), "s")
    yield Figure("pipeline.peak_mb", round(sampler.peak_mb), "MiB")
    yield from by_stage(runs)
    landing = next(run.seconds for run in runs if run.stage.name == "landing")
    yield Figure(
        "pipeline.load_ratio",
        round(landing / raw.seconds, 2),
        "x",
        {
            "landing_s": round(landing, 1),
            "raw_copy_s": round(raw.seconds, 2),
            "facts": raw.rows,
            "limit": 8,
        },
    )


def by_stage(runs: list[StageRun]) -> Iterator[Figure]:
    """Rows per second of each stage that moves rows."""
    for each in runs:
        rows = sum(part.rows_in or part.rows_out or 0 for part in each.parts)
        if rows:
            yield Figure(
                f"pipeline.{each.stage.name}_rows_per_s",
                round(rows / max(each.seconds, 0.001)),
                "rows/s",
                {"rows": rows, "seconds": round(each.seconds, 1)},
            )


@contextmanager
def home() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="catchment-bench-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


class Raw:
    """What the raw COPY took."""

    def __init__(self) -> None:
        self.rows = 0
        self.seconds = 0.0


def raw_copy(url: str, folder: Path) -> Raw:
    """COPY the store's facts into fresh tables of the same partitions and keys.

    The rows are first written to files in their own format; only the reading in is
    timed. The owner has no policy to read by, so it lifts its own FORCE for the copy
    out; the databases of this run are thrown away.
    """
    found = Raw()
    with psycopg.connect(url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            connection.execute(
                f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)"
                " PARTITION BY HASH (person_no)"
            )
            for shard in range(16):
                connection.execute(
                    f"CREATE TABLE bench_{table}_{shard} PARTITION OF bench_{table}"
                    f" FOR VALUES WITH (MODULUS 16, REMAINDER {shard})"
                )
            path = folder / f"{table}.copy"
            copy_out(connection, table, path)
            began = time.monotonic()
            copy_in(connection, f"bench_{table}", path)
            found.seconds += time.monotonic() - began
            path.unlink()
            row = connection.execute(f"SELECT count(*) FROM bench_{table}").fetchone()
            found.rows += row[0] if row else 0
    return found


def copy_out(connection: psycopg.Connection, table: str, path: Path) -> None:
    """Write a table's rows to a file, in the order they were loaded."""
    statement = (
        f"COPY (SELECT * FROM {table} ORDER BY run_id) TO STDOUT (FORMAT binary)"
    )
    with path.open("wb") as file, connection.cursor().copy(statement) as copy:
        for data in copy:
            file.write(data)


def copy_in(connection: psycopg.Connection, table: str, path: Path) -> None:
    """Read a file into a table."""
    statement = f"COPY {table} FROM STDIN (FORMAT binary)"
    with path.open("rb") as file, connection.cursor().copy(statement) as copy:
        while data := file.read(CHUNK):
            copy.write(data)
