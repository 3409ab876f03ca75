"""Identifiers at rest, whole frames at a time: sealed payloads, numbers, blind keys.

A payload holds several columns of one row as one AES-256-GCM envelope: key version
(one byte), nonce (12), ciphertext and tag. Table, row and version are bound in, so a
payload moved to another row or table does not open. NHS numbers go under AES-SIV,
which gives equal numbers equal ciphertexts: the database joins them unread.
"""

import os
from collections.abc import Sequence

import numpy as np
import polars as pl
from cryptography.exceptions import InvalidTag

from linkage.keys import row_keys
from linkage.vault.keyring import keyring, pseudorandom, record_key

NONCE_BYTES = 12
HEAD_BYTES = 1 + NONCE_BYTES
# Control characters that no name or address holds; a file that has one loses it.
BETWEEN, ABSENT = "\x1f", "\x1e"
NUMBER = [b"nhs number"]


class SealError(RuntimeError):
    """A sealed value that does not open here: another key, row, table, or damage."""


def seal(
    frame: pl.DataFrame, columns: Sequence[str], *, table: str, row: str
) -> pl.Series:
    """Seal `columns` (text or dates) of each row into one payload, `sealed`.

    row: the column of whole numbers that names a row of `table` for ever.
    """
    ring = keyring()
    version, cipher = ring.newest, ring[ring.newest].payload
    texts = frame.select(_packed(frame, columns).cast(pl.Binary)).to_series()
    keys = frame[row].to_list()
    nonces = os.urandom(NONCE_BYTES * frame.height)
    head, encrypt = bytes([version]), cipher.encrypt
    sealed = []
    for n, (key, text) in enumerate(zip(keys, texts.to_list(), strict=True)):
        nonce = nonces[n * NONCE_BYTES : (n + 1) * NONCE_BYTES]
        sealed.append(head + nonce + encrypt(nonce, text, _about(table, key, version)))
    return pl.Series("sealed", sealed, dtype=pl.Binary)


def _about(table: str, row: int, version: int) -> bytes:
    return f"{table}|{row}|{version}".encode()


def unseal(
    frame: pl.DataFrame,
    columns: dict[str, pl.DataType | type[pl.DataType]],
    *,
    table: str,
    row: str,
) -> pl.DataFrame:
    """Open `sealed` of each row into `columns` (String or Date), which replace it."""
    ring = keyring()
    texts = []
    keys, payloads = frame[row].to_list(), frame["sealed"].to_list()
    try:
        for key, sealed in zip(keys, payloads, strict=True):
            about = _about(table, key, sealed[0])
            decrypt = ring[sealed[0]].payload.decrypt
            texts.append(decrypt(sealed[1:HEAD_BYTES], sealed[HEAD_BYTES:], about))
    except InvalidTag as error:
        raise SealError(f"a payload of {table} does not open") from error
    whole = pl.Series("sealed", texts, dtype=pl.Binary).cast(pl.String)
    # A payload sealed before a column was added has no part for it.
    parts = whole.str.split_exact(BETWEEN, max(len(columns) - 1, 1)).struct.unnest()
    opened = []
    for part, (name, dtype) in zip(parts.columns, columns.items(), strict=False):
        text = pl.when(pl.col(part) != ABSENT).then(pl.col(part))
        value = text.str.to_date("%Y-%m-%d") if dtype == pl.Date else text
        opened.append(value.alias(name))
    return frame.drop("sealed").hstack(parts.select(opened))


def version_of(sealed: pl.Expr) -> pl.Expr:
    """The key version of sealed payloads."""
    return sealed.bin.slice(0, 1).bin.reinterpret(dtype=pl.UInt8)


def _packed(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Expr:
    parts = []
    for name in columns:
        text = pl.col(name).cast(pl.String)
        if frame.schema[name] == pl.String:
            text = text.str.replace_all(f"[{BETWEEN}{ABSENT}]", " ")
        parts.append(text.fill_null(ABSENT))
    return pl.concat_str(parts, separator=BETWEEN)


def seal_numbers(numbers: pl.Series, version: int) -> pl.Series:
    """Encrypt NHS numbers so that equal numbers stay equal; null stays null.

    version: the index's search version, not always the newest key.
    """
    cipher = keyring()[version].number
    distinct = numbers.drop_nulls().unique()
    sealed = [cipher.encrypt(n.encode(), NUMBER) for n in distinct]
    return _mapped(numbers, distinct, pl.Series(sealed, dtype=pl.Binary))


def unseal_numbers(sealed: pl.Series, version: int) -> pl.Series:
    """Decrypt NHS numbers; null stays null."""
    cipher = keyring()[version].number
    distinct = sealed.drop_nulls().unique()
    try:
        numbers = [cipher.decrypt(s, NUMBER).decode() for s in distinct]
    except InvalidTag as error:
        raise SealError("an NHS number does not open") from error
    return _mapped(sealed, distinct, pl.Series(numbers, dtype=pl.String))


def _mapped(values: pl.Series, distinct: pl.Series, result: pl.Series) -> pl.Series:
    known = pl.DataFrame({"value": distinct, "result": result})
    return (
        pl.DataFrame({"value": values})
        .join(known, on="value", how="left", maintain_order="left")["result"]
        .alias(values.name)
    )


def blind_blocks(blocks: pl.Series, version: int) -> pl.Series:
    """Turn keys of blocks into blind ones: to look up by, and to learn nothing from."""
    return _blinded(blocks, keyring()[version].blind)


def blind_records(keys: pl.Series) -> pl.Series:
    """Turn the plain hash of a record into its key; null stays null.

    The plain hash of an NHS number is undone in minutes by hashing all of them; this
    one only by who holds the vault's key. AES as a pseudorandom function, cut to 64
    bits: some 50 million a second, where HMAC does one.
    """
    key = record_key()
    return _blinded(keys, lambda words: pseudorandom(key, words))


def number_keys(numbers: pl.Series, salt: str) -> pl.Series:
    """Blind keys of NHS numbers, for facts that are named by whose they are."""
    frame = pl.DataFrame({"n": numbers})
    keys = row_keys(frame, ["n"], salt)
    return blind_records(keys.set(numbers.is_null(), None))


def _blinded(keys: pl.Series, encrypt) -> pl.Series:
    words = np.zeros((keys.len(), 2), dtype="<i8")
    words[:, 0] = keys.fill_null(0).to_numpy()
    blind = np.frombuffer(encrypt(words.tobytes()), dtype="<i8").reshape(-1, 2)[:, 0]
    made = pl.Series(keys.name, blind.astype(np.int64))
    return made.set(keys.is_null(), None) if keys.null_count() else made
