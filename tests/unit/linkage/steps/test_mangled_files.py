"""Files broken in every way: an answer in words or every row, never a traceback."""

import csv
import gzip
import io
import json
import tempfile
from datetime import date
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.definitions import FEEDS
from linkage.steps.measure import measure
from linkage.steps.open_file import opened
from linkage.steps.read import UnreadableFileError, read_opened, stated_headers
from linkage.steps.validate import validate

RECEIVED_ON = date(2026, 9, 30)
SPEC = FEEDS["gp_patient"]
HEADERS = [column.headers[0] for column in SPEC.expanded.values()]
USUAL = {
    "patient_id": "p1",
    "nhs_number": "9990000018",
    "given_name": "Ada",
    "surname": 'O\'Young "Ada", née Ä',
    "date_of_birth": "1950-03-07",
    "organisation": "Z81001",
    "model_updated_datetime": "2026-01-01 10:00",
}
TOKENS = [b'"', b",", b"\n", b"\r\n", b"\0", b"\xff", b"\xc3", b"{", b"[", b"|", b"\t"]
TOKENS += [b"9990000018", b"2026-02-30", b"1e999", b"=cmd()", b"'", b"\\", b"PAR1"]


def table(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADERS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet(rows: list[dict[str, str]]) -> bytes:
    content = io.BytesIO()
    whole = [dict.fromkeys(HEADERS, "") | row for row in rows]
    pl.DataFrame(whole).write_parquet(content)
    return content.getvalue()


def lines(rows: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


BASES = {
    "a.csv": table([USUAL, USUAL | {"patient_id": "p2"}]),
    "b.ndjson": lines([USUAL, USUAL | {"patient_id": "p2"}]),
    "c.json": json.dumps([USUAL, USUAL]).encode(),
    "d.csv.gz": gzip.compress(table([USUAL] * 9), mtime=0),
    "e.parquet": parquet([USUAL, USUAL]),
    "f.csv": table([USUAL]).decode().encode("utf-16"),
}


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of one of the forms, cut, spliced, flipped and stuffed."""
    name = draw(st.sampled_from(sorted(BASES)))
    content = BASES[name]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        until = min(len(content), place + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["cut", "drop", "repeat", "token", "flip", "end"])):
            case "cut":
                content = content[:place]
            case "drop":
                content = content[:place] + content[until:]
            case "repeat":
                content = content[:until] + content[place:]
            case "token":
                token = draw(st.sampled_from(TOKENS))
                content = content[:place] + token + content[place:]
            case "flip":
                noise = draw(st.binary(min_size=1, max_size=6))
                content = content[:place] + noise + content[place + len(noise) :]
            case _:
                content += draw(st.binary(max_size=20))
    return name, content


def taken(name: str, content: bytes) -> list[pl.DataFrame]:
    """Read and validate a file; every row read is either accepted or has a reason."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        frames = []
        with opened(path, SPEC) as delivery:
            stated_headers(delivery, SPEC)
            for frame in read_opened(delivery, SPEC):
                checked = validate(frame, SPEC, RECEIVED_ON)
                rejected = checked.rejected["row_number"].unique()
                both = pl.concat([checked.accepted["row_number"], rejected]).sort()
                assert both.to_list() == frame["row_number"].sort().to_list()
                assert measure(checked, frame.height).rejected == rejected.len()
                frames.append(frame)
        assert [p.name for p in Path(folder).iterdir()] == [name]
    numbers = [n for frame in frames for n in frame["row_number"]]
    assert numbers == list(range(1, len(numbers) + 1))
    return frames


@settings(max_examples=250, deadline=None)
@given(mangled())
def test_a_mangled_file_is_refused_in_words_or_accounted_for(file) -> None:
    name, content = file
    words = f"{name.split('.')[0]} was read"
    try:
        taken(name, content)
    except UnreadableFileError as error:
        words = str(error)
    assert name.split(".")[0] in words
    assert "9990000018" not in words


WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=12
) | st.sampled_from(["", " ", "\r", "\n", '"', '""', ",", "2026-02-30", "é", "\ufeff"])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(HEADERS[:4], WORDS)), max_size=6))
def test_no_row_is_lost_whatever_stands_in_it(rows) -> None:
    """As a proper CSV writer writes them, values come back, and each row is one."""
    frames = taken("a.csv", table(rows))
    read = [row for frame in frames for row in frame.iter_rows(named=True)]
    assert len(read) == len(rows)
    for found, row in zip(read, rows, strict=True):
        for column, header in zip(SPEC.expanded, HEADERS[:4], strict=False):
            assert (found[column] or "") == row[header]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=8))
def test_every_line_of_ndjson_is_a_row(words) -> None:
    kept = [w.replace("\n", " ").replace("\0", " ") for w in words]
    content = ("{}\n" + "".join(f"{w}\n" for w in kept)).encode()
    try:
        frames = taken("a.ndjson", content)
    except UnreadableFileError:
        return
    expected = 1 + sum(1 for w in kept if w.strip())
    assert sum(frame.height for frame in frames) == expected
