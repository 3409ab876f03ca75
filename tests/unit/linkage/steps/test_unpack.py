"""Archives within limits; every refusal names file, limit and remedy."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from linkage.specs import ReadingLimits
from linkage.steps.unpack import UnreadableFileError, archive_of, unpack

LIMITS = ReadingLimits(members=3, out_bytes=5_000_000, ratio=100)
TEXT = b"a,b\n1,2\n"


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def taken(path: Path, limits: ReadingLimits = LIMITS) -> dict[str, bytes]:
    into = path.parent / "into"
    into.mkdir()
    return {p.name: p.read_bytes() for p in unpack(path, into, limits)}


def test_files_come_out_by_name(tmp_path) -> None:
    path = zipped(tmp_path / "a.zip", {"b.csv": TEXT, "a.csv": b"x", "__MACOSX/c": b""})
    assert list(taken(path)) == ["a.csv", "b.csv"]


def test_gzip_is_one_file(tmp_path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(TEXT))
    assert archive_of(path) == "gzip"
    assert taken(path) == {"a.csv": TEXT}


@pytest.mark.parametrize(
    "name", ["../x.csv", "/etc/x", "a/../../x", "C:\\x.csv", "a\\b", "x:y"]
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path, name) -> None:
    path = zipped(tmp_path / "a.zip", {name: TEXT})
    with pytest.raises(UnreadableFileError, match="leads elsewhere"):
        taken(path)
    assert not (tmp_path / "x.csv").exists()


def test_more_files_than_the_limit_are_refused(tmp_path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{n}.csv": TEXT for n in range(4)})
    with pytest.raises(
        UnreadableFileError, match=r"a\.zip holds 4 files; the limit is 3"
    ):
        taken(path)


def test_the_size_that_comes_out_counts_in_total(tmp_path) -> None:
    content = os.urandom(2_000_000)
    path = zipped(tmp_path / "a.zip", {f"{n}.csv": content for n in range(3)})
    with pytest.raises(UnreadableFileError, match="more than 5,000,000 bytes"):
        taken(path)


@pytest.mark.parametrize("kind", ["zip", "gz"])
def test_a_bomb_is_refused_by_its_ratio(tmp_path, kind) -> None:
    zeros = b"0" * 4_000_000
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        zipped(path, {"a.csv": zeros})
    else:
        path.write_bytes(gzip.compress(zeros))
    with pytest.raises(UnreadableFileError, match="more than 100 times its size"):
        taken(path)


def test_an_archive_in_an_archive_is_refused(tmp_path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.csv": TEXT}).read_bytes()
    path = zipped(tmp_path / "a.zip", {"harmless.csv": inner})
    with pytest.raises(UnreadableFileError, match="holds another archive"):
        taken(path)


def test_other_archives_and_damage_are_refused_in_words(tmp_path) -> None:
    seven = tmp_path / "a.7z"
    seven.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(20))
    with pytest.raises(UnreadableFileError, match="7-Zip archive, which is not read"):
        unpack(seven, tmp_path, LIMITS)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(zipped(tmp_path / "b.zip", {"a.csv": TEXT}).read_bytes()[:-30])
    with pytest.raises(UnreadableFileError, match="damaged"):
        unpack(cut, tmp_path, LIMITS)
    locked = tmp_path / "locked.zip"
    content = bytearray(zipped(tmp_path / "c.zip", {"a.csv": TEXT}).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    locked.write_bytes(bytes(content))
    with pytest.raises(UnreadableFileError, match="password"):
        unpack(locked, tmp_path, LIMITS)
