"""A GP journal of ten million rows from file to store, beside a raw COPY of its rows.

Scale 1 is 10,000,000 entries of 100,000 patients in one Parquet file, in order of their
dates. The patients go the road first. Then the journal does, in one process of the
vault's zone and by the command an operator has: read, checked, keyed, linked,
pseudonymised, stored with its ledger. `ingest.copy_ratio` sets that beside a COPY of
the very same rows, in the file's order, into a table of the same partitions and keys.
Processor seconds stand beside: other work on the machine stretches the clock alone.
"""

import os
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.figures import Figure
from benchmarks.ingest_parts.journal import JOURNAL, PATIENTS, ROWS_EACH
from benchmarks.pipeline import copy_in, home
from config.runner.manage import migrate
from config.runner.memory import Sampler
from config.runner.session import Session

ROWS = 10_000_000
LIMITS = {"seconds": 60, "peak_mb": 2048, "copy_ratio": 1.5}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Took:
    """Seconds by the clock, and of the processor by us and by the server."""

    seconds: float
    ours: float
    servers: float


def run(scale: float) -> Iterable[Figure]:
    """Load 10,000,000 × scale rows, in a folder of its own."""
    rows = max(20_000, int(ROWS * scale))
    with home() as folder, Session(folder) as session:
        assert session.servers is not None
        if migrate(session, ["--verbosity", "0"]):
            raise RuntimeError("the migrations failed")
        folder.mkdir(exist_ok=True)
        journal = folder / JOURNAL
        # By a process of its own, whose memory is not the loader's.
        made = ["-m", "benchmarks.ingest_parts.journal", str(folder), str(rows)]
        if session.popen(None, made).wait():
            raise RuntimeError("the journal could not be made")
        load(session, "gp_patient", folder / PATIENTS)
        owner = session.servers.role_url("migrator")
        checkpoint(session)
        with Sampler() as sampler:
            took = timed(session, lambda: load(session, "gp_observation", journal))
        found = loaded(session.servers.role_url("loader"))
        raw = raw_copy(session, owner, folder / "raw.copy")
    yield Figure(
        "ingest.rows",
        found,
        "facts",
        {"delivered": rows, "patients": rows // ROWS_EACH},
    )
    yield Figure(
        "ingest.seconds",
        round(took.seconds, 1),
        "s",
        {
            "loader_cpu_s": round(took.ours, 1),
            "server_cpu_s": round(took.servers, 1),
            "rows_per_s": round(rows / took.seconds),
            "limit": LIMITS["seconds"],
        },
    )
    yield Figure(
        "ingest.peak_mb", round(sampler.peak_mb), "MiB", {"limit": LIMITS["peak_mb"]}
    )
    yield Figure(
        "ingest.copy_ratio",
        round(took.seconds / raw.seconds, 2),
        "x",
        {
            "raw_copy_s": round(raw.seconds, 1),
            "raw_copy_cpu_s": round(raw.ours + raw.servers, 1),
            "ratio_of_server_cpu": round(took.servers / raw.servers, 2),
            "limit": LIMITS["copy_ratio"],
        },
    )


def load(session: Session, feed: str, path: Path) -> None:
    asked = ["manage.py", "load", feed, str(path)]
    # What it says would stand among the figures.
    if session.popen("vault", asked, stdout=subprocess.DEVNULL).wait():
        raise RuntimeError(f"{path.name} was not loaded; its words stand above")


def loaded(url: str) -> int:
    """How many facts stand there; the ledger must say the same of the journal."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*), (SELECT sum(facts) FROM feed_run"
            " WHERE feed = 'gp_observation') FROM event"
        ).fetchone()
    assert row is not None
    if row[0] != row[1]:
        raise RuntimeError(f"{row[0]:,} facts stand there, the ledger says {row[1]:,}")
    return int(row[0])


def raw_copy(session: Session, url: str, path: Path) -> Took:
    """COPY the journal's facts, in the file's order, into fresh tables like theirs."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE event NO FORCE ROW LEVEL SECURITY")
        connection.execute(
            "CREATE TABLE bench_event (LIKE event INCLUDING ALL)"
            " PARTITION BY HASH (person_no)"
        )
        for shard in range(16):
            connection.execute(
                f"CREATE TABLE bench_event_{shard} PARTITION OF bench_event"
                f" FOR VALUES WITH (MODULUS 16, REMAINDER {shard})"
            )
        statement = (
            "COPY (SELECT * FROM event ORDER BY on_date, record_key) TO STDOUT"
            " (FORMAT binary)"
        )
        with path.open("wb") as file, connection.cursor().copy(statement) as copying:
            for data in copying:
                file.write(data)
        checkpoint(session)
        return timed(session, lambda: copy_in(connection, "bench_event", path))


def checkpoint(session: Session) -> None:
    """Let what was written before be written out before, and not be measured."""
    assert session.servers is not None
    with session.servers.postgres.connect() as connection:
        connection.execute("CHECKPOINT")


def timed(session: Session, work: object) -> Took:
    """Do a thing; what it took by the clock, of our processes and of the server's."""
    assert callable(work)
    server = session.servers.postgres.pid() if session.servers else None
    began, ours, servers = time.monotonic(), _ours(), _servers(server)
    work()
    return Took(time.monotonic() - began, _ours() - ours, _servers(server) - servers)


def _ours() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _servers(postmaster: int | None) -> float:
    """Processor seconds of a server: of those that live, and of those that ended."""
    if postmaster is None:
        return 0.0
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(words[1]) == postmaster:
            total += int(words[11]) + int(words[12])
        elif stat.parent.name == str(postmaster):
            total += sum(int(word) for word in words[11:15])
    return total / TICKS
