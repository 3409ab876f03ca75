"""A new codelist, feature, scheme or lens is one YAML (and one CSV), and no Python."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from governance.definitions import DefinitionError, Folder
from linkage.code_lists import FOLDER, read_codelists
from linkage.feature_definitions import FEATURES
from linkage.feature_specs import FeatureSpec
from linkage.feature_words import in_words
from linkage.release.catalogue import Catalogue
from linkage.steps.derive import attributes, derive
from segmentation.definitions import LENSES, PLUS, SCHEMES
from segmentation.specs import LensSpec, SchemeSpec
from segmentation.steps.assign import assign
from segmentation.steps.explain import explain
from segmentation.steps.lens import lenses
from tests.builders import (
    AS_OF,
    activities,
    event,
    events,
    geography,
    people,
    person,
    registration,
    registrations,
    residence,
    residences,
)

HEAD = """\
owner: Long-term conditions clinical lead
review_by: 2027-03-31
source: A test's own
why: Added without any Python.
"""
CODELIST = (
    HEAD
    + """\
title: Hay fever
lists:
  hay_fever:
    title: Hay fever
    system: snomed
    source: SNOMED CT UK Edition
"""
)
FEATURE = (
    HEAD
    + """\
title: Hay fever
group: Conditions
unit: yes or no
rule: {kind: register, codes: [hay_fever]}
"""
)
SCHEME = (
    HEAD
    + """\
title: Two segments by hay fever
attribute: segment_pollen
words: Everyone is in one of two.
segments:
  - name: sneezing
    title: Sneezing
    words: In summer.
    elements:
      - name: hay_fever
        title: Hay fever on record
        all_of: [{feature: has_hay_fever}]
        since: hay_fever_since
  - {name: breathing, title: Breathing, words: All year.}
"""
)
LENS = (
    HEAD
    + """\
title: Hay fever in Core20
attribute: core20_pollen
words: Both.
within: [core20]
all_of: [{feature: has_hay_fever}]
known_by: imd_decile
"""
)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The product's definitions, and four files beside them."""
    for name, source in (
        ("codelists", FOLDER),
        ("features", FEATURES.path),
        ("schemes", SCHEMES.path),
        ("lenses", LENSES.path),
    ):
        shutil.copytree(source, tmp_path / name)
    (tmp_path / "codelists" / "hay_fever.csv").write_text("id,term\n21719001,Hay fever")
    (tmp_path / "codelists" / "ours.yaml").write_text(CODELIST)
    (tmp_path / "features" / "hay_fever.yaml").write_text(FEATURE)
    (tmp_path / "schemes" / "pollen.yaml").write_text(SCHEME)
    (tmp_path / "lenses" / "core20_pollen.yaml").write_text(LENS)
    return tmp_path


def test_four_files_and_no_python(own: Path) -> None:
    specs = Folder(own / "features", FeatureSpec)
    schemes = Folder(own / "schemes", SchemeSpec)
    marks = Folder(own / "lenses", LensSpec)
    frame = derive(
        people(person(1), person(2)),
        registrations(registration(1), registration(2)),
        residences(residence(1, lsoa_code="E01900002"), residence(2)),
        events(event("21719001", date(2020, 5, 1))),
        activities(),
        geography(),
        specs=specs,
        codelists=read_codelists(own / "codelists"),
        as_of=AS_OF,
    )
    assert frame["has_hay_fever"].to_list() == [True, False]
    assert frame["hay_fever_since"].to_list() == [date(2020, 5, 1), None]
    catalogue = Catalogue(attributes(specs, geography()))
    assert catalogue["has_hay_fever"].title == "Hay fever"
    assert in_words(specs["hay_fever"]) == ["A code of hay fever in the GP record."]
    scheme = schemes["pollen"]
    assert assign(frame, scheme)["segment_pollen"].to_list() == [
        "sneezing",
        "breathing",
    ]
    (reason,) = explain(frame.row(0, named=True), scheme).reasons
    assert (reason.title, reason.since) == ("Hay fever on record", date(2020, 5, 1))
    found = lenses(frame, marks, PLUS["default"])
    assert found["core20_pollen"].to_list() == [True, False]


def test_an_entry_that_stands_twice_is_refused(own: Path) -> None:
    (own / "codelists" / "theirs.yaml").write_text(CODELIST)
    with pytest.raises(DefinitionError, match="hay_fever"):
        read_codelists(own / "codelists")


def test_a_file_without_an_entry_is_refused(own: Path) -> None:
    (own / "codelists" / "ours.yaml").unlink()
    with pytest.raises(DefinitionError, match="hay_fever"):
        read_codelists(own / "codelists")
