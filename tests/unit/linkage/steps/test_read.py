"""Files under the names of their definition, whole and in batches."""

from pathlib import Path

import polars as pl
import pytest

from linkage.definitions import FEEDS
from linkage.specs import FeedSpec
from linkage.steps import read as step
from linkage.steps.read import UnreadableFileError, read

SPEC = FeedSpec.model_validate(
    {
        "title": "Visits",
        "owner": "o",
        "review_by": "2027-01-01",
        "source": "s",
        "number": 99,
        "order": 1,
        "tier": "reference",
        "layout": "l",
        "key": ["visit"],
        "columns": {
            "visit": {"headers": ["VisitId", "VISIT_NO"], "required": True},
            "seen_on": {"headers": ["SeenOn"], "type": "date"},
            "code": {"headers": ["CODE_##"], "type": "icd10", "repeat": 2},
        },
    }
)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def rows(path: Path, spec: FeedSpec = SPEC) -> list[dict]:
    return pl.concat(read(path, spec)).to_dicts()


def test_headers_are_matched_whatever_their_case(tmp_path) -> None:
    path = written(
        tmp_path / "a.csv",
        "\ufeffvisit_no , CODE_02,SeenOn,extra\n007,J44,2026-01-02,x\n",
    )
    assert rows(path) == [
        {
            "row_number": 1,
            "visit": "007",
            "seen_on": "2026-01-02",
            "code_01": None,
            "code_02": "J44",
        }
    ]


def test_numbers_stay_text(tmp_path) -> None:
    """A leading nought is part of a code."""
    path = written(tmp_path / "a.csv", "VisitId,SeenOn\n0012,\n0013,20260102\n")
    assert [row["visit"] for row in rows(path)] == ["0012", "0013"]


def test_a_lost_header_is_named(tmp_path) -> None:
    path = written(tmp_path / "a.csv", "Visitor,SeenOn\n1,2026-01-02\n")
    with pytest.raises(UnreadableFileError, match="visit .known as VisitId, VISIT_NO"):
        rows(path)


def test_a_line_that_has_slipped_fails_the_file(tmp_path) -> None:
    path = written(tmp_path / "a.csv", "VisitId,SeenOn\n1,2026-01-02\n2,x,y,z\n")
    with pytest.raises(UnreadableFileError):
        rows(path)


def test_quoted_commas_and_lines_stay_in_their_field(tmp_path) -> None:
    path = written(tmp_path / "a.csv", 'VisitId,SeenOn\n"1,\n2",2026-01-02\n')
    assert [row["visit"] for row in rows(path)] == ["1,\n2"]


def test_rows_are_numbered_through_all_batches(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(step, "ROWS_PER_BATCH", 2)
    lines = "".join(f"{n},\n" for n in range(1, 6))
    path = written(tmp_path / "a.csv", "VisitId,SeenOn\n" + lines)
    batches = list(read(path, SPEC))
    assert [frame.height for frame in batches] == [2, 2, 1]
    assert [row["visit"] for row in rows(path)] == ["1", "2", "3", "4", "5"]
    assert pl.concat(batches)["row_number"].to_list() == [1, 2, 3, 4, 5]


def test_parquet_gives_the_same_rows_as_csv(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(step, "ROWS_PER_BATCH", 2)
    text = written(tmp_path / "a.csv", "VISIT_NO,SeenOn\n1,2026-01-02\n2,\n3,x\n")
    pl.read_csv(text, infer_schema=False).write_parquet(tmp_path / "a.parquet")
    parquet = SPEC.model_copy(update={"reader": "parquet"})
    assert rows(tmp_path / "a.parquet", parquet) == rows(text)


def test_an_empty_file_has_no_rows(tmp_path) -> None:
    path = written(tmp_path / "a.csv", "VisitId,SeenOn\n")
    assert list(read(path, SPEC)) == []


def test_a_file_without_a_header_is_refused(tmp_path) -> None:
    with pytest.raises(UnreadableFileError):
        rows(written(tmp_path / "a.csv", ""))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_is_read_in_whichever_encoding_it_was_written(tmp_path, encoding) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("VisitId,SeenOn\né,2026-01-02\n".encode(encoding))
    assert [row["visit"] for row in rows(path)] == ["é"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv"]


def test_what_is_no_parquet_file_is_refused_in_words(tmp_path) -> None:
    parquet = SPEC.model_copy(update={"reader": "parquet"})
    path = written(tmp_path / "a.parquet", "PAR1 not really")
    with pytest.raises(UnreadableFileError, match="cannot be read as parquet"):
        rows(path, parquet)


def test_mesh_lines_are_a_number_and_a_comma(tmp_path) -> None:
    path = written(tmp_path / "a.dat", "9990000018,\n9990000026,\n\n")
    told = rows(path, FEEDS["national_data_opt_out"])
    assert [row["nhs_number"] for row in told] == ["9990000018", "9990000026", None]
