"""Find out how a text file is written: encoding, separator, form."""

import codecs
import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from linkage.steps.unpack import UnreadableFileError

PIECE_BYTES = 1 << 20
SEPARATORS = {",": "commas", "\t": "tabs", "|": "pipes", ";": "semicolons"}
HEAD_BYTES = 256 * 1024
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NAMES = {
    "utf-8-sig": "UTF-8 with a mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}


class Written(NamedTuple):
    """form: csv, ndjson or json. separator: of a csv."""

    form: str
    separator: str


def encoding_of(path: Path) -> str:
    """utf-8, utf-8-sig, utf-16 (or -le, -be without a mark) or cp1252.

    Reads the file once; plain ASCII at the speed of memory. Raises UnreadableFileError
    for what is no text, naming the row.
    """
    with path.open("rb") as file:
        head = file.read(4096)
        for mark, name in BOMS.items():
            if head.startswith(mark):
                return name
        if len(head) > 3 and b"\0" in head:
            half = len(head) // 2
            for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
                if zeros.count(0) > 0.6 * half:
                    return name
        file.seek(0)
        return _eight_bit(path.name, file)


def _eight_bit(name: str, file: BinaryIO) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    rows, several, single = 0, False, False
    while piece := file.read(PIECE_BYTES):
        if b"\0" in piece:
            row = rows + piece[: piece.index(b"\0")].count(b"\n")
            raise UnreadableFileError(
                f"{name}: a zero byte stands in {_row(row)}: the file is damaged or no"
                " text. Export it again as text in UTF-8."
            )
        if single:
            _refuse_undefined(name, piece, rows)
        elif not piece.isascii() or decoder.getstate()[0]:
            try:
                decoded = decoder.decode(piece)
                several |= not decoded.isascii()
            except UnicodeDecodeError as error:
                row = rows + piece[: max(error.start, 0)].count(b"\n")
                whole = piece[: max(error.start, 0)]
                if several or not whole.isascii():
                    raise UnreadableFileError(
                        f"{name}: {_row(row)} holds a byte that is not UTF-8, in a file"
                        " that is. Export it again in one encoding."
                    ) from error
                single = True
                _refuse_undefined(name, piece, rows)
        rows += piece.count(b"\n")
    if not single and decoder.getstate()[0]:
        return "cp1252" if not several else _cut(name)
    return "cp1252" if single else "utf-8"


def _cut(name: str) -> str:
    raise UnreadableFileError(
        f"{name} ends in the middle of a letter: it was cut off. Send it again."
    )


def _refuse_undefined(name: str, piece: bytes, rows: int) -> None:
    for undefined in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"):
        if undefined in piece:
            row = rows + piece[: piece.index(undefined)].count(b"\n")
            raise UnreadableFileError(
                f"{name}: {_row(row)} holds a byte that is text in no encoding known"
                " here (UTF-8, UTF-16, Windows-1252). Export it again in UTF-8."
            )


def _row(line: int) -> str:
    return f"row {line:,}" if line else "the header"


def in_utf8(path: Path, encoding: str, into: Path) -> Path:
    """Write a file's text anew in UTF-8; returns where it lies."""
    target = into / path.name
    if target == path:
        target = into / f"utf8-{path.name}"
    try:
        with (
            path.open(encoding=encoding, newline="") as text,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            while piece := text.read(PIECE_BYTES):
                if "\0" in piece:
                    raise UnreadableFileError(
                        f"{path.name} holds a zero character: export it again."
                    )
                out.write(piece)
    except UnicodeError as error:
        raise UnreadableFileError(
            f"{path.name} begins as {NAMES[encoding]} and does not go on so. Export it"
            " again in UTF-8."
        ) from error
    return target


def written(path: Path, headers: Iterable[str]) -> Written:
    """The form of a text in UTF-8; headers: those that the definition knows."""
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        head = file.read(HEAD_BYTES)
    begins = head.lstrip()[:1]
    if begins == "[":
        return Written("json", "")
    if begins == "{":
        line = head.lstrip().splitlines()[0]
        try:
            json.loads(line)
        except ValueError:
            return Written("json", "")
        return Written("ndjson", "")
    known = {header.strip().lower() for header in headers}
    return Written("csv", max(SEPARATORS, key=lambda s: _fit(head, s, known)))


def _fit(head: str, separator: str, known: set[str]) -> tuple[int, int]:
    """How many known headers a separator shows, then how many at all."""
    try:
        first = next(csv.reader(head.splitlines(), delimiter=separator), [])
    except csv.Error:
        return 0, 0
    met = sum(1 for name in first if name.strip().lower() in known)
    return met, len(first) if separator == "," else 0
