"""The vault's keys: kept outside Postgres, in numbered versions, behind one interface.

A version is 32 random bytes, from which every purpose derives a key of its own (HKDF).
The newest version seals; older live ones still open, until a rotation has sealed
everything anew and destroys them. A key management service needs one class more: keep
data keys wrapped, ask the service to unwrap them in `versions`.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
DESTROYED = bytes(KEY_BYTES)
MOST_VERSIONS = 255  # the version is one byte of every sealed value


class KeyMissingError(RuntimeError):
    """A key that is not there, or not of this shape; says which and what to do."""


class KeyProvider(Protocol):
    """Where key versions come from: a file here, a key management service elsewhere."""

    def versions(self) -> Mapping[int, bytes]:
        """The live versions, 32 bytes each, by number from 1."""

    def add(self) -> int:
        """Make a new version and return its number."""

    def destroy(self, version: int) -> None:
        """Make a version unusable for ever; its number is not given again."""


@dataclass(frozen=True)
class FileKeyProvider:
    """One closed file of 32 bytes for each version, in order; zeros where destroyed."""

    path: Path

    def versions(self) -> Mapping[int, bytes]:
        content = self._content()
        found = {
            n + 1: content[n * KEY_BYTES : (n + 1) * KEY_BYTES]
            for n in range(len(content) // KEY_BYTES)
        }
        return {n: key for n, key in found.items() if key != DESTROYED}

    def add(self) -> int:
        content = self._content()
        number = len(content) // KEY_BYTES + 1
        if number > MOST_VERSIONS:
            raise KeyMissingError(f"{self.path} has all {MOST_VERSIONS} versions")
        self._write(content + secrets.token_bytes(KEY_BYTES))
        return number

    def destroy(self, version: int) -> None:
        content = bytearray(self._content())
        if version not in self.versions() or len(self.versions()) == 1:
            raise KeyMissingError(f"version {version} cannot be destroyed")
        content[(version - 1) * KEY_BYTES : version * KEY_BYTES] = DESTROYED
        self._write(bytes(content))

    def _content(self) -> bytes:
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise KeyMissingError(
                f"the vault's key file cannot be read: {self.path}"
            ) from error
        if not content or len(content) % KEY_BYTES:
            raise KeyMissingError(f"{self.path} does not hold keys of 32 bytes")
        return content

    def _write(self, content: bytes) -> None:
        """Replace the file at once, closed to everyone else from its first moment."""
        beside = self.path.with_name(f".{self.path.name}.new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)


class Ciphers:
    """What one version of the key is used for, each use under a key of its own."""

    def __init__(self, key: bytes) -> None:
        self.payload = AESGCM(derived(key, "payload", 32))
        self.number = AESSIV(derived(key, "nhs number", 64))
        self._blocks = derived(key, "blocks", 32)

    def blind(self, words: bytes) -> bytes:
        """Encrypt whole 16-byte blocks, each on its own: a keyed function of each."""
        return pseudorandom(self._blocks, words)


@dataclass(frozen=True)
class Keyring:
    """Every live version; `newest` seals what is written now."""

    versions: Mapping[int, Ciphers] = field(repr=False)

    @property
    def newest(self) -> int:
        return max(self.versions)

    @property
    def oldest(self) -> int:
        return min(self.versions)

    def __getitem__(self, version: int) -> Ciphers:
        try:
            return self.versions[version]
        except KeyError as error:
            raise KeyMissingError(
                f"version {version} of the vault's key is not in the key file"
            ) from error


def derived(key: bytes, purpose: str, length: int) -> bytes:
    """Return the key of one purpose (HKDF-SHA-256, RFC 5869)."""
    info = f"catchment vault|{purpose}".encode()
    return HKDF(SHA256(), length, salt=None, info=info).derive(key)


def pseudorandom(key: bytes, words: bytes) -> bytes:
    """AES over independent 16-byte blocks, as a pseudorandom function of each block.

    Every block is one whole input; nothing longer is encrypted this way.
    """
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(words) + encryptor.finalize()


def provider() -> KeyProvider:
    """The provider that this deployment names: its key file."""
    path = os.environ.get("VAULT_DATA_KEY_FILE")
    if not path:
        raise KeyMissingError("VAULT_DATA_KEY_FILE is not set: only the vault has it")
    return FileKeyProvider(Path(path))


@cache
def _opened(versions: tuple[tuple[int, bytes], ...]) -> Keyring:
    return Keyring({number: Ciphers(key) for number, key in versions})


def keyring() -> Keyring:
    """The keys as they are now; the file is read again, so a rotation is noticed."""
    return _opened(tuple(sorted(provider().versions().items())))


@cache
def _record_key(path: str) -> bytes:
    return derived(Path(path).read_bytes(), "record keys", 32)


def record_key() -> bytes:
    """The key under which keys of records leave for the store; never rotated.

    Another key would give every fact another name: files loaded again would load
    twice.
    """
    path = os.environ.get("PSEUDONYM_KEY_FILE")
    if not path:
        raise KeyMissingError("PSEUDONYM_KEY_FILE is not set: only the vault has it")
    return _record_key(path)
