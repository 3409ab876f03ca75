"""Delivered files, kept sealed until nobody can need them any more.

A held file waits here for a decision, and a rolled-back run's neighbours are read again
from here. Each file has a random key, sealed in its turn by the vault's own, so that a
rotation of that touches the keys alone and forgetting a key forgets the file. Content
is a row of pieces: four bytes of length, a nonce, and the piece under AES-256-GCM with
its number bound in. Only the vault zone's processes have the folder or the keys.
"""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from linkage.vault.keyring import keyring
from linkage.vault.models import Delivery
from linkage.vault.sealing import HEAD_BYTES, NONCE_BYTES, SealError

PIECE_BYTES = 1 << 20
LENGTH_BYTES = 4
UNFINISHED_DAYS = 7  # an upload that nobody goes on with


class WrongOffsetError(ValueError):
    """A piece that does not follow what is there; `offset` is where to go on."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the next piece begins at byte {offset}")
        self.offset = offset


class TooLargeError(ValueError):
    """More bytes than a delivery may have."""


class NotKeptError(RuntimeError):
    """The file of a run is not kept (any more); says what to do."""


def begin(*, feed: str, file_name: str, way: str, by: str, **more: object) -> Delivery:
    """Note that a file is coming, under a new key of its own."""
    with transaction.atomic(using="vault"):
        delivery = Delivery(feed=feed, file_name=file_name, way=way, by=by, **more)
        delivery.sealed_key = b""  # bound to the number that the row is given now
        delivery.save()
        delivery.sealed_key = _seal_key(os.urandom(32), delivery.pk)
        delivery.save(update_fields=["sealed_key"])
    return delivery


def append(delivery: Delivery, offset: int, content: bytes) -> int:
    """Keep a piece that begins at byte `offset`; returns where the next begins.

    Raises WrongOffsetError for any other place, TooLargeError past the limit.
    """
    if offset != delivery.bytes_in:
        raise WrongOffsetError(delivery.bytes_in)
    if offset + len(content) > settings.DELIVERY_MAX_BYTES:
        raise TooLargeError(
            f"A delivery may have {settings.DELIVERY_MAX_BYTES:,} bytes; this one has"
            " more. Send it in parts, by period."
        )
    cipher = AESGCM(_key_of(delivery))
    path = _path(delivery)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        # What a crash left beyond the last noted piece was never confirmed.
        file.truncate(delivery.bytes_kept)
        file.seek(delivery.bytes_kept)
        for begun in range(0, len(content), PIECE_BYTES):
            _write_piece(file, cipher, delivery, content[begun : begun + PIECE_BYTES])
        file.flush()
        os.fsync(file.fileno())
    delivery.save(update_fields=["pieces", "bytes_in", "bytes_kept"])
    return delivery.bytes_in


def finish(delivery: Delivery, *, sha256: str | None = None) -> str:
    """The whole has come; returns the SHA-256 of its content (given for a folder)."""
    if sha256 is None:
        whole = hashlib.sha256()
        for piece in _pieces(delivery):
            whole.update(piece)
        sha256 = whole.hexdigest()
    delivery.sha256, delivery.whole_at = sha256, timezone.now()
    delivery.save(update_fields=["sha256", "whole_at"])
    return sha256


def keep_file(path: Path, *, sha256: str, feed: str, way: str, by: str) -> None:
    """Keep a file or folder that lies in the vault zone, unless it is kept already."""
    if kept(sha256) is not None:
        return
    # An attempt that was killed; a younger one may still be writing.
    hour = timezone.now() - timedelta(hours=1)
    for killed in Delivery.objects.filter(
        feed=feed, file_name=path.name, way=way, whole_at=None, begun_at__lt=hour
    ):
        forget(killed)
    delivery = begin(
        feed=feed, file_name=path.name, way=way, by=by, is_folder=path.is_dir()
    )
    cipher = AESGCM(_key_of(delivery))
    target = _path(delivery)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file, _content(path) as content:
        while piece := content.read(PIECE_BYTES):
            _write_piece(file, cipher, delivery, piece)
    delivery.save(update_fields=["pieces", "bytes_in", "bytes_kept"])
    finish(delivery, sha256=sha256)


def kept(sha256: str) -> Delivery | None:
    """The whole delivery of this content, if it is kept."""
    found = Delivery.objects.filter(sha256=sha256, whole_at__isnull=False)
    return next((each for each in found if _path(each).exists()), None)


@contextmanager
def opened(sha256: str) -> Iterator[Path]:
    """The content in clear, as a file (or folder) of its own name, for a block.

    It lies in a folder closed to everyone else and is removed at the end. Raises
    NotKeptError.
    """
    delivery = kept(sha256)
    if delivery is None:
        raise NotKeptError(
            "The file of this run is not kept any more: deliver it again first."
        )
    with workplace() as folder:
        path = folder / Path(delivery.file_name).name
        if delivery.is_folder:
            packed = folder / ".packed"
            _write(packed, delivery)
            with tarfile.open(packed) as archive:
                archive.extractall(folder, filter="data")
            packed.unlink()
        else:
            _write(path, delivery)
        yield path


@contextmanager
def workplace() -> Iterator[Path]:
    """A closed folder for content in clear, removed at the end of the block.

    It names its process: what a killed one left is removed by `clear_workplaces`.
    """
    made = tempfile.mkdtemp(prefix=f"opened-{os.getpid()}-", dir=_folder())
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def clear_workplaces() -> None:
    """Remove the folders of processes that are no more."""
    for folder in _folder().glob("opened-*"):
        number = folder.name.split("-")[1]
        if not _runs(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def forget(delivery: Delivery) -> None:
    """Forget a file: its key first, so that nothing readable can be left."""
    path = _path(delivery)
    delivery.delete()
    path.unlink(missing_ok=True)


def forget_old(keep: set[str], now: datetime) -> int:
    """Forget what is past its time, but for these (SHA-256); returns how many."""
    whole = now - timedelta(days=settings.KEEP_DELIVERIES_DAYS)
    partial = now - timedelta(days=UNFINISHED_DAYS)
    stale = list(Delivery.objects.filter(whole_at__lt=whole).exclude(sha256__in=keep))
    stale += Delivery.objects.filter(whole_at=None, begun_at__lt=partial)
    for delivery in stale:
        forget(delivery)
    # A crash between forgetting a key and its file leaves what nobody can open.
    known = set(Delivery.objects.values_list("pk", flat=True))
    for path in _folder().glob("*.sealed"):
        if int(path.stem) not in known:
            path.unlink(missing_ok=True)
    return len(stale)


def resealed(keys: pl.DataFrame) -> pl.Series:
    """Seal the keys of files (id, sealed_key) anew under the newest key."""
    made = [
        _seal_key(_open_key(sealed, number), number)
        for number, sealed in keys.select("id", "sealed_key").iter_rows()
    ]
    return pl.Series("sealed_key", made, dtype=pl.Binary)


def _seal_key(key: bytes, number: int) -> bytes:
    ring = keyring()
    version, nonce = ring.newest, os.urandom(NONCE_BYTES)
    about = f"delivery|{number}|{version}".encode()
    return bytes([version]) + nonce + ring[version].payload.encrypt(nonce, key, about)


def _open_key(sealed: bytes, number: int) -> bytes:
    version, nonce = sealed[0], sealed[1:HEAD_BYTES]
    about = f"delivery|{number}|{version}".encode()
    try:
        return keyring()[version].payload.decrypt(nonce, sealed[HEAD_BYTES:], about)
    except InvalidTag as error:
        raise SealError("the key of a delivery does not open") from error


def _key_of(delivery: Delivery) -> bytes:
    return _open_key(bytes(delivery.sealed_key), delivery.pk)


def _write_piece(
    file: BinaryIO, cipher: AESGCM, delivery: Delivery, piece: bytes
) -> None:
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, piece, _number(delivery.pieces))
    file.write(len(sealed).to_bytes(LENGTH_BYTES, "big") + sealed)
    delivery.pieces += 1
    delivery.bytes_in += len(piece)
    delivery.bytes_kept += LENGTH_BYTES + len(sealed)


def _number(piece: int) -> bytes:
    return piece.to_bytes(8, "big")


def _pieces(delivery: Delivery) -> Iterator[bytes]:
    cipher = AESGCM(_key_of(delivery))
    if not delivery.pieces:
        return
    with _path(delivery).open("rb") as file:
        for number in range(delivery.pieces):
            length = int.from_bytes(file.read(LENGTH_BYTES), "big")
            nonce, sealed = file.read(NONCE_BYTES), file.read(length - NONCE_BYTES)
            try:
                yield cipher.decrypt(nonce, sealed, _number(number))
            except InvalidTag as error:
                raise SealError("a piece of a delivery does not open") from error


def _write(path: Path, delivery: Delivery) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in _pieces(delivery):
            file.write(piece)


@contextmanager
def _content(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, or a folder's files as one archive, read from the start."""
    if path.is_file():
        with path.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile(dir=_folder()) as packed:
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(path, path.name)
        packed.seek(0)
        yield packed


def _folder() -> Path:
    folder = Path(settings.DELIVERIES)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _path(delivery: Delivery) -> Path:
    return _folder() / f"{delivery.pk}.sealed"
