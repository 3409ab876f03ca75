"""Reading codelists: any header for the code, codes as text, faults by line."""

import pytest

from governance.definitions import DefinitionError
from linkage.code_lists import read_codelist, read_codelists
from linkage.feature_specs import CodelistSpec

SPEC = CodelistSpec(title="x", system="snomed", source="x")
INDEX = """
title: x
owner: x
review_by: 2030-01-01
source: x
lists:
  a: {title: A, system: snomed, source: x}
"""


def written(tmp_path, text, name="a.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "header", ["code,term", "term,code", "ICD10code,term", "ConceptId,Term", "id,term"]
)
def test_any_name_of_the_codes_column_is_taken(tmp_path, header):
    row = ("x,13645005" if header.startswith("term") else "13645005,x") + "\n"
    found = read_codelist(written(tmp_path, f"{header}\n{row}"), SPEC)
    assert found.terms == {"13645005": "x"}


def test_long_identifiers_keep_their_last_digits(tmp_path):
    path = written(tmp_path, "code\n900000000000445007\n")
    assert read_codelist(path, SPEC).codes == {"900000000000445007"}


def test_dots_in_icd10_codes_and_blank_lines_fall_away(tmp_path):
    path = written(tmp_path, "\ufeffcode,term\nJ44.9,COPD\n,\n")
    assert read_codelist(path, SPEC).codes == {"J449"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("term\nx\n", "no column for the code"),
        ("code\n", "holds no codes"),
        ("", "no column for the code"),
        ("code,term\n1.36E+07,x\n", "line 2: no usable code"),
        ("code,term\n1,x\n1,y\n", "line 3: 1 stands twice"),
        ("code,term\n,x\n", "line 2: no usable code"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(DefinitionError, match=message):
        read_codelist(written(tmp_path, text), SPEC)


def test_the_index_and_the_files_must_agree(tmp_path):
    written(tmp_path, INDEX, "index.yaml")
    written(tmp_path, "code\n1\n")
    assert list(read_codelists(tmp_path)) == ["a"]
    written(tmp_path, "code\n1\n", "b.csv")
    with pytest.raises(DefinitionError, match=r"disagree on \['b'\]"):
        read_codelists(tmp_path)


def test_the_digest_changes_with_a_code_and_with_the_index(tmp_path):
    path = written(tmp_path, "code\n1\n")
    first = read_codelist(path, SPEC).digest
    other = SPEC.model_copy(update={"match": "prefix"})
    assert read_codelist(path, other).digest != first
    path.write_text("code\n2\n")
    assert read_codelist(path, SPEC).digest != first


def test_a_system_that_is_none_of_ours_is_refused():
    with pytest.raises(ValueError, match="none of snomed"):
        CodelistSpec(title="x", system="read2", source="x")
