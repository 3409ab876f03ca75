"""However a delivery was written, the same rows; and what could not be read, why."""

import gzip
import json
import zipfile
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.steps.open_file import opened
from linkage.steps.read import UnreadableFileError, read, read_opened
from tests.unit.linkage.steps.test_read import SPEC

ROWS = [("007", "2026-01-02", "J44"), ("008", "2026-02-03", "é9")]
HEADERS = ("VisitId", "SeenOn", "CODE_01")


def csv_text(separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in (HEADERS, *ROWS))


def as_json() -> list[dict[str, str]]:
    return [dict(zip(HEADERS, row, strict=True)) for row in ROWS]


WRITTEN = {
    "commas.csv": csv_text().encode(),
    "tabs.txt": csv_text("\t").encode(),
    "pipes.csv": csv_text("|").encode(),
    "semicolons.csv": csv_text(";").encode("utf-8-sig"),
    "windows.csv": csv_text().encode("cp1252"),
    "utf16.csv": csv_text("\t").encode("utf-16"),
    "lines.ndjson": "".join(json.dumps(row) + "\n" for row in as_json()).encode(),
    "list.json": json.dumps(as_json(), indent=1).encode(),
    "packed.csv.gz": gzip.compress(csv_text("|").encode()),
}


def visits(path: Path) -> list[tuple[str, ...]]:
    frame = pl.concat(read(path, SPEC))
    assert frame["row_number"].to_list() == list(range(1, frame.height + 1))
    return frame.select("visit", "seen_on", "code_01").rows()


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_rows_however_they_are_written(tmp_path, name) -> None:
    path = tmp_path / name
    path.write_bytes(WRITTEN[name])
    assert visits(path) == ROWS
    assert [p.name for p in tmp_path.iterdir()] == [name]  # nothing is left beside it


def test_what_was_found_out_is_said(tmp_path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(csv_text("|").encode("utf-16")))
    with opened(path, SPEC) as delivery:
        assert delivery.said == (
            "unpacked from gzip",
            "written in UTF-16",
            "separated by pipes",
        )


def test_parquet_of_a_feed_that_usually_sends_csv(tmp_path) -> None:
    path = tmp_path / "a.dat"
    pl.DataFrame(as_json()).write_parquet(path)
    assert visits(path) == ROWS


def test_files_of_a_zip_follow_each_other(tmp_path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("2.csv", csv_text())
        archive.writestr("1.csv", csv_text("|"))
    assert visits(path) == ROWS + ROWS


def test_a_line_of_json_that_cannot_be_read_is_a_row_of_its_own(tmp_path) -> None:
    path = tmp_path / "a.ndjson"
    lines = [
        '{"visitid": 7, "SEENON": "2026-01-02", "CODE_01": null}',
        '{"VisitId": ',
        '["VisitId"]',
        '{"VisitId": {"a": 1}, "SeenOn": "2026-01-02"}',
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    with opened(path, SPEC) as delivery:
        frame = pl.concat(read_opened(delivery, SPEC))
    assert frame["visit"].to_list() == ["7", None, None, None]
    assert frame["refused"].to_list() == [None, *["unreadable"] * 3]
    assert frame["refused_field"].to_list()[3] == "VisitId"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a.csv is empty"),
        (b"VisitId\n1\n2\0\n", "a zero byte stands in row 2"),
        (
            "VisitId\né\n".encode() + b"\xff\xfe\n",
            "row 2 holds a byte that is not UTF-8",
        ),
        (b"VisitId\n\x81\n", "row 1 holds a byte that is text in no encoding"),
        (b"VisitId,VisitId\n1,2\n", "has the header VisitId 2 times"),
        (b"VisitId\n1,2,3\n", "a line does not fit the headers"),
        (b"Other\n1\n", r"no column for visit \(known as VisitId, VISIT_NO\)"),
        (b'[{"Other": 1}]', None),
        (b"[1, 2]", None),
        (b'{"Other": {"deep": [1]}}', None),
        (b"PK\x03\x04 broken", "damaged"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(tmp_path, content, words) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    if words is None:
        assert all(row[0] is None for row in visits(path))
        return
    with pytest.raises(UnreadableFileError, match=words):
        visits(path)


def test_no_value_of_the_file_stands_in_an_error(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'VisitId,SeenOn\n9990000018,"Youngblood"x,Ada,1\n')
    with pytest.raises(UnreadableFileError) as raised:
        visits(path)
    for hidden in ("9990000018", "Youngblood", "Ada"):
        assert hidden not in str(raised.value)


def test_parquet_with_lists_or_too_much_in_it_is_refused(tmp_path) -> None:
    nested = tmp_path / "nested.parquet"
    pl.DataFrame({"VisitId": [["1"]]}).write_parquet(nested)
    with pytest.raises(UnreadableFileError, match="VisitId holds"):
        visits(nested)
    bomb = tmp_path / "bomb.parquet"
    table = pa.table({"VisitId": ["0" * 1000] * 20_000})
    pq.write_table(table, bomb, use_dictionary=False, compression="zstd")
    with pytest.raises(UnreadableFileError, match="times its size"):
        visits(bomb)


def test_numbers_and_bytes_in_parquet_become_text_where_text_is_meant(tmp_path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"VisitId": pl.Series(["7"], dtype=pl.Categorical)}).write_parquet(
        path
    )
    assert visits(path) == [("7", None, None)]
