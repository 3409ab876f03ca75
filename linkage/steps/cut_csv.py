"""Cut a large CSV file into pieces of whole rows, so that no more lies in memory."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

QUOTE, NEWLINE = ord('"'), ord("\n")


def cut_csv(path: Path, piece_bytes: int) -> Iterator[bytes]:
    """Give a file's bytes in order, each piece ending with a row.

    A line break within quotes ends no row. A piece is about `piece_bytes` long; longer
    where no row ends within that, as in a file whose quotes do not come in pairs.
    """
    left, wanted = b"", piece_bytes
    with path.open("rb") as file:
        while more := file.read(wanted):
            left += more
            end = _end_of_last_row(left)
            if end:
                yield left[:end]
                left, wanted = left[end:], piece_bytes
            else:
                wanted = len(left)  # twice as much, so that this costs no square
    if left:
        yield left


def _end_of_last_row(text: bytes) -> int:
    """Where the last whole row of a text ends; 0 where none does."""
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(data == QUOTE)
    breaks = np.flatnonzero(data == NEWLINE)
    outside = np.searchsorted(quotes, breaks) % 2 == 0
    ends = breaks[outside]
    return int(ends[-1]) + 1 if ends.size else 0
