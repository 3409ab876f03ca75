"""Open a delivery however it was packed and written: plain files that can be read."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkage.specs import FeedSpec
from linkage.steps.detect import NAMES, SEPARATORS, encoding_of, in_utf8, written
from linkage.steps.unpack import UnreadableFileError, archive_of, unpack

PARQUET = b"PAR1"


@dataclass(frozen=True)
class Plain:
    """One file as it can be read: form csv, parquet, ndjson, json, mesh or fhir_r4.

    A csv is text in UTF-8 with `separator`.
    """

    path: Path
    form: str
    separator: str = ","


@dataclass(frozen=True)
class Opened:
    """A delivery's files in order, and what had to be said of how it was written."""

    name: str
    files: tuple[Plain, ...]
    said: tuple[str, ...] = ()


@contextmanager
def opened(
    path: Path, spec: FeedSpec, *, workplace: Path | None = None
) -> Iterator[Opened]:
    """Unpack and recode a delivery into a folder of its own, for as long as a block.

    What lies plain in UTF-8 already is read where it is. workplace: the folder in which
    that folder is made; beside the delivery unless given. Raises UnreadableFileError.
    """
    if not path.exists():
        raise UnreadableFileError(f"{path.name} is not there any more.")
    # Beside the delivery: what holds its content in clear stays in the vault's zone.
    with _aside(workplace or path.parent) as aside:
        said: list[str] = []
        files = [path]
        if path.is_file() and archive_of(path):
            folder = aside()
            files = unpack(path, folder, spec.reading)
            said.append(f"unpacked from {archive_of(path)}")
            if spec.reader == "fhir_r4" and len(files) > 1:
                files = [folder]
        if not files:
            raise UnreadableFileError(f"{path.name} holds no file: send it again.")
        plain = tuple(_plain(file, spec, aside, said) for file in files)
        forms = {each.form for each in plain}
        if len(forms) > 1:
            raise UnreadableFileError(
                f"{path.name} holds files of several forms ({', '.join(sorted(forms))}"
                "): send one form at a time."
            )
        yield Opened(path.name, plain, tuple(dict.fromkeys(said)))


@contextmanager
def _aside(beside: Path) -> Iterator["_Aside"]:
    aside = _Aside(beside)
    try:
        yield aside
    finally:
        if aside.folder is not None:
            shutil.rmtree(aside.folder, ignore_errors=True)


class _Aside:
    """A closed folder, made when it is first asked for."""

    def __init__(self, beside: Path) -> None:
        self.beside = beside
        self.folder: Path | None = None

    def __call__(self) -> Path:
        if self.folder is None:
            try:
                made = tempfile.mkdtemp(prefix=".unpacked-", dir=self.beside)
            except OSError:  # a delivery that lies where nothing may be written
                made = tempfile.mkdtemp(prefix="unpacked-")
            self.folder = Path(made)
        return self.folder


def _plain(path: Path, spec: FeedSpec, aside: _Aside, said: list[str]) -> Plain:
    if path.is_dir():
        if spec.reader != "fhir_r4":
            raise UnreadableFileError(
                f"{path.name} is a folder: give its files one by one, or packed."
            )
        return Plain(path, "fhir_r4")
    with path.open("rb") as file:
        head = file.read(4)
    if head == PARQUET:
        return Plain(path, "parquet")
    if not head:
        raise UnreadableFileError(f"{path.name} is empty: it holds not even headers.")
    if spec.reader == "parquet" and not _may_be_text(path):
        raise UnreadableFileError(
            f"{path.name} is not Parquet, nor text: it cannot be read."
        )
    encoding = encoding_of(path)
    if encoding not in {"utf-8", "utf-8-sig"}:
        said.append(f"written in {NAMES[encoding]}")
        path = in_utf8(path, encoding, aside())
    if spec.reader in {"mesh", "fhir_r4"}:
        return Plain(path, spec.reader)
    headers = [h for column in spec.expanded.values() for h in column.headers]
    form, separator = written(path, headers)
    if separator not in {"", ","}:
        said.append(f"separated by {SEPARATORS[separator]}")
    return Plain(path, form, separator)


def _may_be_text(path: Path) -> bool:
    try:
        encoding_of(path)
    except UnreadableFileError:
        return False
    return True
