"""The person index as frames: look up who is known, and write what was decided.

One load at a time changes the index (an advisory lock), so person numbers stay dense
and two loads never make the same person twice.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.specs import FeedSpec
from linkage.steps.link import IDENTITY_SCHEMA, link
from linkage.steps.name_key import name_key

ONE_WRITER = 7_201_953  # the advisory lock of whoever changes the index
CURRENT = "link l ON l.subject_key = s.subject_key AND l.to_version IS NULL"
KNOWN = {"subject_key": pl.Int64, "person_no": pl.Int32, "subject_born_on": pl.Date}


@contextmanager
def writing() -> Iterator[dbapi.Connection]:
    """A transaction on the vault, alone in changing the index; commits at the end."""
    with bulk.connect("vault") as connection:
        bulk.execute(connection, f"SELECT pg_advisory_xact_lock({ONE_WRITER})")
        yield connection
        connection.commit()


def resolve(
    connection: dbapi.Connection,
    subjects: pl.DataFrame,
    spec: FeedSpec,
    *,
    run_id: int,
    by: str,
) -> pl.DataFrame:
    """Find or make the person of each subject; returns those that have one, as KNOWN.

    New links, people and events are written in the caller's transaction as one new
    index version. A subject met before keeps the person it has.
    """
    bulk.copy(connection, subjects, "met", temporary=True)
    known = bulk.fetch(
        connection,
        "SELECT s.subject_key, l.person_no, s.born_on AS subject_born_on"
        f" FROM pg_temp.met m JOIN source_record s USING (subject_key) JOIN {CURRENT}",
    ).cast(KNOWN)
    new = subjects.join(known, on="subject_key", how="anti")
    if new.is_empty():
        return known
    records = _with_local_person(connection, new)
    identities = _candidates(connection, records, spec)
    first = bulk.fetch(
        connection, "SELECT coalesce(max(person_no), 0) + 1 AS n FROM person"
    )["n"][0]
    linked = link(records, identities, spec.tier, first)
    _write(connection, new, linked.decisions, linked.created, spec, run_id, by)
    found = new.select("subject_key", subject_born_on="born_on").join(
        linked.decisions.select("subject_key", "person_no"), on="subject_key"
    )
    return pl.concat([known, found.select(list(KNOWN))])


def by_local_key(connection: dbapi.Connection, namespace: str) -> pl.DataFrame:
    """Whom each local id of a namespace means now: local_key, and KNOWN."""
    return bulk.fetch(
        connection,
        "SELECT r.local_key, r.subject_key, l.person_no,"
        " s.born_on AS subject_born_on FROM local_ref r"
        " JOIN source_record s ON s.subject_key = r.subject_key"
        f" JOIN {CURRENT} WHERE r.namespace = '{namespace}'",
    ).cast({"local_key": pl.Int64} | KNOWN)


def others_by_local_key(
    connection: dbapi.Connection, keys: pl.DataFrame
) -> pl.DataFrame:
    """The people of local ids that have meant more than one: local_key, other_no.

    keys: local_key. A source corrects an identity, and what its rows said before
    hangs on somebody else.
    """
    bulk.copy(connection, keys, "named", temporary=True)
    return (
        bulk.fetch(
            connection,
            "SELECT DISTINCT s.local_key, l.person_no AS other_no FROM pg_temp.named n"
            f" JOIN source_record s USING (local_key) JOIN {CURRENT}",
        )
        .cast({"local_key": pl.Int64, "other_no": pl.Int32})
        .filter(pl.col("other_no").n_unique().over("local_key") > 1)
    )


def _with_local_person(
    connection: dbapi.Connection, subjects: pl.DataFrame
) -> pl.DataFrame:
    keys = subjects.select("local_key").drop_nulls().unique()
    bulk.copy(connection, keys, "met_local", temporary=True)
    known = bulk.fetch(
        connection,
        "SELECT r.local_key, l.person_no AS local_person_no FROM pg_temp.met_local m"
        " JOIN local_ref r USING (local_key)"
        " JOIN link l ON l.subject_key = r.subject_key AND l.to_version IS NULL",
    ).cast({"local_key": pl.Int64, "local_person_no": pl.Int32})
    return subjects.join(known, on="local_key", how="left")


def _candidates(
    connection: dbapi.Connection, records: pl.DataFrame, spec: FeedSpec
) -> pl.DataFrame:
    """Every identity of every person whom a record could mean, as IDENTITY_SCHEMA."""
    asked = records.select(
        "nhs_number",
        "born_on",
        "postcode",
        "local_person_no",
        name_key=name_key(pl.col("surname")),
    ).unique()
    bulk.copy(connection, asked, "asked", temporary=True)
    bulk.execute(connection, "ANALYZE pg_temp.asked")
    close = {
        "names": "s.born_on = a.born_on AND s.name_key = a.name_key",
        "national": "s.born_on = a.born_on AND s.postcode = a.postcode",
    }
    alike = "SELECT l.person_no FROM pg_temp.asked a JOIN source_record s"
    number = "s.nhs_number = a.nhs_number AND s.number_agreed"
    routes = [
        f"{alike} ON {number} JOIN {CURRENT}",
        "SELECT local_person_no FROM pg_temp.asked WHERE local_person_no IS NOT NULL",
    ]
    if spec.tier in close:
        routes.append(f"{alike} ON {close[spec.tier]} JOIN {CURRENT}")
    return bulk.fetch(
        connection,
        f"WITH meant AS ({' UNION '.join(routes)})"
        " SELECT DISTINCT l.person_no,"
        " CASE WHEN s.number_agreed THEN s.nhs_number END AS nhs_number,"
        " s.born_on, s.sex, s.surname, s.forename, s.postcode"
        " FROM meant JOIN link l ON l.person_no = meant.person_no"
        " AND l.to_version IS NULL"
        " JOIN source_record s ON s.subject_key = l.subject_key",
    ).cast(IDENTITY_SCHEMA)


def _write(
    connection: dbapi.Connection,
    new: pl.DataFrame,
    decisions: pl.DataFrame,
    created: pl.Series,
    spec: FeedSpec,
    run_id: int,
    by: str,
) -> None:
    version = bulk.fetch(
        connection, "SELECT coalesce(max(version), 0) + 1 AS n FROM index_version"
    )["n"][0]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO index_version VALUES ($1, clock_timestamp(), $2, $3)",
            (version, run_id, by),
        )
    people = pl.DataFrame(
        {
            "person_no": created.cast(pl.Int32),
            "person_uid": [secrets.token_hex(16) for _ in range(created.len())],
        },
        schema={"person_no": pl.Int32, "person_uid": pl.String},
    ).with_columns(since_version=pl.lit(version, dtype=pl.Int32))
    bulk.copy(connection, people, "person")
    linked = new.join(
        decisions, on="subject_key", how="inner", maintain_order="left"
    ).with_columns(
        name_key=name_key(pl.col("surname")),
        feed_no=pl.lit(spec.number, dtype=pl.Int16),
        run_id=pl.lit(run_id, dtype=pl.Int32),
    )
    bulk.copy(connection, linked.drop("person_no", "rule"), "source_record")
    decided = decisions.select(
        "subject_key", "person_no", "rule", decided_by=pl.lit(by)
    )
    versioned = pl.lit(version, dtype=pl.Int32)
    bulk.copy(connection, decided.with_columns(from_version=versioned), "link")
    kind = pl.when(pl.col("rule").str.starts_with("new_")).then(pl.lit("create"))
    bulk.copy(
        connection,
        decided.with_columns(version=versioned, kind=kind.otherwise(pl.lit("attach"))),
        "index_event",
    )
    pending = decisions.select("person_no").unique()
    bulk.copy(connection, pending, "changed", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO pending_person SELECT person_no FROM pg_temp.changed"
        " ON CONFLICT DO NOTHING",
    )


def introduce(connection: dbapi.Connection, rows: pl.DataFrame, spec: FeedSpec) -> None:
    """Remember what a source calls the people it has introduced, newest record last.

    rows: identified and linked rows, with seen_on.
    """
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
            "INSERT INTO local_ref (local_key, namespace, subject_key, seen_on)"
            f" SELECT local_key, '{local.namespace}', subject_key, seen_on"
            " FROM pg_temp.introduced ON CONFLICT (local_key) DO UPDATE"
            " SET subject_key = excluded.subject_key, seen_on = excluded.seen_on"
            " WHERE coalesce(local_ref.seen_on, '-infinity')"
            " <= coalesce(excluded.seen_on, '-infinity')"
            " AND local_ref.subject_key <> excluded.subject_key",
        )
