"""What people are called outside: another name for every recipient, purpose and epoch.

HMAC-SHA-256 of the person's random identity, under a key derived (HKDF) from the
vault's pseudonym key, the purpose, the recipient and the epoch. Nothing of it comes
from the NHS number. Two recipients' names for one person have nothing in common; only
the vault, which holds the key, can bridge two epochs of one recipient.
"""

import base64
import hmac
import os
import re
from functools import lru_cache
from pathlib import Path

import polars as pl
from adbc_driver_postgresql import dbapi
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from linkage import bulk
from linkage.vault.keyring import KeyMissingError

BYTES = 20  # 160 bits: no two of a billion people meet
PSEUDONYM = {"person_no": pl.Int32, "pseudonym": pl.String}
NAME = re.compile(r"[a-z0-9_-]{2,60}")


class RefusedPseudonymError(ValueError):
    """Pseudonyms that are not made; says why."""


@lru_cache(maxsize=256)
def _key(path: str, recipient: str, purpose: str, epoch: int) -> bytes:
    info = f"pseudonym|{purpose}|{recipient}|{epoch}".encode()
    return HKDF(SHA256(), 32, salt=None, info=info).derive(Path(path).read_bytes())


def pseudonym(person_uid: str, *, recipient: str, purpose: str, epoch: int) -> str:
    """Return a person's pseudonym, with its epoch in front: "e1-" and 32 letters."""
    for name in (recipient, purpose):
        if not NAME.fullmatch(name):
            raise RefusedPseudonymError(
                f"{name!r}: recipients and purposes are small letters, digits, - and _"
            )
    path = os.environ.get("PSEUDONYM_KEY_FILE")
    if not path:
        raise KeyMissingError("PSEUDONYM_KEY_FILE is not set: only the vault has it")
    key = _key(path, recipient, purpose, epoch)
    made = hmac.digest(key, person_uid.encode(), "sha256")[:BYTES]
    return f"e{epoch}-{base64.b32encode(made).decode().lower()}"


def pseudonyms(
    connection: dbapi.Connection, people: pl.Series, *, recipient: str, purpose: str
) -> pl.DataFrame:
    """PSEUDONYM of each person, in the recipient's present epoch."""
    epoch = current_epoch(connection, recipient, purpose)
    uids = _uids(connection, people)
    return _named(uids, recipient, purpose, epoch).select(list(PSEUDONYM))


def bridge(
    connection: dbapi.Connection,
    people: pl.Series,
    *,
    recipient: str,
    purpose: str,
    older: int,
) -> pl.DataFrame:
    """A recipient's old name for each person beside the new one: before, now.

    It stays in the vault: who has it follows people across epochs.
    """
    epoch = current_epoch(connection, recipient, purpose)
    uids = _uids(connection, people)
    before = _named(uids, recipient, purpose, older)
    now = _named(uids, recipient, purpose, epoch)
    return pl.DataFrame({"before": before["pseudonym"], "now": now["pseudonym"]})


def current_epoch(connection: dbapi.Connection, recipient: str, purpose: str) -> int:
    """The epoch that a recipient's pseudonyms are of; 1 until another is begun."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(epoch), 1) AS n FROM pseudonym_epoch"
            " WHERE recipient = $1 AND purpose = $2",
            (recipient, purpose),
        )
        return int(cursor.fetch_arrow_table()["n"][0].as_py())


def begin_epoch(
    connection: dbapi.Connection, *, recipient: str, purpose: str, by: str
) -> int:
    """Give a recipient new pseudonyms from now on; returns the epoch."""
    epoch = current_epoch(connection, recipient, purpose) + 1
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pseudonym_epoch (recipient, purpose, epoch, begun_at, by)"
            " VALUES ($1, $2, $3, clock_timestamp(), $4)",
            (recipient, purpose, epoch, by),
        )
    return epoch


def _uids(connection: dbapi.Connection, people: pl.Series) -> pl.DataFrame:
    asked = people.unique().alias("person_no").to_frame()
    bulk.copy(connection, asked, "to_name", temporary=True)
    return bulk.fetch(
        connection,
        "SELECT p.person_no, p.person_uid FROM pg_temp.to_name JOIN person p"
        " USING (person_no) ORDER BY p.person_no",
    ).cast({"person_no": pl.Int32})


def _named(
    uids: pl.DataFrame, recipient: str, purpose: str, epoch: int
) -> pl.DataFrame:
    made = [
        pseudonym(uid, recipient=recipient, purpose=purpose, epoch=epoch)
        for uid in uids["person_uid"]
    ]
    return uids.with_columns(pl.Series("pseudonym", made, dtype=pl.String))
