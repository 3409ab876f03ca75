"""The assurance pack keeps to what is there: tests exist, rows are whole, all agree."""

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "docs" / "assurance"
# ASVS 5.0.0: 70 of level 1 and 183 of level 2, less 7 about WebRTC.
ROWS = 246
AUTOMATED = 120
STATUSES = {"met", "partly", "open", "deployment", "not applicable"}
APPS = ("linkage", "segmentation", "risk", "dashboards", "governance", "synthetic")


def rows(name: str) -> list[dict[str, str]]:
    with (PACK / name).open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of a file's tests."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def is_there(node: str) -> bool:
    path, _, name = node.partition("::")
    if not (ROOT / path).is_file():
        return False
    return bool(names_in(path)) if name == "*" else name in names_in(path)


ASVS = rows("asvs.csv")
HAZARDS = rows("hazard-log.csv")


def test_asvs_has_every_row_of_levels_one_and_two(record_property):
    assert len({row["id"] for row in ASVS}) == len(ASVS) == ROWS
    assert {row["level"] for row in ASVS} == {"1", "2"}
    assert sum(row["level"] == "1" for row in ASVS) == 70
    chapters = {row["id"].split(".")[0] for row in ASVS}
    assert chapters == {f"V{n}" for n in range(1, 17)}
    record_property("access.asvs_rows", len(ASVS))


def test_enough_rows_are_shown_by_tests(record_property):
    automated = sum(bool(row["tests"]) for row in ASVS)
    record_property("access.asvs_automated", automated)
    assert automated >= AUTOMATED


@pytest.mark.parametrize("row", ASVS, ids=lambda row: row["id"])
def test_a_row_of_asvs_says_how_it_stands_and_why(row):
    assert row["status"] in STATUSES
    assert 4 <= len(row["requirement"]) < 90
    assert row["tests"] or row["evidence"]
    if row["status"] in {"open", "partly", "deployment", "not applicable"}:
        # What is not shown by a test is said in words.
        assert row["tests"] or len(row["evidence"]) > 7
    for node in filter(None, row["tests"].split(";")):
        assert is_there(node), node
    for word in row["evidence"].replace(";", " ").replace(",", " ").split():
        path = word.strip("().:").split("#")[0]
        if path.startswith("docs/") and path.endswith(".md"):
            assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("row", HAZARDS, ids=lambda row: row["id"])
def test_a_hazard_is_less_with_its_controls_and_each_is_tested(row):
    before = int(row["initial_likelihood"]) * int(row["initial_severity"])
    after = int(row["residual_likelihood"]) * int(row["residual_severity"])
    for name in ("initial_likelihood", "initial_severity"):
        assert 1 <= int(row[name]) <= 5
    assert after < before
    assert after <= 12
    for name in ("hazard", "cause", "effect", "controls", "owner"):
        assert len(row[name]) > 3
    nodes = row["tests"].split(";")
    assert nodes != [""]
    for node in nodes:
        assert is_there(node), node


def test_every_module_says_what_it_is_for():
    told = (PACK / "medical-devices.md").read_text()
    for app in APPS:
        assert f"`{app}`" in told, app


def test_every_file_of_the_pack_is_named_in_its_list():
    listed = (PACK / "README.md").read_text()
    for path in PACK.iterdir():
        assert path.name == "README.md" or path.name in listed, path.name


def test_paths_that_the_pack_names_exist():
    """A wall that the threat model calls shown is shown by something that is there."""
    for name in ("threat-model.md", "dtac.md", "dspt-caf.md", "cryptography.md"):
        text = (PACK / name).read_text()
        for word in text.split("`")[1::2]:
            if "/" in word and not word.startswith(("/", "CATCHMENT", "secrets")):
                assert (ROOT / word).exists(), f"{name}: {word}"
