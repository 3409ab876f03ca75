"""How many rows a second the chained audit trail takes, beside a plain table."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from benchmarks.figures import Figure
from config.embedded.servers import Servers

CONNECTIONS = 4
BATCH = 50
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


def figure(servers: Servers, rows: int) -> Figure:
    """Measure a tenth of `rows` one a call, as the product writes, and `rows` by 50.

    The value is the product's own rate: `audit.record` sends one row a call.
    RuntimeError if a row is missing afterwards, or two chains forked.
    """
    writer = servers.role_url("audit_writer")
    with psycopg.connect(servers.role_url("migrator"), autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE staging.plain_audit (at timestamptz, event text, user_id int,"
            " role text, purpose text, org_code text, subject text, persons int,"
            " outcome text, detail jsonb)"
        )
        owner.execute("GRANT USAGE ON SCHEMA staging TO audit_writer")
        owner.execute("GRANT INSERT ON staging.plain_audit TO audit_writer")
    chained = _per_second(writer, CHAINED, rows, BATCH)
    single = _per_second(writer, CHAINED, rows // 10, 1)
    plain = _per_second(writer, PLAIN, rows, BATCH)
    plain_single = _per_second(writer, PLAIN, rows // 10, 1)
    with psycopg.connect(servers.role_url("audit_reader")) as reader:
        kept, places, heads = reader.execute(
            "SELECT count(*), count(DISTINCT (shard, seq)),"
            " (SELECT sum(seq) FROM governance_audithead) FROM governance_auditevent"
        ).fetchone() or (0, 0, 0)
    if not kept == places == heads:
        raise RuntimeError(f"{kept} rows at {places} places, heads say {heads}")
    return Figure(
        "access.audit_rows_per_s",
        single,
        "rows/s",
        {
            "in_calls_of_50": round(chained),
            "plain_table": round(plain),
            "plain_table_one_a_call": round(plain_single),
            "connections": CONNECTIONS,
            "limit": 5_000,
        },
    )


def _per_second(url: str, statement: str, rows: int, at_once: int) -> float:
    calls = rows // at_once // CONNECTIONS
    words = json.dumps([ENTRY] * at_once)

    def write(_: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for _call in range(calls):
                connection.execute(statement, [words])

    return calls * at_once * CONNECTIONS / _seconds(write)


def _seconds(work: Callable[[int], None]) -> float:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        began = time.perf_counter()
        list(pool.map(work, range(CONNECTIONS)))
        return time.perf_counter() - began
