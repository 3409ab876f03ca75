"""Unpack a delivery within limits: no bomb, no archive in an archive, no odd path."""

import gzip
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

from linkage.specs import ReadingLimits

PIECE_BYTES = 1 << 20
# Below this nobody is hurt, and a small file may well shrink more than the limit says.
HARMLESS_BYTES = 1 << 20
ARCHIVES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}
PASSED_OVER = ("__MACOSX",)


class UnreadableFileError(ValueError):
    """The file as a whole does not fit its definition; says what is missing."""


class Readable(Protocol):
    """What bytes can be read from, piece by piece."""

    def read(self, size: int, /) -> bytes: ...


def archive_of(path: Path) -> str | None:
    """The kind of archive that a file is by its first bytes, or None."""
    with path.open("rb") as file:
        return kind_of(file.read(8))


def kind_of(head: bytes) -> str | None:
    return next(
        (kind for mark, kind in ARCHIVES.items() if head.startswith(mark)), None
    )


def unpack(path: Path, into: Path, limits: ReadingLimits) -> list[Path]:
    """Unpack a gzip or zip file into a folder; returns its files by name.

    Every limit holds for the archive in total, whatever it claims of itself. Raises
    UnreadableFileError, which names the archive, the member and the limit.
    """
    kind = archive_of(path)
    counted = _Counted(path.name, path.stat().st_size, limits)
    try:
        if kind == "gzip":
            target = into / (path.name.removesuffix(".gz") or "content")
            with gzip.open(path, "rb") as content:
                counted.copy(content, target, path.name)
            return [target]
        if kind == "zip":
            return _unzip(path, into, counted)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UnreadableFileError(
            f"{path.name} is damaged: it cannot be unpacked. Pack and send it again."
        ) from error
    raise UnreadableFileError(
        f"{path.name} is a {kind} archive, which is not read: send it as zip or gzip,"
        " or unpacked."
    )


def _unzip(path: Path, into: Path, counted: "_Counted") -> list[Path]:
    limits = counted.limits
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        members = [m for m in members if not m.filename.startswith(PASSED_OVER)]
        if len(members) > limits.members:
            raise UnreadableFileError(
                f"{path.name} holds {len(members):,} files; the limit is"
                f" {limits.members:,}. Send it in parts, or raise `reading.members` in"
                " the feed's definition."
            )
        found = []
        for member in sorted(members, key=lambda m: m.filename):
            target = into / _inside(path.name, member.filename)
            if member.flag_bits & 1:
                raise UnreadableFileError(
                    f"{path.name} is locked with a password: send it without."
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                raise UnreadableFileError(
                    f"{path.name} holds {member.filename} twice: send it once."
                )
            try:
                with archive.open(member) as content:
                    counted.copy(content, target, member.filename)
            except (NotImplementedError, RuntimeError) as error:
                raise UnreadableFileError(
                    f"{path.name}: {member.filename} is packed in a way that is not"
                    " read: use ordinary zip (deflate)."
                ) from error
            found.append(target)
    return found


def _inside(archive: str, name: str) -> PurePosixPath:
    """A member's path below the folder. Raises for one that would lead out of it."""
    path = PurePosixPath(name)
    odd = "\\" in name or ":" in name or "\0" in name or len(name) > 200
    if odd or path.is_absolute() or ".." in path.parts or not path.parts:
        raise UnreadableFileError(
            f"{archive} names a file by a path that leads elsewhere: pack the files"
            " themselves, without drive or parent folders."
        )
    return path


class _Counted:
    """What has come out of one archive so far, against its limits."""

    def __init__(self, name: str, packed: int, limits: ReadingLimits) -> None:
        self.name = name
        self.packed = max(packed, 1)
        self.limits = limits
        self.out = 0

    def copy(self, content: Readable, target: Path, member: str) -> None:
        with target.open("wb") as file:
            first = True
            while piece := content.read(PIECE_BYTES):
                if first and kind_of(piece[:8]):
                    raise UnreadableFileError(
                        f"{self.name} holds another archive ({member}): pack files"
                        " once."
                    )
                first = False
                self.out += len(piece)
                self._refuse_bombs()
                file.write(piece)

    def _refuse_bombs(self) -> None:
        if self.out > self.limits.out_bytes:
            raise UnreadableFileError(
                f"{self.name} unpacks to more than {self.limits.out_bytes:,} bytes:"
                " send it in parts, by period."
            )
        ratio = self.out / self.packed
        if self.out > HARMLESS_BYTES and ratio > self.limits.ratio:
            raise UnreadableFileError(
                f"{self.name} unpacks to more than {self.limits.ratio} times its size,"
                " as files that are meant to do harm do: send it unpacked."
            )
