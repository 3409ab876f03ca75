"""Keys of rows, of local ids and of source records."""

from datetime import date

import polars as pl

from linkage.definitions import FEEDS
from linkage.specs import LocalId
from linkage.steps.identify import identify, local_key, subjects

INDEX = FEEDS["trust_patient_index"]
ROW = {
    "row_number": 1,
    "patient_id": "T1",
    "trust": "RZ1",
    "nhs_number": "9990000018",
    "surname": "Young",
    "forename": "Ada",
    "born_on": date(1950, 3, 7),
    "sex": "F",
    "ethnicity": "A",
    "line1": "1 Harbour Row",
    "postcode": "ZX1 1AA",
    "language": "en",
    "died_on": None,
}


def identified(*rows: dict) -> pl.DataFrame:
    schema = {"died_on": pl.Date}
    frame = pl.DataFrame([ROW | row for row in rows], schema_overrides=schema)
    return identify(frame, INDEX)


def test_what_a_source_says_anew_is_another_source_record() -> None:
    same, moved, stated = identified({}, {"postcode": "ZX2 2BB"}, {"ethnicity": "B"})[
        "subject_key"
    ]
    assert len({same, moved, stated}) == 3
    assert identified({"row_number": 9})["subject_key"][0] == same


def test_the_same_person_at_two_trusts_is_two_source_records() -> None:
    one, other = identified({}, {"trust": "RZ2"})["subject_key"]
    assert one != other


def test_one_trusts_local_id_is_the_same_in_every_feed_of_it() -> None:
    episode = pl.DataFrame({"provider": ["RZ1"], "local_patient_id": ["T1"]})
    spec = FEEDS["sus_apc"].local_ids[0]
    assert local_key(episode, spec)[0] == identified({})["local_key_0"][0]


def test_namespaces_keep_local_ids_apart() -> None:
    frame = pl.DataFrame({"a": ["RZ1"], "b": ["T1"]})
    of = ("a", "b")
    keys = {local_key(frame, LocalId(namespace=n, of=of))[0] for n in ("trust", "gp")}
    assert len(keys) == 2


def test_half_a_local_id_is_none() -> None:
    frame = pl.DataFrame({"a": ["RZ1", None], "b": [None, "T1"]})
    keys = local_key(frame, LocalId(namespace="trust", of=("a", "b")))
    assert keys.to_list() == [None, None]


def test_a_feed_that_only_refers_makes_no_subject() -> None:
    frame = pl.DataFrame(
        {"row_number": [1], "organisation": ["Z81001"], "observation_id": ["o1"]}
    ).with_columns(patient_id=pl.lit("p1"))
    assert "subject_key" not in identify(frame, FEEDS["gp_observation"]).columns


def test_subjects_are_distinct_and_seen_when_last_seen() -> None:
    listed = FEEDS["gp_patient"]
    row = dict.fromkeys(listed.columns) | {
        "row_number": 1,
        "practice_code": "Z81001",
        "patient_id": "p1",
    }
    days = [date(2026, 1, 5), date(2026, 3, 5), None]
    frame = pl.DataFrame(
        [row | {"updated_on": day} for day in days],
        schema_overrides={
            "updated_on": pl.Date,
            "born_on": pl.Date,
            "died_on": pl.Date,
        },
    )
    met = subjects(identify(frame, listed), listed, pl.lit(date(2026, 9, 30)))
    assert met["seen_on"].to_list() == [date(2026, 3, 5)]


def test_without_a_date_of_its_own_a_record_is_of_the_files_period() -> None:
    met = subjects(identified({}), INDEX, pl.lit(date(2026, 9, 30)))
    assert met["seen_on"].to_list() == [date(2026, 9, 30)]
