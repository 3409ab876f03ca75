"""Rows that were not loaded, kept encrypted until someone replays them."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from linkage import bulk
from linkage.vault.keyring import Keyring, keyring
from linkage.vault.sealing import HEAD_BYTES, NONCE_BYTES

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi

SLICE_ROWS = 20_000
# One row's values by column, as delivered: what is missing is not there.
Told = Mapping[str, str]


def seal(rows: pl.DataFrame, run_id: int) -> pl.Series:
    """Encrypt each row (row_number and its values as delivered).

    Run, row number and key version are bound in: a payload moved to another row fails.
    """
    ring = keyring()
    version, cipher = ring.newest, ring[ring.newest].payload
    sealed = []
    texts = rows.select(
        pl.exclude("row_number").cast(pl.String, strict=False)
    ).iter_rows(named=True)
    for row_number, values in zip(rows["row_number"], texts, strict=True):
        told = {name: value for name, value in values.items() if value is not None}
        nonce = os.urandom(NONCE_BYTES)
        text = json.dumps(told).encode()
        about = _about(run_id, row_number, version)
        sealed.append(bytes([version]) + nonce + cipher.encrypt(nonce, text, about))
    return pl.Series("payload", sealed, dtype=pl.Binary)


def unseal(payloads: pl.DataFrame, run_id: int, columns: list[str]) -> pl.DataFrame:
    """Decrypt payloads (row_number, payload) to the delivered values, as text."""
    frame = as_delivered(_told(payloads, run_id), columns)
    return frame.with_columns(payloads["row_number"].cast(pl.Int64))


def as_delivered(told: Sequence[Told], columns: list[str]) -> pl.DataFrame:
    """The values of rows as a frame of text."""
    schema = dict.fromkeys(columns, pl.String)
    rows = [{name: row.get(name) for name in columns} for row in told]
    return pl.DataFrame(rows, schema=schema)


def forget(
    connection: "dbapi.Connection",
    are_theirs: Callable[[int, Sequence[Told]], Iterable[bool]],
) -> int:
    """Remove the rows kept that are somebody's; returns how many.

    are_theirs: says so of each of several rows of one run.
    """
    found: list[tuple[int, int]] = []
    for kept in _everything(connection):
        for (run,), rows in kept.group_by("run_id", maintain_order=True):
            run_id = int(str(run))
            flags = are_theirs(run_id, _told(rows, run_id))
            numbered = zip(rows["row_number"], flags, strict=True)
            found += [(run_id, number) for number, is_theirs in numbered if is_theirs]
    schema = {"run_id": pl.Int32, "row_number": pl.Int64}
    going = pl.DataFrame(found, schema=schema, orient="row")
    bulk.copy(connection, going, "going", temporary=True)
    bulk.execute(
        connection,
        "DELETE FROM quarantine q USING pg_temp.going g"
        " WHERE q.run_id = g.run_id AND q.row_number = g.row_number",
    )
    return going.height


def _told(payloads: pl.DataFrame, run_id: int) -> list[Told]:
    ring = keyring()
    rows = payloads.select("row_number", "payload").iter_rows()
    return [json.loads(_open(ring, sealed, run_id, number)) for number, sealed in rows]


def _everything(connection: "dbapi.Connection") -> Iterator[pl.DataFrame]:
    """Yield every row kept, in the order of its key, a slice in memory at a time."""
    after = "(-1, -1)"
    while True:
        kept = bulk.fetch(
            connection,
            "SELECT run_id, row_number, payload FROM quarantine"
            f" WHERE (run_id, row_number) > {after}"
            f" ORDER BY run_id, row_number LIMIT {SLICE_ROWS}",
        )
        yield kept
        if kept.height < SLICE_ROWS:
            return
        after = f"({kept['run_id'][-1]}, {kept['row_number'][-1]})"


def resealed(payloads: pl.DataFrame) -> pl.Series:
    """Seal payloads (run_id, row_number, payload) anew under the newest key."""
    ring = keyring()
    version, cipher = ring.newest, ring[ring.newest].payload
    made = []
    for run_id, row_number, payload in payloads.select(
        "run_id", "row_number", "payload"
    ).iter_rows():
        text = _open(ring, payload, run_id, row_number)
        nonce = os.urandom(NONCE_BYTES)
        about = _about(run_id, row_number, version)
        made.append(bytes([version]) + nonce + cipher.encrypt(nonce, text, about))
    return pl.Series("payload", made, dtype=pl.Binary)


def _open(ring: Keyring, payload: bytes, run_id: int, row_number: int) -> bytes:
    version, nonce = payload[0], payload[1:HEAD_BYTES]
    about = _about(run_id, row_number, version)
    return ring[version].payload.decrypt(nonce, payload[HEAD_BYTES:], about)


def _about(run_id: int, row_number: int, version: int) -> bytes:
    return f"quarantine|{run_id}|{row_number}|{version}".encode()
