"""What row-level security costs one query over everybody: with policy and without."""

import time
from collections.abc import Sequence

import psycopg

from benchmarks.figures import Figure
from config.embedded.servers import Servers
from governance.postgres import PRACTICES_IN_SCOPE

PRACTICES = 200
ROUNDS = 7
QUERY = "SELECT practice_code, count(*), count(DISTINCT sex) FROM {} GROUP BY 1"
# The same bound, with the setting read at every row: the shape to keep away from.
SLOW = (
    "practice_code = ANY (string_to_array("
    "nullif(current_setting('app.practices', true), ''), ','))"
)


def figure(servers: Servers, people: int) -> Figure:
    """Count people by practice as the web, whose viewer sees all of them, and as the
    worker. RuntimeError unless both count the same people.
    """
    codes = [f"Z{n:05d}" for n in range(PRACTICES)]
    fill(servers, people, codes)
    with (
        psycopg.connect(servers.role_url("web"), autocommit=True) as web,
        psycopg.connect(servers.role_url("worker"), autocommit=True) as worker,
    ):
        settings = {"app.viewer_id": "1", "app.purpose": "population_health"}
        settings["app.practices"] = ",".join(codes)
        free, everybody = _timed(worker, "person", {})
        held, seen = _timed(web, "person", settings)
        slow, also = _timed(web, "staging.slow_person", settings)
        nobody = _timed(web, "person", {})[1]
    if not everybody == seen == also == people or nobody:
        raise RuntimeError(f"{everybody}, {seen}, {also} and {nobody} people counted")
    return Figure(
        "access.rls_ratio",
        held / free,
        "times",
        {
            "people": people,
            "without_ms": round(1000 * free),
            "with_ms": round(1000 * held),
            "setting_at_every_row": round(slow / free, 2),
            "policy": PRACTICES_IN_SCOPE.partition("WHERE")[0].strip("( "),
            "limit": 2,
        },
    )


def fill(servers: Servers, people: int, codes: Sequence[str]) -> None:
    """Write people of 200 practices, one viewer who sees them all, and a slow copy."""
    with psycopg.connect(servers.role_url("worker"), autocommit=True) as worker:
        worker.execute(
            "INSERT INTO governance_user (id, username, full_name, is_active, password)"
            " OVERRIDING SYSTEM VALUE VALUES (1, 'viewer', 'Viewer', true, '!')"
        )
        worker.cursor().executemany(
            "INSERT INTO governance_scope (user_id, practice_code) VALUES (1, %s)",
            [[code] for code in codes],
        )
    rows = (
        "SELECT n, CASE mod(n, 2) WHEN 0 THEN 'F' ELSE 'M' END,"
        " 'Z' || lpad(mod(n, %(practices)s)::text, 5, '0')"
        " FROM generate_series(1, %(n)s) n"
    )
    given = {"practices": len(codes), "n": people}
    with psycopg.connect(servers.role_url("loader"), autocommit=True) as loader:
        loader.execute(
            f"INSERT INTO person (person_no, sex, practice_code) {rows}", given
        )
    with psycopg.connect(servers.role_url("migrator"), autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE staging.slow_person (person_no int, sex text,"
            " practice_code text) PARTITION BY HASH (person_no)"
        )
        for part in range(16):
            owner.execute(
                f"CREATE TABLE staging.slow_person_p{part} PARTITION OF"
                f" staging.slow_person FOR VALUES WITH (MODULUS 16, REMAINDER {part})"
            )
        owner.execute(f"INSERT INTO staging.slow_person {rows}", given)
        owner.execute("ALTER TABLE staging.slow_person ENABLE ROW LEVEL SECURITY")
        owner.execute(
            "CREATE POLICY slow ON staging.slow_person FOR SELECT TO web"
            f" USING ({SLOW})"
        )
        owner.execute("GRANT USAGE ON SCHEMA staging TO web")
        owner.execute("GRANT SELECT ON staging.slow_person TO web")
        owner.execute("ANALYZE person, staging.slow_person, governance_scope")


def _timed(
    connection: psycopg.Connection, table: str, settings: dict[str, str]
) -> tuple[float, int]:
    """The median seconds of the query, and how many people it counted."""
    seconds, counted = [], 0
    for _ in range(ROUNDS):
        with connection.transaction():
            for name, value in settings.items():
                connection.execute("SELECT set_config(%s, %s, true)", [name, value])
            began = time.perf_counter()
            rows = connection.execute(QUERY.format(table)).fetchall()
            seconds.append(time.perf_counter() - began)
            counted = sum(row[1] for row in rows)
    return sorted(seconds)[ROUNDS // 2], counted
