"""A project's extract: made of a release as its purpose may use it, sealed at rest.

A row's name is a keyed hash of the store's number under a key of the project: two
projects' names have nothing in common, and nobody without the key comes back from one.
"""

import hashlib
import io
import os
from collections.abc import Collection

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connection
from pyroaring import BitMap

from linkage.release.selectors import ReleaseView

NONCE = 12
NAME_BYTES = 16
NAME = "pseudonym"
EXTRACTS_LOCK = 7_201_961  # the advisory lock of whoever makes or removes extracts
# Too near to an address or a team for rows that somebody works on at length.
TOO_NEAR = frozenset({"practice_code", "pcn_code", "lsoa_code", "msoa_code"})


class RefusedExtractError(ValueError):
    """An extract that is not made; says why."""


def refused(view: ReleaseView, columns: Collection[str]) -> list[str]:
    """Return which columns cannot be in an extract of this release, and why."""
    found = []
    for name in columns:
        if name not in view.catalogue:
            found.append(f"{name}: not in the release for this purpose")
        elif name in TOO_NEAR or view.catalogue[name].sensitive:
            found.append(f"{name}: too near to a person for research here")
        elif view.catalogue[name].kind == "date":
            found.append(f"{name}: dates stay inside")
    return found


def take_turns() -> None:
    """Wait until nobody else makes or removes extracts; holds for the transaction.

    An extract that is made while somebody is erased would outlive the erasure.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EXTRACTS_LOCK])


def gather(
    view: ReleaseView, people: BitMap, columns: Collection[str], project: str
) -> pl.DataFrame:
    """Return one row per person: NAME, then the columns, in the order of the names.

    Flags and categories as text, numbers as they are. RefusedExtractError.
    """
    if wrong := refused(view, columns):
        raise RefusedExtractError("; ".join(wrong))
    numbers = np.asarray(people.to_array(), dtype=np.uint32)
    made = {NAME: pl.Series(_names(numbers, project))}
    for name in columns:
        if view.catalogue[name].kind == "number":
            made[name] = pl.Series(view.take(name, people)).fill_nan(None)
            continue
        value = np.full(len(numbers), None, dtype=object)
        for word in view.values(name):
            value[np.isin(numbers, view.bitmap(name, word).to_array())] = word
        made[name] = pl.Series(value.tolist(), dtype=pl.String)
    return pl.DataFrame(made).sort(NAME)


def _names(numbers: np.ndarray, project: str) -> list[str]:
    key = _key(project, "names")
    return [
        hashlib.blake2b(number.tobytes(), key=key, digest_size=NAME_BYTES).hexdigest()
        for number in numbers
    ]


def seal(frame: pl.DataFrame, project: str) -> bytes:
    """Encrypt an extract for its project: a nonce, then Parquet under AES-256-GCM."""
    held, nonce = io.BytesIO(), os.urandom(NONCE)
    frame.write_parquet(held, compression="zstd")
    cipher = AESGCM(_key(project, "extract"))
    return nonce + cipher.encrypt(nonce, held.getvalue(), project.encode())


def unseal(sealed: bytes, project: str) -> pl.DataFrame:
    """Decrypt an extract; cryptography's InvalidTag for another project's."""
    cipher, held = AESGCM(_key(project, "extract")), bytes(sealed)
    opened = cipher.decrypt(held[:NONCE], held[NONCE:], project.encode())
    return pl.read_parquet(io.BytesIO(opened))


def _key(project: str, use: str) -> bytes:
    info = f"research|{use}|{project}".encode()
    return HKDF(SHA256(), 32, salt=None, info=info).derive(settings.SECRET_KEY.encode())
