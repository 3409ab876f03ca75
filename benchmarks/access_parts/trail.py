"""How many rows a second the audit trail takes, in the product's own path.

Each row is one call of `governance.audit.record`, which returns once the row is on
disk; requests that wait at the same time share one call of the database
(`governance.together`). Rows that one request writes alone wait for the disk each by
itself: beside the rate stands how often a second this disk can be waited for.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import psycopg

from benchmarks.figures import Figure
from config.embedded.servers import Servers
from config.runner.session import Session

# Two processes, as the web is run on two cores.
PROCESSES = 2
AT_ONCE = 64
WEBS_OWN = 8
PAGE = 50
STARTS_IN_SECONDS = 0.5
CONNECTIONS = 4
SYNCS = 300
ENTRY = {
    "event": "list_viewed",
    "user_id": 17,
    "role": "pcn_mdt_member",
    "purpose": "population_health",
    "org_code": "U00001",
    "subject": "proactive_care",
    "persons": 40,
    "outcome": "allowed",
    "detail": {"release": 12, "reason": "mdt_review"},
}
PLAIN = (
    "INSERT INTO staging.plain_audit SELECT clock_timestamp(), x.* FROM"
    " jsonb_to_recordset(%s) AS x(event text, user_id int, role text, purpose text,"
    " org_code text, subject text, persons int, outcome text, detail jsonb)"
)
CHAINED = "SELECT audit_append(%s)"


def figure(session: Session, seconds: float) -> Figure:
    """Measure the product's path, and beside it what it is made of, each for a while.

    The value: rows a second that 64 requests at once write in two processes, one row
    a call, none of people. RuntimeError if a row is missing afterwards, or two chains
    forked.
    """
    servers = session.servers
    assert servers is not None
    with psycopg.connect(servers.role_url("migrator"), autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE staging.plain_audit (at timestamptz, event text, user_id int,"
            " role text, purpose text, org_code text, subject text, persons int,"
            " outcome text, detail jsonb)"
        )
        owner.execute("GRANT USAGE ON SCHEMA staging TO audit_writer")
        owner.execute("GRANT INSERT ON staging.plain_audit TO audit_writer")
    by_product = {
        threads: _by_the_product(session, threads, 0, seconds)
        for threads in (AT_ONCE, WEBS_OWN)
    }
    alone = _by_the_product(session, 1, 0, seconds)
    pages = _by_the_product(session, AT_ONCE, PAGE, seconds)
    writer = servers.role_url("audit_writer")
    single = _per_second(writer, CHAINED, 1, seconds)
    plain = _per_second(writer, PLAIN, 1, seconds)
    by_50 = _per_second(writer, CHAINED, PAGE, seconds)
    _check(servers)
    return Figure(
        "access.audit_rows_per_s",
        by_product[AT_ONCE],
        "rows/s",
        {
            "requests_at_once": AT_ONCE,
            "eight_requests_at_once": round(by_product[WEBS_OWN]),
            "one_request_after_another": round(alone),
            "pages_of_50_people": round(pages),
            "people_of_those_pages": round(pages * PAGE),
            "one_row_a_call_4_connections": round(single),
            "plain_table_one_a_call": round(plain),
            "in_calls_of_50": round(by_50),
            "waits_for_the_disk": round(_syncs_per_second(session.home)),
            "limit": 5_000,
        },
    )


def _by_the_product(
    session: Session, requests: int, people: int, seconds: float
) -> float:
    """Rows a second that so many requests at once write, in two processes at most."""
    processes = min(PROCESSES, requests)
    with TemporaryDirectory(prefix="catchment-go-") as folder:
        go = Path(folder) / "go"
        given = [str(requests // processes), str(people), str(seconds), str(go)]
        words = ["-m", "benchmarks.access_parts.writing", *given]
        children = [
            session.popen("web", words, stdout=subprocess.PIPE)
            for _ in range(processes)
        ]
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        start = Path(folder) / "start"
        start.write_text(str(time.time() + STARTS_IN_SECONDS))
        start.rename(go)
        told = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise RuntimeError("a process that writes audit rows failed")
    return sum(map(int, told)) / seconds


def _per_second(url: str, statement: str, at_once: int, seconds: float) -> float:
    """Rows a second by plain calls of the database, from four connections."""
    words = json.dumps([ENTRY] * at_once)

    def write(end: float) -> int:
        written = 0
        with psycopg.connect(url, autocommit=True) as connection:
            while time.perf_counter() < end:
                connection.execute(statement, [words])
                written += at_once
        return written

    return _together(write, seconds) / seconds


def _together(work: Callable[[float], int], seconds: float) -> int:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        end = time.perf_counter() + seconds
        return sum(pool.map(work, [end] * CONNECTIONS))


def _syncs_per_second(folder: Path) -> float:
    """How often a second 8 KB can be written to this disk and waited for."""
    with NamedTemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        for _ in range(SYNCS):
            os.write(file.fileno(), bytes(8192))
            os.fdatasync(file.fileno())
        return SYNCS / (time.perf_counter() - began)


def _check(servers: Servers) -> None:
    """Every row has a place of its own, the heads say so, and no set is without one."""
    with psycopg.connect(servers.role_url("audit_reader")) as reader:
        kept, places, heads, sets, seen = reader.execute(
            "SELECT count(*), count(DISTINCT (shard, seq)),"
            " (SELECT sum(seq) FROM governance_audithead),"
            " count(*) FILTER (WHERE detail ? 'seen_sha256'),"
            " (SELECT count(at) FROM seen_people) FROM governance_auditevent"
        ).fetchone() or (0, 0, 0, 0, 0)
    if not (kept == places == heads and sets == seen):
        raise RuntimeError(
            f"{kept} rows at {places} places, heads say {heads};"
            f" {sets} tell of people and {seen} sets are kept"
        )
