"""Rows that were not loaded, kept encrypted until someone replays them."""

import json
import os
from functools import cache
from pathlib import Path

import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


@cache
def _cipher() -> AESGCM:
    """AES-256-GCM under the vault's own key, which no other process is given."""
    return AESGCM(Path(os.environ["VAULT_DATA_KEY_FILE"]).read_bytes())


def seal(rows: pl.DataFrame, run_id: int) -> pl.Series:
    """Encrypt each row (row_number and its values as delivered).

    The run and row number are bound in: a payload moved to another row fails.
    """
    cipher = _cipher()
    sealed = []
    texts = rows.select(
        pl.exclude("row_number").cast(pl.String, strict=False)
    ).iter_rows(named=True)
    for row_number, values in zip(rows["row_number"], texts, strict=True):
        told = {name: value for name, value in values.items() if value is not None}
        nonce = os.urandom(NONCE_BYTES)
        text = json.dumps(told).encode()
        sealed.append(nonce + cipher.encrypt(nonce, text, _about(run_id, row_number)))
    return pl.Series("payload", sealed, dtype=pl.Binary)


def unseal(payloads: pl.DataFrame, run_id: int, columns: list[str]) -> pl.DataFrame:
    """Decrypt payloads (row_number, payload) to the delivered values, as text."""
    cipher = _cipher()
    told = []
    for row_number, payload in payloads.select("row_number", "payload").iter_rows():
        nonce, text = payload[:NONCE_BYTES], payload[NONCE_BYTES:]
        told.append(json.loads(cipher.decrypt(nonce, text, _about(run_id, row_number))))
    schema = dict.fromkeys(columns, pl.String)
    return pl.DataFrame(
        [{name: row.get(name) for name in columns} for row in told], schema=schema
    ).with_columns(payloads["row_number"].cast(pl.Int64))


def _about(run_id: int, row_number: int) -> bytes:
    return f"{run_id}|{row_number}".encode()
