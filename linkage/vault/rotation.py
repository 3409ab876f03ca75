"""Give the vault a new key: seal everything anew, then destroy the old version.

Payloads are sealed anew in pieces: each says its version, so both keys may be in use
meanwhile, and a rotation that was killed goes on where it stood. NHS numbers and blind
keys must all be under one version for the index to find anybody, so they change in one
transaction of the one writer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
from adbc_driver_postgresql import dbapi

from governance import audit
from linkage import bulk
from linkage.vault import deliveries, identities, index, quarantine, sealing
from linkage.vault.identities import KNOWN_SEALED, PERSON_SEALED, SOURCE_SEALED
from linkage.vault.keyring import provider

ROWS_AT_A_TIME = 50_000
NUMBERED = (
    "source_record",
    "person_identity",
    "national_opt_out",
    "national_opt_out_asked",
    "crosswalk",
)
Progress = Callable[[str, int, int], None]  # table, rows done, rows in all


@dataclass(frozen=True)
class Payloads:
    """A table of payloads: its key, what a payload is bound to, and what is in it."""

    table: str
    key: tuple[str, ...]
    column: str
    reseal: Callable[[pl.DataFrame], pl.Series]


def _resealing(table: str, row: str, columns: dict) -> Callable:
    def reseal(rows: pl.DataFrame) -> pl.Series:
        opened = sealing.unseal(rows, columns, table=table, row=row)
        return sealing.seal(opened, list(columns), table=table, row=row)

    return reseal


TABLES = (
    Payloads(
        "source_record",
        ("subject_key",),
        "sealed",
        _resealing("source_record", "subject_key", SOURCE_SEALED),
    ),
    Payloads(
        "known_identity",
        ("person_no", "identity_key"),
        "sealed",
        _resealing("known_identity", "identity_key", KNOWN_SEALED),
    ),
    Payloads(
        "person_identity",
        ("person_no",),
        "sealed",
        _resealing("person_identity", "person_no", PERSON_SEALED),
    ),
    Payloads("quarantine", ("run_id", "row_number"), "payload", quarantine.resealed),
    Payloads("delivery", ("id",), "sealed_key", deliveries.resealed),
)


def rotate(*, by: str, progress: Progress) -> int:
    """Move the vault to the newest key, made now unless one waits; returns its version.

    A key that waits was added by hand, or by a rotation that did not end.
    """
    keys = provider()
    with index.reading() as connection:
        searched = identities.search_version(connection)
    newest = max(keys.versions())
    if newest == searched:
        newest = keys.add()
    for payloads in TABLES:
        _reseal(payloads, newest, progress)
    with index.writing() as connection:
        _renumber(connection, searched, newest, progress)
    for version in sorted(keys.versions()):
        if version < newest:
            _refuse_if_used(version)
            keys.destroy(version)
    audit.record("vault_key_rotated", None, subject=f"version {newest}", by=by)
    return newest


def _reseal(payloads: Payloads, newest: int, progress: Progress) -> None:
    with index.reading() as connection:
        total = _count(connection, f"SELECT count(*) AS n FROM {payloads.table}")
    done = 0
    progress(payloads.table, done, total)
    for keys in _pieces(payloads, newest):
        with index.writing() as connection:
            bulk.copy(connection, keys, "piece", temporary=True)
            named = ", ".join(payloads.key)
            rows = bulk.fetch(
                connection,
                f"SELECT {named}, t.{payloads.column} FROM pg_temp.piece"
                f" JOIN {payloads.table} t USING ({named})",
            )
            made = rows.select(*payloads.key).with_columns(
                payloads.reseal(rows).alias("made")
            )
            bulk.copy(connection, made, "made", temporary=True)
            same = " AND ".join(f"t.{name} = m.{name}" for name in payloads.key)
            bulk.execute(
                connection,
                f"UPDATE {payloads.table} t SET {payloads.column} = m.made"
                f" FROM pg_temp.made m WHERE {same}",
            )
        done += keys.height
        progress(payloads.table, done, total)
    progress(payloads.table, total, total)


def _pieces(payloads: Payloads, newest: int) -> Iterator[pl.DataFrame]:
    """Keys of rows under an older version, some at a time."""
    named = ", ".join(payloads.key)
    with index.reading() as connection:
        stale = bulk.fetch(
            connection,
            f"SELECT {named} FROM {payloads.table}"
            f" WHERE get_byte({payloads.column}, 0) <> {newest} ORDER BY {named}",
        )
    yield from stale.iter_slices(ROWS_AT_A_TIME)


def _renumber(
    connection: dbapi.Connection, old: int, new: int, progress: Progress
) -> None:
    for done, table in enumerate(NUMBERED):
        progress("numbers", done, len(NUMBERED) + 1)
        found = bulk.fetch(
            connection,
            f"SELECT DISTINCT number AS old FROM {table} WHERE number IS NOT NULL",
        )
        plain = sealing.unseal_numbers(found["old"], old)
        again = found.with_columns(sealing.seal_numbers(plain, new).alias("new"))
        bulk.copy(connection, again, "renumbered", temporary=True)
        bulk.execute(
            connection,
            f"UPDATE {table} t SET number = r.new FROM pg_temp.renumbered r"
            " WHERE t.number = r.old",
        )
    progress("numbers", len(NUMBERED), len(NUMBERED) + 1)
    identities.rebuild_blocks(connection, new)
    bulk.execute(
        connection,
        "DELETE FROM search_key",
        f'INSERT INTO search_key ("only", version) VALUES (true, {new})',
    )
    progress("numbers", len(NUMBERED) + 1, len(NUMBERED) + 1)


def _refuse_if_used(version: int) -> None:
    with index.reading() as connection:
        for payloads in TABLES:
            left = _count(
                connection,
                f"SELECT count(*) AS n FROM {payloads.table}"
                f" WHERE get_byte({payloads.column}, 0) = {version}",
            )
            if left:
                raise RuntimeError(
                    f"{left} rows of {payloads.table} came in under key {version}"
                    " meanwhile: run the rotation again, and it goes on"
                )


def _count(connection: dbapi.Connection, query: str) -> int:
    return int(bulk.fetch(connection, query)["n"][0])
