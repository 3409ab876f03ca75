"""Ways in: pieces, the landing folder, a mended file; kept sealed meanwhile."""

import hashlib
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from linkage import feed_actions
from linkage.feed_actions import RefusedDecisionError
from linkage.models import FeedRun
from linkage.vault import deliveries
from linkage.vault.deliveries import NotKeptError, TooLargeError, WrongOffsetError
from linkage.vault.models import Delivery
from linkage.vault.sealing import SealError
from tests.integration.linkage.conftest import (
    LISTED,
    OBSERVATION,
    PATIENT,
    delivered,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)


@pytest.fixture(autouse=True)
def kept(settings, tmp_path: Path) -> Path:
    settings.DELIVERIES = tmp_path / "deliveries"
    return settings.DELIVERIES


def begun(**more: object) -> Delivery:
    told = {"feed": "gp_patient", "file_name": "gp_patient_202609.csv", "way": "upload"}
    return deliveries.begin(**told | {"by": "test"} | more)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return delivered(tmp_path / "gp_patient.csv", PATIENT, {}).read_bytes()


def test_pieces_are_kept_sealed_and_come_out_whole(vault_zone, kept) -> None:
    whole = os.urandom(2_500_000) + b"Youngblood"
    delivery = begun()
    assert deliveries.append(delivery, 0, whole[:2_000_000]) == 2_000_000
    assert deliveries.append(delivery, 2_000_000, whole[2_000_000:]) == len(whole)
    sha256 = deliveries.finish(delivery)
    assert sha256 == hashlib.sha256(whole).hexdigest()
    (file,) = kept.glob("*.sealed")
    assert b"Youngblood" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    with deliveries.opened(sha256) as path:
        assert path.name == "gp_patient_202609.csv"
        assert path.read_bytes() == whole
        assert path.parent.stat().st_mode & 0o077 == 0
    assert [p.name for p in kept.iterdir()] == [file.name]


def test_a_delivery_goes_on_where_it_was_broken_off(vault_zone, kept, content) -> None:
    delivery = begun()
    deliveries.append(delivery, 0, content[:50])
    with pytest.raises(WrongOffsetError, match="byte 50"):
        deliveries.append(delivery, 0, content)
    # A crash after the file was written and before the row: the rest is cut off.
    (file,) = kept.glob("*.sealed")
    with file.open("ab") as opened:
        opened.write(b"left by a crash")
    again = Delivery.objects.get(pk=delivery.pk)
    deliveries.append(again, 50, content[50:])
    assert deliveries.finish(again) == hashlib.sha256(content).hexdigest()


def test_a_piece_that_was_changed_or_moved_does_not_open(vault_zone, kept) -> None:
    delivery = begun()
    deliveries.append(delivery, 0, b"a" * 100)
    deliveries.append(delivery, 100, b"b" * 100)
    (file,) = kept.glob("*.sealed")
    one, other = file.read_bytes()[:132], file.read_bytes()[132:]
    file.write_bytes(other + one)
    with pytest.raises(SealError):
        deliveries.finish(delivery)


def test_the_limit_of_bytes_holds(vault_zone, settings) -> None:
    settings.DELIVERY_MAX_BYTES = 100
    delivery = begun()
    deliveries.append(delivery, 0, b"x" * 60)
    with pytest.raises(TooLargeError, match="100 bytes"):
        deliveries.append(delivery, 60, b"x" * 41)


def test_a_whole_delivery_becomes_a_run_and_is_loaded_once(
    vault_zone, stored, content
) -> None:
    delivery = begun(supplier="RX1")
    deliveries.append(delivery, 0, content)
    received = feed_actions.receive(delivery)
    assert received.is_new
    assert (received.run.state, received.run.supplier) == ("received", "RX1")
    assert feed_actions.take_in_waiting() == 1
    run = FeedRun.objects.get()
    assert (run.way, sums(run)) == ("upload", (1, 1, 0, 0, 0))
    assert stored("SELECT count(*) FROM person") == [(1,)]
    again = begun()
    deliveries.append(again, 0, content)
    assert not feed_actions.receive(again).is_new
    assert feed_actions.take_in_waiting() == 0


def test_a_journal_that_came_before_its_patients_waits_for_them(
    vault_zone, content, tmp_path
) -> None:
    journal = delivered(tmp_path / "gp_observation_2025.parquet", OBSERVATION, {})
    first = begun(feed="gp_observation", file_name=journal.name)
    for delivery, whole in [(first, journal.read_bytes()), (begun(), content)]:
        deliveries.append(delivery, 0, whole)
        feed_actions.receive(delivery)
    assert feed_actions.take_in_waiting() == 2
    assert sums(FeedRun.objects.get(feed="gp_observation")) == (1, 1, 0, 0, 0)


def test_a_crash_between_the_last_piece_and_the_run_loses_nothing(
    vault_zone, stored, content
) -> None:
    delivery = begun()
    deliveries.append(delivery, 0, content)
    deliveries.finish(delivery)
    assert feed_actions.take_in_waiting() == 1
    assert stored("SELECT count(*) FROM person") == [(1,)]


def test_a_delivery_that_is_not_what_was_sent_is_refused(vault_zone, content) -> None:
    delivery = begun()
    deliveries.append(delivery, 0, content)
    with pytest.raises(RefusedDecisionError, match="SHA-256 differs"):
        feed_actions.receive(delivery, sha256="0" * 64)
    assert not Delivery.objects.exists()


def test_a_mended_file_closes_what_the_first_held(vault_zone, tmp_path, stored) -> None:
    bad = {"patient_id": "p2", "organisation": "?"}
    path = delivered(tmp_path / "gp_patient_202609.csv", PATIENT, {}, bad)
    first = feed_actions.actions.load_feed_file(feed="gp_patient", path=path, by="test")
    assert sums(first) == (2, 1, 1, 0, 0)
    mended = bad | {"organisation": "Z81001", "nhs_number": "", "surname": "Other"}
    good = delivered(tmp_path / "mended.csv", PATIENT, {}, mended).read_bytes()
    delivery = begun(mends=first.pk)
    deliveries.append(delivery, 0, good)
    run = feed_actions.receive(delivery).run
    feed_actions.take_in_waiting()
    run.refresh_from_db()
    assert sums(run) == (2, 2, 0, 0, 0)
    assert stored("SELECT replayed_in_id FROM rejected_row") == [(run.pk,)]


def test_a_file_that_could_not_be_read_is_read_when_it_comes_again(
    vault_zone, content
) -> None:
    broken = content.replace(b"patient_id", b"patient_key")
    delivery = begun()
    deliveries.append(delivery, 0, broken)
    run = feed_actions.receive(delivery).run
    assert feed_actions.take_in_waiting() == 0
    run.refresh_from_db()
    assert run.state == FeedRun.State.FAILED
    assert "no column for patient_id" in run.problem
    again = begun()
    deliveries.append(again, 0, broken)
    assert feed_actions.receive(again).run.state == FeedRun.State.RECEIVED


def test_kept_files_are_forgotten_after_their_time_but_for_held_ones(
    vault_zone, kept, content, settings
) -> None:
    runs = []
    for more in (b"", b"\n"):
        delivery = begun()
        deliveries.append(delivery, 0, content + more)
        runs.append(feed_actions.receive(delivery).run)
    feed_actions.take_in_waiting()
    FeedRun.objects.filter(pk=runs[1].pk).update(state=FeedRun.State.HELD)
    unfinished = begun()
    deliveries.append(unfinished, 0, b"half")
    later = timezone.now() + timedelta(days=settings.KEEP_DELIVERIES_DAYS + 1)
    assert feed_actions.forget_deliveries(later) == 2
    (left,) = Delivery.objects.all()
    assert left.sha256 == runs[1].sha256
    assert len(list(kept.glob("*.sealed"))) == 1
    with pytest.raises(NotKeptError), deliveries.opened(runs[0].sha256):
        pass


def test_what_a_killed_process_left_open_is_removed(vault_zone, kept) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept.mkdir()
    left, ours = kept / f"opened-{ended.pid}-x", kept / f"opened-{os.getpid()}-x"
    for folder in (left, ours):
        folder.mkdir()
        (folder / "gp_patient.csv").write_text("Youngblood", encoding="utf-8")
    feed_actions.take_in_waiting()
    assert list(kept.iterdir()) == [ours]


def test_the_landing_folder_is_taken_in_when_files_rest(
    vault_zone, tmp_path, stored
) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    delivered(landing / "gp_patient_202609.csv", PATIENT, {})
    (landing / "registered_list_202609.csv.part").write_text("half", encoding="utf-8")
    (landing / "notes.txt").write_text("x", encoding="utf-8")
    assert feed_actions.sweep_landing(landing) == []  # written a moment ago
    now = time.time() + feed_actions.RESTS_SECONDS
    (run,) = feed_actions.sweep_landing(landing, now=now)
    assert (run.feed, run.way, run.state) == ("gp_patient", "landing", "received")
    assert sorted(p.relative_to(landing).as_posix() for p in landing.rglob("*.*")) == [
        "done/gp_patient_202609.csv",
        "registered_list_202609.csv.part",
        "unknown/notes.txt",
    ]
    feed_actions.take_in_waiting()
    assert stored("SELECT count(*) FROM person") == [(1,)]
    # Renamed and marked as ready, a file need not rest.
    delivered(landing / "registered_list_202609.csv", LISTED, {})
    (landing / "registered_list_202609.csv.ready").touch()
    (second,) = feed_actions.sweep_landing(landing)
    assert second.feed == "registered_list"
    assert not list(landing.glob("*.ready"))
    assert feed_actions.sweep_landing(tmp_path / "nowhere") == []


def test_packed_files_find_their_feed_by_name() -> None:
    assert feed_actions.feed_of("gp_observation_2026.parquet") == "gp_observation"
    assert feed_actions.feed_of("sus_apc_RZ1_202526.csv.gz") == "sus_apc"
    assert feed_actions.feed_of("gp_patient_202609.csv.zip") == "gp_patient"
    assert feed_actions.feed_of("nothing.csv") is None


def test_rows_that_refer_to_another_feed_are_held_or_noted(
    deliver, monkeypatch, stored
) -> None:
    list(feed_actions.FEEDS)  # they are read when first asked for
    deliver("gp_patient", PATIENT, {})
    spec = feed_actions.FEEDS["gp_observation"]
    check = {
        "rule": "not_delivered",
        "feed": "gp_patient",
        "column": "organisation",
        "any_of": ["patient_id"],
    }
    held = spec.model_validate(spec.model_dump() | {"checks": [check]})
    monkeypatch.setitem(feed_actions.FEEDS._loaded, "gp_observation", held)
    run = deliver(
        "gp_observation", OBSERVATION, {}, {"patient_id": "p9", "observation_id": "2"}
    )
    assert sums(run) == (2, 1, 1, 0, 0)
    assert stored("SELECT row_number, rule, field FROM rejected_row") == [
        (2, "not_delivered", "patient_id")
    ]
