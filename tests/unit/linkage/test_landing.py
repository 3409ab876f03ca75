"""What lies in a landing folder, and in which order it is taken."""

import json
from datetime import date
from pathlib import Path

import pytest

from linkage.actions import fingerprint
from linkage.definitions import FEEDS
from linkage.file_names import period_of
from linkage.landing import delivered_on, landed, lanes, needs


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("x", encoding="utf-8")


def test_people_are_introduced_before_they_are_spoken_of(tmp_path) -> None:
    touch(
        tmp_path,
        "gp_observation_2025.parquet",
        "gp_observation_2024.parquet",
        "sus_apc_RZ1_202526.csv",
        "pseudonym_crosswalk_dscro.csv",
        "registered_list_202609.csv",
        "gp_patient_202609.csv",
        "notes.txt",
    )
    found = landed(tmp_path)
    assert [path.name for _, path in found.files] == [
        "pseudonym_crosswalk_dscro.csv",
        "registered_list_202609.csv",
        "gp_patient_202609.csv",
        "gp_observation_2024.parquet",
        "gp_observation_2025.parquet",
        "sus_apc_RZ1_202526.csv",
    ]
    assert [path.name for path in found.unknown] == ["notes.txt"]


def test_feeds_that_change_the_index_keep_their_order_and_the_rest_goes_beside() -> (
    None
):
    order = sorted(FEEDS, key=lambda feed: FEEDS[feed].order)
    first, side_by_side = lanes(order)
    assert {"pseudonym_crosswalk", "national_data_opt_out"} <= set(first)
    linking = side_by_side[0]
    assert linking == [feed for feed in order if feed in linking]
    assert {"registered_list", "gp_patient", "mhsds_mpi", "sus_op"} <= set(linking)
    assert ["gp_observation"] in side_by_side
    # Contacts are checked against the referrals that they belong to.
    assert ["csds_referral", "csds_contact"] in side_by_side
    assert sorted(first + sum(side_by_side, [])) == sorted(FEEDS)


def test_a_feed_waits_for_those_alone_that_introduce_whom_it_speaks_of() -> None:
    come = ["registered_list", "gp_patient", "trust_patient_index", "csds_mpi"]
    assert needs("gp_observation", come) == ["gp_patient"]
    assert needs("csds_contact", come) == ["csds_mpi"]
    assert needs("mhsds_contact", come) == []
    # One that finds its people by itself waits for nobody but its own lane.
    assert needs("sus_op", come) == []


def test_who_refers_to_people_never_waits_for_a_feed_behind_it() -> None:
    order = sorted(FEEDS, key=lambda feed: FEEDS[feed].order)
    _, (linking, *apart) = lanes(order)
    awaited = {name for lane in apart for feed in lane for name in needs(feed, order)}
    assert awaited
    assert awaited <= set(linking)


def test_a_manifest_beside_the_folder_says_when_it_was_delivered(tmp_path) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    assert delivered_on(folder) is None
    (tmp_path / "manifest.json").write_text(json.dumps({"as_of": "2026-09-30"}))
    assert delivered_on(folder) == date(2026, 9, 30)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("gp_patient_202602.csv", date(2026, 2, 28)),
        ("trust_patient_index_RZ1_202609.csv", date(2026, 9, 30)),
        ("csds_mpi_RZ3_202608_2.csv", date(2026, 8, 31)),  # its second correction
        ("gp_patient_202612.csv", date(2026, 10, 5)),  # not after it arrived
        ("sus_apc_RZ1_202425.csv", date(2026, 10, 5)),  # a year, not a month
        ("hand_made.csv", date(2026, 10, 5)),
    ],
)
def test_a_file_speaks_of_the_month_in_its_name(name: str, day: date) -> None:
    assert period_of(Path(name), date(2026, 10, 5)) == day


def test_a_fingerprint_is_of_the_bytes_alone(tmp_path) -> None:
    touch(tmp_path, "a.csv", "b.csv")
    assert fingerprint(tmp_path / "a.csv") == fingerprint(tmp_path / "b.csv")
    (tmp_path / "b.csv").write_text("y")
    assert fingerprint(tmp_path / "a.csv") != fingerprint(tmp_path / "b.csv")


def test_a_folder_has_a_fingerprint_of_all_its_files(tmp_path) -> None:
    touch(tmp_path, "a.ndjson", "b.ndjson")
    before = fingerprint(tmp_path)
    (tmp_path / "b.ndjson").write_text("y")
    assert fingerprint(tmp_path) != before
