"""The identity feeds: their layouts, what they agree on, and the truth beside them."""

import hashlib
import io
import json
from pathlib import Path

import polars as pl
import pytest

from synthetic import identity_feeds, truth
from synthetic.contract import Written
from synthetic.geography import World
from synthetic.people import People
from synthetic.progress import Progress

QUIET = Progress(quiet=True)


@pytest.fixture(scope="module")
def delivery(
    tmp_path_factory: pytest.TempPathFactory, few_lives, people: People, world: World
) -> tuple[Path, list[Written]]:
    out = tmp_path_factory.mktemp("delivery")
    files = identity_feeds.write(few_lives, people, world, out, QUIET)
    truth.write(few_lives, people, world, out)
    return out, files


def _read(delivery: tuple[Path, list[Written]], name: str) -> pl.DataFrame:
    return pl.read_csv(delivery[0] / "landing" / name, infer_schema=False)


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def test_counted_rows_are_in_the_files(delivery) -> None:
    out, files = delivery
    for file in files:
        lines = (out / file.path).read_text().count("\n")
        assert lines == file.rows + (file.path.suffix == ".csv")
    assert {file.feed for file in files} == {
        "registered_list", "trust_patient_index", "council_client_list", "gp_patient",
        "mhsds_mpi", "csds_mpi", "pseudonym_crosswalk", "national_data_opt_out",
    }  # fmt: skip


def test_the_same_people_make_the_same_files(
    tmp_path: Path, delivery, few_lives, people: People, world: World
) -> None:
    identity_feeds.write(few_lives, people, world, tmp_path, QUIET)
    assert _hashes(tmp_path / "landing") == _hashes(delivery[0] / "landing")


def test_the_dead_are_removed_from_the_list_soon_after(delivery, few_lives) -> None:
    rows = _read(delivery, "registered_list_202609.csv")
    dead = rows.filter(pl.col("Date of Death").is_not_null())
    last = dead.filter(pl.col("Reason for Removal") == "DEA")
    ended = last["Primary Care Provider Business Effective To Date"].str.to_date()
    days = (ended - last["Date of Death"].str.to_date()).dt.total_days()
    assert 0.9 * few_lives.deaths.height < last["NHS Number"].n_unique()
    assert days.min() >= 0
    assert days.max() <= 21
    starts = dead["Primary Care Provider Business Effective From Date"]
    assert (starts < dead["Date of Death"]).all()


def test_the_list_gives_each_practice_with_each_home_of_its_time(
    delivery, people: People
) -> None:
    rows = _read(delivery, "registered_list_202609.csv").unique()
    joined = rows.filter(
        pl.col("Usual Address Business Effective To Date").is_not_null(),
        pl.col("Usual Address Business Effective From Date").str.starts_with("20"),
        ~pl.col("Usual Address Business Effective From Date").is_in(
            ["2026-02-30", "2062-01-14"]
        ),
    )
    starts = joined["Primary Care Provider Business Effective From Date"]
    assert joined.height > 100
    assert (starts < joined["Usual Address Business Effective To Date"]).all()
    assert rows["NHS Number"].is_in(people.persons["nhs_number"].to_list()).all()
    assert set(rows["Interpreter required"]) == {"Y", "N"}


def test_one_supplier_changed_its_headers(delivery) -> None:
    usual = _read(delivery, "trust_patient_index_RZ1_202609.csv")
    other = _read(delivery, "trust_patient_index_RZ2_202609.csv")
    assert {"BirthDate", "PostalCode"} <= set(usual.columns)
    assert {"DateOfBirth", "Postcode"} <= set(other.columns)
    assert "BirthDate" not in other.columns
    assert (usual["MRN"] == usual["PersonID"]).all()


def test_some_patients_are_in_an_index_twice(delivery) -> None:
    keys = pl.read_parquet(delivery[0] / "truth" / "record_to_person.parquet")
    index = keys.filter(pl.col("feed") == "trust_patient_index")
    twice = index.filter(pl.len().over("organisation", "person") == 2)
    assert 0.01 < twice["person"].n_unique() / index["person"].n_unique() < 0.06


def test_the_truth_knows_every_record(delivery) -> None:
    keys = pl.read_parquet(delivery[0] / "truth" / "record_to_person.parquet")
    layouts = {
        "registered_list_202609.csv": ("registered_list", None, "NHS Number"),
        "gp_patient_202609.csv": ("gp_patient", "organisation", "patient_id"),
        "trust_patient_index_RZ1_202609.csv": (
            "trust_patient_index", "MRNAssigningAuthority", "PersonID",
        ),
        "council_client_list_990_202609.csv": (
            "council_client_list", "LA_Code", "LA_Person_Unique_Identifier",
        ),
        "mhsds_mpi_202324.csv": ("mhsds_mpi", "OrgIDProv", "Person_ID"),
        "csds_mpi_202324.csv": (
            "csds_mpi", "ORGANISATION IDENTIFIER (CODE OF PROVIDER)", "PERSON ID",
        ),
    }  # fmt: skip
    for name, (feed, organisation, local_id) in layouts.items():
        rows = _read(delivery, name)
        here = pl.lit(None, pl.String) if organisation is None else pl.col(organisation)
        held = rows.select(organisation=here, local_id=local_id)
        known = keys.filter(pl.col("feed") == feed)
        unknown = held.join(
            known, on=["organisation", "local_id"], how="anti", nulls_equal=True
        )
        assert unknown.is_empty(), name
        assert known.select("organisation", "local_id").is_unique().all(), name


def test_national_rows_carry_the_local_number_of_the_index(delivery) -> None:
    submitted = _read(delivery, "mhsds_mpi_202324.csv")
    index = _read(delivery, "trust_patient_index_RZ3_202609.csv")
    assert submitted["LocalPatientId"].is_in(index["PersonID"].to_list()).all()
    assert not {"Surname", "surname"} & set(submitted.columns)
    missing = submitted["NHSNumber"].is_null()
    assert 0 < missing.mean() < 0.12


def test_opt_outs_come_as_mesh_writes_them(delivery, people: People) -> None:
    text = (delivery[0] / "landing" / "national_data_opt_out_20260930.dat").read_text()
    numbers = text.removesuffix(",\n").split(",\n")
    wanted = people.persons.filter("national_opt_out")["nhs_number"]
    assert sorted(numbers) == sorted(wanted)


def test_progress_is_one_object_a_line() -> None:
    out = io.StringIO()
    Progress(as_json=True, out=out)("people", 5, 10, "people")
    assert json.loads(out.getvalue()) == {
        "stage": "people", "done": 5, "total": 10, "unit": "people",
    }  # fmt: skip
