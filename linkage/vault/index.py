"""The person index as frames: look up who is known, and write what was decided.

One load at a time changes the index (an advisory lock), so person numbers stay dense
and two loads never make the same person twice.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import polars as pl
from adbc_driver_postgresql import dbapi

from governance.postgres import bulk_uri
from linkage import bulk
from linkage.specs import FeedSpec
from linkage.steps import exact
from linkage.steps.link import Linked, link
from linkage.vault import identities, judged
from linkage.vault.identities import CURRENT

ONE_WRITER = 7_201_953  # the advisory lock of whoever changes the index
RETRY_SECONDS = 0.2
KNOWN = {"subject_key": pl.Int64, "person_no": pl.Int32, "subject_born_on": pl.Date}
NO_BIRTHS = pl.DataFrame(schema={"subject_key": pl.Int64, "subject_born_on": pl.Date})
LINK = {
    "subject_key": pl.Int64,
    "person_no": pl.Int32,
    "rule": pl.String,
    "weight": pl.Float64,
}


class IndexBusyError(RuntimeError):
    """A load is changing the index, and whoever asks does not wait that long."""


class Resolved(NamedTuple):
    """known: the subjects that have a person, as KNOWN. review: records with a likely
    person they did not go to."""

    known: pl.DataFrame
    review: pl.DataFrame


@contextmanager
def writing(*, wait_seconds: int | None = None) -> Iterator[dbapi.Connection]:
    """A transaction on the vault, alone in changing the index; commits at the end.

    wait_seconds: how long to wait for another writer; for ever unless given.
    """
    with reading() as connection:
        if wait_seconds is None:
            bulk.execute(connection, f"SELECT pg_advisory_xact_lock({ONE_WRITER})")
        else:
            _wait(connection, wait_seconds)
        yield connection


def _wait(connection: dbapi.Connection, seconds: int) -> None:
    """Ask again and again: giving up leaves a transaction that can be closed."""
    until = time.monotonic() + seconds
    lock = f"SELECT pg_try_advisory_xact_lock({ONE_WRITER}) AS alone"
    while not bulk.fetch(connection, lock)["alone"][0]:
        if time.monotonic() > until:
            raise IndexBusyError(
                "Records are being loaded at this moment. Nothing was changed; try"
                " again in a few minutes."
            )
        time.sleep(RETRY_SECONDS)


@contextmanager
def reading() -> Iterator[dbapi.Connection]:
    """A transaction on the vault that leaves the index as it is; commits at the end."""
    with bulk.connect("vault") as connection:
        yield connection
        bulk.commit(connection)


def resolve(
    connection: dbapi.Connection,
    subjects: pl.DataFrame,
    spec: FeedSpec,
    *,
    run_id: int,
    by: str,
) -> Resolved:
    """Find or make the person of each subject.

    New links, people and events are written in the caller's transaction as one new
    index version, and whom the records show to be one person (`pending_merges`). A
    subject met before keeps the person it has. What a person decided
    about a source's own id outranks every rule (`linkage.vault.judged`).
    """
    known = _met_before(connection, subjects, run_id)
    new = subjects.join(known, on="subject_key", how="anti")
    if new.is_empty():
        return Resolved(known, pl.DataFrame())
    search = identities.search_version(connection)
    records = _with_local_person(connection, new)
    by_hand = judged.by_hand(connection, records)
    clear = _clear(connection, records, by_hand, spec, search)
    asked = records.join(clear, on="subject_key", how="anti", maintain_order="left")
    close = identities.candidates(connection, asked, spec, search)
    placed = judged.placed(asked, close, by_hand)
    following = next_person_no(connection)
    linked = link(
        asked.join(placed, on="subject_key", how="anti"),
        close,
        spec.tier,
        following,
        persons=following - 1,
        apart=judged.apart(connection),
    )
    linked = linked._replace(
        decisions=pl.concat([exact.decisions(clear, spec.tier), linked.decisions])
    )
    linked = judged.allowed(connection, linked, placed, new)
    _write(connection, records, linked, clear["subject_key"], spec, run_id, by)
    _note_merges(connection, linked.merges, run_id)
    found = new.select("subject_key", subject_born_on="born_on").join(
        linked.decisions.select("subject_key", "person_no"), on="subject_key"
    )
    return Resolved(pl.concat([known, found.select(list(KNOWN))]), linked.review)


def _clear(
    connection: dbapi.Connection,
    records: pl.DataFrame,
    by_hand: pl.DataFrame,
    spec: FeedSpec,
    search: int,
) -> pl.DataFrame:
    """Records that can only be one person's, as is seen without opening anything:
    subject_key, person_no. What a person has placed by hand is not among them."""
    if spec.tier not in ("names", "national"):
        return pl.DataFrame(schema=judged.PAIR)
    free = records.join(by_hand, on="local_key", how="anti", maintain_order="left")
    return identities.exactly_known(connection, free, spec, search)


def _met_before(
    connection: dbapi.Connection, subjects: pl.DataFrame, run_id: int
) -> pl.DataFrame:
    bulk.ask(connection, subjects.select("subject_key"), "met")
    met = bulk.fetch(
        connection,
        "SELECT l.subject_key, l.person_no FROM pg_temp.met m"
        " JOIN link l ON l.subject_key = m.subject_key AND l.to_version IS NULL",
    ).cast({"subject_key": pl.Int64, "person_no": pl.Int32})
    # A run says again what only a rolled-back one had said.
    bulk.execute(
        connection,
        "WITH back AS (UPDATE source_record s SET withdrawn = false,"
        f" run_id = {int(run_id)} FROM pg_temp.met m WHERE s.withdrawn"
        " AND s.subject_key = m.subject_key RETURNING s.subject_key)"
        " INSERT INTO pending_person SELECT DISTINCT l.person_no FROM back"
        " JOIN link l USING (subject_key) WHERE l.to_version IS NULL"
        " ON CONFLICT DO NOTHING",
    )
    born = subjects.select("subject_key", subject_born_on="born_on")
    return met.join(born, on="subject_key").select(list(KNOWN)).cast(KNOWN)


def next_person_no(connection: dbapi.Connection) -> int:
    """The number that the next new person gets; whoever asks is the one writer."""
    query = "SELECT coalesce(max(person_no), 0) + 1 AS n FROM person"
    return int(bulk.fetch(connection, query)["n"][0])


_references: dict[tuple[str, str], tuple[str, pl.DataFrame]] = {}


def by_local_key(connection: dbapi.Connection, namespace: str) -> pl.DataFrame:
    """Whom each local id of a namespace means now: local_key, and KNOWN.

    Twenty files in a row speak of the same patients: the answer is kept for as long
    as the index is in the same version. What a record states is never changed, so a
    birth date that was opened once is not opened again. The number of a version says
    too little: a load that was broken off, or a vault that was restored, gives the
    same number to another state; when it was made tells them apart.
    """
    version = bulk.fetch(
        connection, "SELECT coalesce(max(made_at)::text, '') AS at FROM index_version"
    )["at"][0]
    asked = (bulk_uri("vault"), namespace)
    kept = _references.get(asked)
    if kept is None or kept[0] != version:
        meant = bulk.fetch(
            connection,
            "SELECT s.local_key, s.subject_key, l.person_no FROM local_ref s"
            f" JOIN {CURRENT} WHERE s.namespace = '{namespace}'",
        ).cast({"local_key": pl.Int64, "subject_key": pl.Int64, "person_no": pl.Int32})
        born = [kept[1].select("subject_key", "subject_born_on")] if kept else []
        known = pl.concat([*born, NO_BIRTHS]).unique("subject_key")
        unknown = meant.join(known, on="subject_key", how="anti")["subject_key"]
        known = pl.concat([known, identities.births(connection, unknown)])
        found = meant.join(known, on="subject_key", how="left", maintain_order="left")
        kept = _references[asked] = (version, found)
    return kept[1]


def newest_version(connection: dbapi.Connection) -> int:
    """Return the version that the index has reached; 0 before the first person."""
    return bulk.fetch(
        connection, "SELECT coalesce(max(version), 0) AS n FROM index_version"
    )["n"][0]


def next_version(connection: dbapi.Connection, run_id: int | None, by: str) -> int:
    """Begin the next version of the index, as the one writer."""
    version = newest_version(connection) + 1
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO index_version VALUES ($1, clock_timestamp(), $2, $3)",
            (version, run_id, by),
        )
    return version


def _with_local_person(
    connection: dbapi.Connection, subjects: pl.DataFrame
) -> pl.DataFrame:
    keys = subjects.select("local_key").drop_nulls().unique()
    bulk.ask(connection, keys, "met_local")
    known = bulk.fetch(
        connection,
        "SELECT r.local_key, l.person_no AS local_person_no FROM pg_temp.met_local m"
        " JOIN local_ref r USING (local_key)"
        " JOIN link l ON l.subject_key = r.subject_key AND l.to_version IS NULL",
    ).cast({"local_key": pl.Int64, "local_person_no": pl.Int32})
    return subjects.join(known, on="local_key", how="left")


def _write(
    connection: dbapi.Connection,
    new: pl.DataFrame,
    linked: Linked,
    clear: pl.Series,
    spec: FeedSpec,
    run_id: int,
    by: str,
) -> None:
    version = next_version(connection, run_id, by)
    make_people(connection, linked.created, version)
    decisions = linked.decisions
    records = new.join(
        decisions, on="subject_key", how="inner", maintain_order="left"
    ).with_columns(
        feed_no=pl.lit(spec.number, dtype=pl.Int16),
        run_id=pl.lit(run_id, dtype=pl.Int32),
    )
    search = identities.search_version(connection)
    identities.write_records(connection, records, search)
    identities.write_identities(connection, records, search, clear)
    decided = decisions.select(list(LINK)).with_columns(decided_by=pl.lit(by))
    versioned = pl.lit(version, dtype=pl.Int32)
    bulk.copy(connection, decided.with_columns(from_version=versioned), "link")
    kind = pl.when(pl.col("rule").str.starts_with("new_")).then(pl.lit("create"))
    events = decided.drop("weight").with_columns(
        version=versioned, kind=kind.otherwise(pl.lit("attach"))
    )
    bulk.copy(connection, events, "index_event")
    mark_pending(connection, decisions["person_no"])


def _note_merges(
    connection: dbapi.Connection, merges: pl.DataFrame, run_id: int
) -> None:
    if merges.is_empty():
        return
    pairs = merges.select("person_no", "into_person_no").unique()
    run = pl.lit(run_id, dtype=pl.Int32).alias("run_id")
    bulk.copy(connection, pairs.with_columns(run), "bridged", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO pending_merge (run_id, person_no, into_person_no)"
        " SELECT run_id, person_no, into_person_no FROM pg_temp.bridged"
        " ON CONFLICT DO NOTHING",
    )


def pending_merges(connection: dbapi.Connection) -> pl.DataFrame:
    """Whom records have shown to be one and who are still two: run_id, person_no,
    into_person_no."""
    return bulk.fetch(
        connection,
        "SELECT run_id, person_no, into_person_no FROM pending_merge"
        " ORDER BY run_id, person_no, into_person_no",
    )


def merged(connection: dbapi.Connection, run_id: int) -> None:
    """What a run has shown of people who are one was decided upon."""
    bulk.execute(connection, f"DELETE FROM pending_merge WHERE run_id = {int(run_id)}")


def make_people(connection: dbapi.Connection, numbers: pl.Series, version: int) -> None:
    """Give each new person number a random identity."""
    people = pl.DataFrame(
        {
            "person_no": numbers.cast(pl.Int32),
            "person_uid": [secrets.token_hex(16) for _ in range(numbers.len())],
        },
        schema={"person_no": pl.Int32, "person_uid": pl.String},
    ).with_columns(since_version=pl.lit(version, dtype=pl.Int32))
    bulk.copy(connection, people, "person")


def mark_pending(connection: dbapi.Connection, people: pl.Series) -> None:
    """Note whose best-known attributes the store is to be told anew."""
    pending = people.unique().alias("person_no").to_frame()
    bulk.copy(connection, pending, "changed", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO pending_person SELECT person_no FROM pg_temp.changed"
        " ON CONFLICT DO NOTHING",
    )


def introduce(
    connection: dbapi.Connection,
    rows: pl.DataFrame,
    spec: FeedSpec,
    *,
    run_id: int,
    by: str,
) -> None:
    """Remember what a source calls the people it has introduced, newest record last.

    rows: identified and linked rows, with seen_on. Whom a local id means is part of
    the index: a change of it makes a version.
    """
    changed = 0
    for n, local in enumerate(spec.local_ids):
        met = (
            rows.select(
                pl.col(f"local_key_{n}").alias("local_key"), "subject_key", "seen_on"
            )
            .drop_nulls("local_key")
            .sort("seen_on", nulls_last=False, maintain_order=True)
            .unique("local_key", keep="last", maintain_order=True)
        )
        bulk.copy(connection, met, "introduced", temporary=True)
        bulk.execute(
            connection,
            "CREATE TEMP TABLE renamed ON COMMIT DROP AS SELECT i.* FROM"
            " pg_temp.introduced i LEFT JOIN local_ref r USING (local_key)"
            " WHERE r.local_key IS NULL OR (r.subject_key <> i.subject_key AND"
            " coalesce(r.seen_on, '-infinity') <= coalesce(i.seen_on, '-infinity'))",
            "INSERT INTO local_ref (local_key, namespace, subject_key, seen_on)"
            f" SELECT local_key, '{local.namespace}', subject_key, seen_on"
            " FROM pg_temp.renamed ON CONFLICT (local_key) DO UPDATE"
            " SET subject_key = excluded.subject_key, seen_on = excluded.seen_on",
        )
        changed += bulk.fetch(connection, "SELECT count(*) AS n FROM pg_temp.renamed")[
            "n"
        ][0]
        bulk.execute(connection, "DROP TABLE pg_temp.renamed")
    if changed:
        next_version(connection, run_id, by)
