"""A change of a codelist: its codes, who moves, and what is never seen."""

import polars as pl
import pytest

from governance.definitions import DefinitionError
from linkage.code_lists import Codelist, parse_codes, stems_of
from linkage.feature_specs import CodelistSpec
from linkage.steps.codelist_change import difference, movements, never_seen


def test_opencodelists_and_caliber_files_are_read_alike() -> None:
    ours = parse_codes("code,term\n13645005,COPD\n", "x.csv")
    assert ours == {"13645005": "COPD"}
    caliber = (
        "Disease,ICD10code,ICD10codeDescr,Category\n"
        "Gout,M10,Gout,Diagnosis of Gout\n"
        "Gout,M14.0,Gouty arthropathy,Diagnosis of Gout\n"
        "Gout,M10,Gout,History of Gout\n"
    )
    assert parse_codes(caliber, "ICD_gout.csv") == {
        "M10": "Gout",
        "M140": "Gouty arthropathy",
    }


@pytest.mark.parametrize(
    ("code", "stems"),
    [
        ("I20-I22", ["I20", "I21", "I22"]),
        ("I20-22", ["I20", "I21", "I22"]),
        ("C98-D01", ["C98", "C99", "D00", "D01"]),
        ("J449", ["J449"]),
        ("0212000B0AAAAAA", ["0212000B0AAAAAA"]),
    ],
)
def test_a_range_is_written_out_as_stems(code: str, stems: list[str]) -> None:
    assert stems_of(code) == stems


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("words,meaning\nx,y\n", "no column for the code"),
        ("code,term\n", "holds no codes"),
        ("code,term\n1.2E+10,x\n", "no usable code"),
        ("code,term\nI30-I20,x\n", "backwards"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        parse_codes(text, "x.csv")


def test_a_difference_names_what_was_added_removed_and_renamed() -> None:
    found = difference({"a": "A", "b": "B", "c": "C"}, {"a": "A", "c": "See", "d": "D"})
    assert found.added == {"d": "D"}
    assert found.removed == {"b": "B"}
    assert found.retitled == {"c": ("C", "See")}
    assert not difference({"a": "A"}, {"a": "A"})


def test_people_enter_leave_and_change() -> None:
    before = pl.DataFrame({"person_no": [1, 2, 3], "has_x": [True, False, False]})
    after = pl.DataFrame({"person_no": [1, 2, 3], "has_x": [False, True, None]})
    before = before.with_columns(times=pl.Series([1, 2, None]))
    after = after.with_columns(times=pl.Series([1, 3, 4]))
    assert movements(before, after, ["has_x", "times"]) == {
        ("has_x", "entering"): [2],
        ("has_x", "leaving"): [1],
        ("times", "changed"): [2, 3],
    }


def test_a_stem_is_seen_when_any_code_begins_with_it() -> None:
    spec = CodelistSpec(title="x", system="icd10", match="prefix", source="x")
    listed = Codelist("x", spec, {"J44": "COPD", "J43": "Emphysema"}, "")
    seen = pl.DataFrame({"code": ["J449", "I10X"]})
    assert never_seen(listed, seen) == ["J43"]
    exact = Codelist("x", spec.model_copy(update={"match": "exact"}), listed.terms, "")
    assert never_seen(exact, seen) == ["J43", "J44"]
