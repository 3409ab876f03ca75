"""The whole generator by its command: one delivery whose parts agree."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest

from synthetic.__main__ import main

PEOPLE = 600


def _make(out: Path, seed: int) -> Path:
    assert main(["--people", str(PEOPLE), "--seed", str(seed), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("made") / "delivery", 3)


def _hashes(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ("reference", "landing", "truth")
        for path in sorted((out / name).iterdir())
    }


def _rows(out: Path, pattern: str) -> pl.DataFrame:
    paths = sorted((out / "landing").glob(pattern))
    assert paths, pattern
    if paths[0].suffix == ".parquet":
        return pl.read_parquet(paths)
    read = [pl.read_csv(path, infer_schema=False) for path in paths]
    return pl.concat(read, how="diagonal")


def test_the_same_seed_makes_the_same_delivery(delivery: Path, tmp_path: Path) -> None:
    again, other = _make(tmp_path / "a", 3), _make(tmp_path / "b", 4)
    assert _hashes(again) == _hashes(delivery)
    kept = set(_hashes(other).items()) & set(_hashes(delivery).items())
    assert not [name for name, _ in kept if name.startswith("landing/")]


def test_only_its_maker_can_read_a_delivery(delivery: Path) -> None:
    assert delivery.stat().st_mode & 0o077 == 0


def test_the_manifest_counts_what_was_written(delivery: Path) -> None:
    manifest = json.loads((delivery / "manifest.json").read_text())
    assert (manifest["people"], manifest["seed"]) == (PEOPLE, 3)
    assert manifest["as_of"] == "2026-09-30"
    assert manifest["peak_mb"] > 0
    files = [file for part in manifest["files"].values() for file in part]
    landed = {f"landing/{path.name}" for path in (delivery / "landing").iterdir()}
    assert {file["path"] for file in files} == landed
    for file in files:
        path = delivery / file["path"]
        if path.suffix == ".parquet":
            assert (
                pl.scan_parquet(path).select(pl.len()).collect().item() == file["rows"]
            )


@pytest.mark.parametrize("feed", ["gp_observation", "gp_medication", "gp_appointment"])
def test_every_journal_row_has_its_patient(delivery: Path, feed: str) -> None:
    keys = ["organisation", "patient_id"]
    patients = _rows(delivery, "gp_patient_*.csv")
    rows = _rows(delivery, f"{feed}_*.parquet")
    assert rows.height > 100
    assert rows.join(patients, on=keys, how="anti").is_empty()


def test_hospital_rows_carry_a_number_of_the_trusts_index(delivery: Path) -> None:
    for trust in ("RZ1", "RZ2"):
        index = _rows(delivery, f"trust_patient_index_{trust}_*.csv")["PersonID"]
        seen = _rows(delivery, f"ecds_{trust}_*.csv")["LOCAL_PATIENT_ID"]
        assert seen.is_in(index.to_list()).all()


@pytest.mark.parametrize(
    ("feed", "key"), [("mhsds", "Person_ID"), ("csds", "PERSON ID")]
)
def test_referrals_and_contacts_have_their_person(
    delivery: Path, feed: str, key: str
) -> None:
    known = _rows(delivery, f"{feed}_mpi_*.csv")[key].to_list()
    for part in ("referral", "contact"):
        assert _rows(delivery, f"{feed}_{part}_*.csv")[key].is_in(known).all()


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SystemExit, match="not touched"):
        main(["--people", "600", "--out", str(tmp_path)])
    assert (tmp_path / "thesis.txt").exists()


def test_a_delivery_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--people", "600"])
    assert "--out is needed" in capsys.readouterr().err


def test_a_reference_folder_must_hold_what_is_drawn_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lsoa21_lookup.csv").write_text("")
    out = tmp_path / "out"
    with pytest.raises(SystemExit):
        main(["--people", "600", "--out", str(out), "--reference", str(tmp_path)])
    said = capsys.readouterr().err
    assert "has no ods_practices_epraccur_2025.csv, no " in said
    assert "no lsoa21_lookup.csv" not in said
    assert not out.exists()
