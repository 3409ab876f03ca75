"""A whole landing folder by command, and how right its links are."""

import json
import os
import subprocess
import sys
from datetime import date
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from linkage import beside
from linkage.models import FeedRun
from tests.conftest import ROOT
from tests.integration.linkage.conftest import (
    ADA,
    EPISODE,
    EVE,
    INDEXED,
    LISTED,
    OBSERVATION,
    PATIENT,
    delivered,
)

JSON = ("--progress", "json")
pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    eve = {"NHS Number": EVE, "Given Name": "Eve", "Date of Birth": "1981-12-25"}
    delivered(folder / "registered_list_202609.csv", LISTED, {}, eve)
    delivered(folder / "gp_patient_202609.csv", PATIENT, {})
    delivered(folder / "trust_patient_index_RZ1_202609.csv", INDEXED, {})
    delivered(folder / "sus_apc_RZ1_202526.csv", EPISODE, {})
    observed = {"effective_datetime": date(2026, 10, 15), "observation_id": "o2"}
    delivered(folder / "gp_observation_2025.parquet", OBSERVATION, {}, observed)
    (folder / "readme.txt").write_text("x")
    (tmp_path / "manifest.json").write_text(json.dumps({"as_of": "2026-09-30"}))
    return folder


def lines(*words: str) -> list[dict]:
    """What a command says; a load stays in this process, which has the test's roles."""
    out = StringIO()
    here = ("--jobs", "1") if words[0] == "load_landing" else ()
    call_command(*words, *here, stdout=out, stderr=StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_folder_is_loaded_in_order_and_told_as_it_goes(landing, vault_zone) -> None:
    told = lines("load_landing", str(landing), *JSON)
    results = [line for line in told if "rows_out" in line]
    stages = [line["stage"] for line in results]
    assert [stage for stage in stages if stage != "gp_observation"] == [
        "registered_list",
        "gp_patient",
        "trust_patient_index",
        "sus_apc",
        "people",
    ]
    # Beside the others, as soon as it is known whom it speaks of.
    assert stages.index("gp_observation") > stages.index("gp_patient")
    assert stages[-1] == "people"
    # The manifest's day, not today's, says what lies in the future.
    observed = next(line for line in results if line["stage"] == "gp_observation")
    assert (observed["rows_in"], observed["rows_out"], observed["quarantined"]) == (
        2,
        1,
        1,
    )
    assert [line for line in told if "done" in line][0] == {
        "stage": "registered_list",
        "done": 1,
        "total": 1,
        "unit": "files",
    }
    again = lines("load_landing", str(landing), *JSON)
    assert FeedRun.objects.count() == 5
    assert [line["rows_in"] for line in again if "rows_out" in line][:2] == [2, 1]


def test_no_journal_is_loaded_once_the_load_of_its_patients_has_failed(
    landing, vault_zone, monkeypatch
) -> None:
    take = beside.take

    def failing(feed, path, received_on):
        if feed == "gp_patient":
            raise OSError("the server went away")
        return take(feed, path, received_on)

    with monkeypatch.context() as patched:
        patched.setattr(beside, "take", failing)
        with pytest.raises(OSError, match="went away"):
            lines("load_landing", str(landing), *JSON)
    assert not FeedRun.objects.filter(feed="gp_observation").exists()
    lines("load_landing", str(landing), *JSON)
    run = FeedRun.objects.get(feed="gp_observation")
    assert (run.rows_in, run.excluded) == (2, 0)


def in_processes(landing: Path) -> subprocess.CompletedProcess[str]:
    """The command as a process of the vault's role, which starts others."""
    return subprocess.run(
        [sys.executable, "manage.py", "load_landing", str(landing), *JSON],
        cwd=ROOT,
        env=os.environ
        | {
            "CATCHMENT_PROCESS": "vault",
            "DATABASE_URL": os.environ["TEST_LOADER_DATABASE_URL"],
            "VAULT_DATABASE_URL": os.environ["TEST_VAULT_DATABASE_URL"],
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_lanes_in_processes_of_their_own_load_the_same(landing, vault_zone) -> None:
    done = in_processes(landing)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    results = {line["stage"]: line for line in told if "rows_out" in line}
    assert set(results) == {
        *("registered_list", "gp_patient", "trust_patient_index", "sus_apc"),
        *("gp_observation", "people"),
    }
    observed = results["gp_observation"]
    assert (observed["rows_in"], observed["rows_out"], observed["quarantined"]) == (
        2,
        1,
        1,
    )
    assert set(FeedRun.objects.values_list("state", flat=True)) == {"published"}
    assert observed["rows_in"] == FeedRun.objects.get(feed="gp_observation").rows_in


def test_a_file_that_another_process_cannot_read_is_named(landing, vault_zone) -> None:
    (landing / "gp_observation_2025.parquet").write_bytes(b"PAR1 and nothing more")
    done = in_processes(landing)
    assert done.returncode == 1
    assert "gp_observation_2025.parquet" in done.stderr
    assert "Traceback" not in done.stderr
    # What the other lane was at is not lost.
    assert FeedRun.objects.get(feed="sus_apc").state == FeedRun.State.PUBLISHED


def test_the_rows_of_a_held_file_are_counted_and_the_file_is_named(
    landing, vault_zone
) -> None:
    nobody = [{"patient_id": ""} for _ in range(220)]
    delivered(landing / "gp_patient_202609.csv", PATIENT, *nobody)
    told = lines("load_landing", str(landing), *JSON)
    run = FeedRun.objects.get(feed="gp_patient")
    assert run.state == FeedRun.State.HELD
    counted = next(x for x in told if "rows_out" in x and x["stage"] == "gp_patient")
    assert (counted["rows_in"], counted["rows_out"], counted["held"]) == (220, 0, 220)
    named = [line for line in told if "held" in line and "rows_out" not in line]
    assert [(line["held"], line["run"]) for line in named] == [
        ("gp_patient_202609.csv", run.pk)
    ]
    # A person refuses it: the next reading of the folder says so of its rows.
    FeedRun.objects.filter(pk=run.pk).update(state=FeedRun.State.REFUSED)
    again = lines("load_landing", str(landing), *JSON)
    counted = next(x for x in again if "rows_out" in x and x["stage"] == "gp_patient")
    assert (counted["held"], counted["refused"]) == (0, 220)
    # One that was rolled back is called that, not refused.
    FeedRun.objects.filter(pk=run.pk).update(state=FeedRun.State.UNDONE)
    again = lines("load_landing", str(landing), *JSON)
    counted = next(x for x in again if "rows_out" in x and x["stage"] == "gp_patient")
    assert (counted["refused"], counted["undone"]) == (0, 220)


def test_links_are_measured_against_the_truth(landing, vault_zone, tmp_path) -> None:
    lines("load_landing", str(landing), *JSON)
    truth = tmp_path / "truth"
    truth.mkdir()
    rows = [
        ("registered_list", None, ADA, 1),
        ("registered_list", None, EVE, 2),
        ("gp_patient", "Z81001", "p-ada", 1),
        ("trust_patient_index", "RZ1", "T100", 2),  # the truth differs: it was Eve
    ]
    pl.DataFrame(
        rows, schema=["feed", "organisation", "local_id", "person"], orient="row"
    ).write_parquet(truth / "record_to_person.parquet")
    told = {row["feed"]: row for row in lines("evaluate_linkage", str(truth), "--json")}
    assert told["gp_patient"]["tier"] == "names"
    assert told["sus_apc"]["records"] == 1
    # Ada: list, GP, index, episode as one. Truly: list and GP; and index, episode, Eve.
    assert told["all"]["pairs_found"] == 6
    assert told["all"]["pairs_right"] == 2
    assert told["all"]["pairs_true"] == 4
    asked = ("evaluate_linkage", str(truth), "--json", "--by", "tier")
    tiers = {row["tier"]: row for row in lines(*asked)}
    assert tiers["names"]["records"] == 4
    # The episode is with list, GP and index; truly with the index and Eve's entry.
    national = tiers["national"]
    assert (national["pairs_found"], national["pairs_right"]) == (3, 1)
    assert national["pairs_true"] == 2
    assert tiers["all"]["pairs_right"] == 2


def test_what_is_not_there_is_said_so(vault_zone, tmp_path) -> None:
    with pytest.raises(CommandError, match="no folder"):
        call_command("load_landing", str(tmp_path / "nowhere"))
    with pytest.raises(CommandError, match="record_to_person"):
        call_command("evaluate_linkage", str(tmp_path))
    with pytest.raises(CommandError, match="There is no"):
        call_command("load", "gp_patient", str(tmp_path / "nothing.csv"))
    with pytest.raises(CommandError, match="no run 99"):
        call_command("replay", "99")


def test_load_tells_what_became_of_the_rows(vault_zone, tmp_path) -> None:
    path = delivered(
        tmp_path / "gp_patient_202609.csv", PATIENT, {}, {"patient_id": ""}
    )
    out = StringIO()
    call_command("load", "gp_patient", str(path), stdout=out)
    assert "2 rows = 1 loaded + 1 quarantined + 0 excluded + 0 dup" in out.getvalue()
    assert "A value that must be there is missing (patient_id)" in out.getvalue()
    run = FeedRun.objects.get()
    out = StringIO()
    call_command("replay", str(run.pk), stdout=out)
    assert "of 1 rejected rows 0 are loaded now, 1 rejected again" in out.getvalue()
