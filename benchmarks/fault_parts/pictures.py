"""All that one copy holds, in words that do not depend on when it was made.

Run as the worker, `python -m benchmarks.fault_parts.pictures` says what readers see of
the live release and of the full one beneath it.
"""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import django
import polars as pl
import psycopg

from benchmarks.fault_parts.copies import Copy

# What is counted row by row, without the numbers that runs and releases have.
FACTS = ("person", "registration", "residence", "event", "activity")
VAULT = {
    "link": "subject_key, person_no, to_version IS NULL",
    "registration": "subject_key, practice_code, start_on, end_on",
    "local_ref": "local_key, subject_key",
}
RUNS = "feed, sha256, state, rows_in, loaded, quarantined, excluded, duplicate, facts"


def rows_of(copy: Copy) -> Counter[str]:
    """Every fact, link and closed run of a copy, as text."""
    found: Counter[str] = Counter()
    with psycopg.connect(copy.url("loader")) as store:
        for table in FACTS:
            rows = store.execute(
                f"SELECT (to_jsonb(t) - 'run_id')::text FROM {table} t"
            ).fetchall()
            found.update(f"{table} {row}" for (row,) in rows)
        runs = store.execute(f"SELECT ({RUNS})::text FROM feed_run").fetchall()
        found.update(f"run {row}" for (row,) in runs)
        rejected = store.execute(
            "SELECT (f.sha256, r.row_number, r.fate, r.rule, r.field)::text"
            " FROM rejected_row r JOIN feed_run f ON f.id = r.run_id"
        ).fetchall()
        found.update(f"rejected {row}" for (row,) in rejected)
    with psycopg.connect(copy.url("vault")) as vault:
        for table, columns in VAULT.items():
            rows = vault.execute(f"SELECT ({columns})::text FROM {table}").fetchall()
            found.update(f"vault {table} {row}" for (row,) in rows)
    return found


def shown_by(copy: Copy) -> dict[str, Any]:
    """What readers see, digest by digest."""
    module = "benchmarks.fault_parts.pictures"
    child = copy.start("worker", "-m", module, str(copy.logs))
    if child.wait():
        raise RuntimeError("the picture could not be made")
    found: dict[str, Any] = json.loads((copy.logs / "picture.json").read_text())
    return found


def orphans(copy: Copy) -> list[str]:
    """Tables and files that nobody's: left by what was killed."""
    found: list[str] = []
    for role in ("loader", "vault"):
        with psycopg.connect(copy.url(role)) as connection:
            rows = connection.execute(
                "SELECT n.nspname || '.' || c.relname FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'staging' OR (n.nspname LIKE 'pg_temp%' AND NOT"
                "  EXISTS (SELECT FROM pg_stat_activity WHERE datname ="
                "  current_database() AND pid <> pg_backend_pid()))"
            ).fetchall()
            found += [name for (name,) in rows]
    with copy.servers.postgres.connect(f"store_{copy.name}") as connection:
        found += _files(copy, connection)
    return found


def _files(copy: Copy, connection: psycopg.Connection) -> list[str]:
    """Files of the store's database that no table or index knows."""
    connection.execute("CHECKPOINT")
    row = connection.execute(
        "SELECT oid FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    known = {
        str(number)
        for (number,) in connection.execute(
            "SELECT pg_relation_filenode(oid) FROM pg_class"
        ).fetchall()
        if number is not None
    }
    folder = copy.servers.places.data / "postgres" / "base" / str(row[0])
    return [
        file.name
        for file in folder.iterdir()
        if file.name[0].isdigit() or file.name.startswith("t")
        if file.name.split(".")[0].split("_")[0] not in known and file.stat().st_size
    ]


def _said() -> dict[str, Any]:
    """What the live release and the full one beneath it show."""
    from linkage.models import Release, ReleasePointer

    live = ReleasePointer.objects.select_related("release").get().release
    beneath = Release.objects.get(pk=live.delta_of_id or live.pk)
    return {"live": _release(live), "full": _release(beneath)}


def _release(release: Any) -> dict[str, Any]:
    from dashboards import list_entries
    from linkage.release import parts, selectors

    view = selectors.view(release.pk)
    told: dict[str, Any] = {"people": release.people, "as_of": str(release.as_of)}
    for name, attribute in view.catalogue.items():
        made = sha256(view.source.column(name) or b"")
        for value, people in sorted(view.source.bitmaps([name])[name].items()):
            made.update(value.encode() + people.to_array().tobytes())
        told[f"{attribute.part}.{name}"] = made.hexdigest()
    for part in dict.fromkeys(a.part for a in view.catalogue.values()):
        frame = parts.read_all(release.pk, part)
        # The last digits of a sum depend on the order in which its rows were loaded;
        # what readers see of it is a Float32.
        frame = frame.with_columns(pl.col(pl.Float64).cast(pl.Float32))
        told[part] = sha256(frame.write_ndjson().encode()).hexdigest()
    ours = {"id", "release_id", "first_release", "changed"}
    fields = [name for name in list_entries.FIELDS if name not in ours]
    rows = sorted(list_entries.rows(release.pk, *fields), key=lambda row: row[:2])
    told["lists"] = len(rows)
    told["entries"] = sha256(repr(rows).encode()).hexdigest()
    return told


if __name__ == "__main__":
    import sys

    django.setup()
    Path(sys.argv[1], "picture.json").write_text(json.dumps(_said()))
