"""Input that no one here wrote, from file to store: every row has its fate."""

import csv
import json
from collections import Counter
from pathlib import Path

import polars as pl
import psycopg
import pytest

from linkage import bulk
from linkage.actions import load_feed_file
from linkage.feed_actions import decide
from linkage.models import FeedRun, RejectedRow
from linkage.replays import replay_run
from linkage.vault.store import keep_crosswalk
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)

NUMBERS = {"a": "9990000018", "b": "9990000026"}


@pytest.fixture
def load(acting_as, empty_store):
    def taken(feed: str, path: Path) -> FeedRun:
        with acting_as("loader"):
            return load_feed_file(feed=feed, path=path, by="test")

    return taken


@pytest.fixture
def stored(as_role):
    """Rows of the store as the loader sees them, the one role that sees them all."""
    loader: psycopg.Connection = as_role("loader")

    def rows(query: str) -> list[tuple]:
        return loader.execute(query).fetchall()

    return rows


def person(name: str) -> dict:
    return {
        "resourceType": "Patient",
        "id": name,
        "identifier": [
            {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NUMBERS[name]},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-44-4693"},
        ],
        "name": [{"family": f"Family{name}", "given": ["Given"]}],
        "gender": "female",
        "birthDate": "1950-12-10",
    }


def condition(number: str, who: str, code: str = "44054006") -> dict:
    return {
        "resourceType": "Condition",
        "id": number,
        "subject": {"reference": f"Patient/{who}"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
        "onsetDateTime": "2020-05-06",
    }


def write(path: Path, *resources: dict) -> Path:
    path.write_text("\n".join(json.dumps(r) for r in resources))
    return path


def sums(run: FeedRun) -> tuple[int, int, int, int, int]:
    return run.rows_in, run.loaded, run.quarantined, run.excluded, run.duplicate


def test_resources_become_facts_of_their_people(load, stored, tmp_path) -> None:
    path = write(
        tmp_path / "all.ndjson",
        condition("1", "a"),
        condition("2", "b", "195967001"),
        condition("2", "b", "195967001"),
        condition("3", "a", "12"),
        {"resourceType": "Claim", "id": "x"},
        person("a"),
        person("b"),
    )
    run = load("fhir_r4", path)
    assert sums(run) == (7, 4, 1, 1, 1)
    events = stored("SELECT person_no, code, on_date::text, kind, system FROM event")
    assert sorted(row[1:] for row in events) == [
        ("195967001", "2020-05-06", 2, 1),
        ("44054006", "2020-05-06", 2, 1),
    ]
    assert len({row[0] for row in events}) == 2
    assert stored("SELECT count(*) FROM person") == [(2,)]


def test_the_same_delivery_again_changes_nothing(load, stored, tmp_path) -> None:
    path = write(tmp_path / "all.ndjson", person("a"), condition("1", "a"))
    first = load("fhir_r4", path)
    again = load("fhir_r4", path)
    assert again.pk == first.pk
    assert stored("SELECT count(*) FROM event") == [(1,)]
    # A later delivery that repeats resources brings no second fact.
    load("fhir_r4", write(tmp_path / "new.ndjson", person("a"), condition("1", "a")))
    load(
        "fhir_r4",
        write(tmp_path / "more.ndjson", condition("1", "a"), person("a"), person("b")),
    )
    assert stored("SELECT count(*) FROM event") == [(1,)]
    assert stored("SELECT count(*) FROM person") == [(2,)]


def test_an_episode_of_care_lasts_until_a_later_delivery_ends_it(
    load, stored, tmp_path
) -> None:
    def episode(**more) -> dict:
        return {
            "resourceType": "EpisodeOfCare",
            "id": "e1",
            "status": "active",
            "patient": {"reference": "Patient/a"},
            "period": {"start": "2026-03-01"},
            **more,
        }

    rows = "SELECT kind, setting, start_on::text, end_on::text FROM activity"
    load("fhir_r4", write(tmp_path / "one.ndjson", person("a"), episode()))
    community, kind = SETTINGS["community"], ACTIVITY_KINDS["episode"]
    assert stored(rows) == [(kind, community, "2026-03-01", None)]
    ended = episode(
        status="finished", period={"start": "2026-03-01", "end": "2026-05-02"}
    )
    load("fhir_r4", write(tmp_path / "two.ndjson", person("a"), ended))
    assert stored(rows) == [(kind, community, "2026-03-01", "2026-05-02")]


def test_no_identifier_reaches_the_store(load, stored, tmp_path) -> None:
    load(
        "fhir_r4",
        write(
            tmp_path / "all.ndjson",
            person("a"),
            condition("1", "a"),
            condition("2", "a", "12"),
        ),
    )
    tables = stored(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema IN ('public', 'staging') AND table_type = 'BASE TABLE'"
    )
    for (table,) in tables:
        if table.startswith(("governance", "django", "dashboards", "risk", "auth")):
            continue
        try:
            held = str(stored(f"SELECT * FROM {table}"))
        except psycopg.errors.InsufficientPrivilege:
            continue
        for secret in ("999-44-4693", NUMBERS["a"], "Familya", "FAMILYA"):
            assert secret not in held, table


def test_a_replay_asks_the_same_of_a_refused_resource(
    load, stored, acting_as, tmp_path
) -> None:
    run = load(
        "fhir_r4",
        write(
            tmp_path / "all.ndjson",
            person("a"),
            condition("1", "a", "12"),
            {"resourceType": "Claim", "id": "x"},
        ),
    )
    with acting_as("loader"):
        again = replay_run(run_id=run.pk, by="test")
    assert sums(again) == (1, 0, 1, 0, 0)
    assert stored("SELECT count(*) FROM event") == [(0,)]


def hes(path: Path, *rows: dict) -> Path:
    usual = {
        "PSEUDO_HESID": "T1",
        "EPISTAT": "3",
        "EPIORDER": "1",
        "ADMIDATE": "2024-01-02",
        "DISDATE": "2024-01-05",
        "EPISTART": "2024-01-02",
        "EPIEND": "2024-01-03",
        "PROCODE3": "RZ1",
        "ADMIMETH": "21",
        "TRETSPEF": "300",
        "DIAG_4_01": "J440",
        "DIAG_4_02": "-",
        "OPERTN_4_01": "-",
    }
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["EPIKEY", *usual])
        writer.writeheader()
        for number, row in enumerate(rows, start=1):
            writer.writerow(usual | {"EPIKEY": f"{number}"} | row)
    return path


def test_a_hes_row_needs_a_token_that_the_crosswalk_holds(
    load, stored, acting_as, tmp_path
) -> None:
    load("fhir_r4", write(tmp_path / "people.ndjson", person("a"), person("b")))
    path = hes(
        tmp_path / "hes_apc_2324.csv",
        {},
        {"EPIORDER": "2", "DIAG_4_01": "I500", "EPISTART": "2024-01-03"},
        {"PSEUDO_HESID": "T9"},
        {"EPISTAT": "1"},
        {"ADMIDATE": "1801-01-01"},
    )
    run = load("hes_apc", path)
    assert sums(run) == (5, 0, 1, 4, 0)
    rules = Counter(RejectedRow.objects.filter(run=run).values_list("rule", flat=True))
    assert rules == {"token_unknown": 3, "not_used": 1, "too_early": 1}
    # The crosswalk comes: what waited is replayed, and what has no token still waits.
    held = {"namespace": ["hes"], "token": ["T1"], "nhs_number": [NUMBERS["a"]]}
    with bulk.connect("vault") as connection:
        keep_crosswalk(connection, pl.DataFrame(held), run.pk)
        connection.commit()
    with acting_as("loader"):
        again = replay_run(run_id=run.pk, by="test")
    assert sums(again) == (4, 2, 1, 1, 0)
    spells = stored("SELECT start_on::text, end_on::text, provider_code FROM activity")
    assert spells == [("2024-01-02", "2024-01-05", "RZ1")]
    assert sorted(stored("SELECT code FROM event")) == [("I500",), ("J440",)]


@pytest.mark.sample
def test_real_samples_are_accounted_for(load, stored, acting_as, sample_data) -> None:
    folder = sample_data / "person_level"
    run = load("fhir_r4", folder / "synthea_fhir_r4" / "bundles_60_share.zip")
    assert sums(run) == (12_058, 9_055, 2, 3_001, 0)
    assert stored("SELECT count(*) FROM person") == [(60,)]
    # Of before 2001: many of its ethnic categories are on no list of today.
    path = folder / "nhs_artificial_hes" / "hes_apc_artificial.csv"
    run = load("hes_apc", path)
    assert run.state == FeedRun.State.HELD
    assert "ETHNOS" in run.problem
    with acting_as("loader"):
        decide(run_id=run.pk, release=True, reason="an old extract", by="test")
    assert sums(load("hes_apc", path)) == (2_075, 0, 1, 2_074, 0)
