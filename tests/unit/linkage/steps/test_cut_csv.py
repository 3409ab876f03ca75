"""A large CSV file comes in pieces of whole rows, and reads as if it came at once."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.steps import read as step
from linkage.steps.cut_csv import cut_csv
from tests.unit.linkage.steps.test_read import SPEC, rows

# Whatever a field may hold, quoted as CSV asks.
fields = st.text('a,\n" é', max_size=8).map(lambda f: '"' + f.replace('"', '""') + '"')
lines = st.lists(st.tuples(fields, fields).map(",".join), max_size=12)


@given(lines=lines, size=st.integers(1, 40))
def test_every_piece_is_whole_rows_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    text = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(text)
    pieces = list(cut_csv(path, size))
    assert b"".join(pieces) == text
    assert all(piece.count(b'"') % 2 == 0 for piece in pieces)
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_quotes_that_do_not_come_in_pairs_make_longer_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,5" pipe\n2,x\n3,y\n4,6" pipe\n5,z\n')
    assert list(cut_csv(path, 8)) == [
        b"a,b\n",
        b'1,5" pipe\n2,x\n3,y\n4,6" pipe\n5,z\n',
    ]


def test_a_last_row_without_its_line_break_is_given_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n2")
    assert list(cut_csv(path, 3)) == [b"a\n", b"1\n", b"2"]


def test_a_file_read_in_pieces_is_the_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.csv"
    short = "".join(f"{n},2026-01-02\n" for n in range(0, 50, 7))
    text = "VisitId,SeenOn,CODE_01\n" + "".join(
        f'{n:03d},2026-01-{n % 28 + 1:02d},"J4\n{n}, or so"\n' for n in range(50)
    )
    path.write_text("\ufeff" + text + short, encoding="utf-8")
    whole = rows(path)
    monkeypatch.setattr(step, "PIECE_BYTES", 100)
    assert rows(path) == whole
    assert len(whole) == 58
    assert whole[-1]["code_01"] is None


def test_a_line_that_has_slipped_fails_a_file_read_in_pieces(
    tmp_path: Path, monkeypatch
) -> None:
    path = tmp_path / "a.csv"
    good = "".join(f"{n},2026-01-02\n" for n in range(50))
    path.write_text(f"VisitId,SeenOn\n{good}51,2026-01-02,J44,x\n")
    monkeypatch.setattr(step, "PIECE_BYTES", 100)
    with pytest.raises(step.UnreadableFileError, match="does not fit the headers"):
        pl.concat(step.read(path, SPEC))
