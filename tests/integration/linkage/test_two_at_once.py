"""Two processes at one moment: each finds what the other has done, and harms nothing.

A process is a thread here, with connections of its own to every database.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from linkage import bulk, person_actions, roll_back, store
from linkage.models import FeedRun
from tests.integration.linkage.conftest import (
    EPISODE,
    INDEXED,
    LISTED,
    OBSERVATION,
    PATIENT,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
LONGER_THAN_PATIENCE = store.PATIENCE_SECONDS + 1.5
BAD = {"observation_id": "o9", "snomed_concept_id": "?"}
MARRIED = {
    "PersonID": "T200",
    "NHSNumber": "",
    "Surname": "MARSH",
    "FirstName": "ADELAIDE",
    "BirthDate": "1950-07-03",
    "PostalCode": "ZX2 2BB",
}


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path) -> None:
    settings.DELIVERIES = tmp_path / "deliveries"


class Another:
    """Work that another process does meanwhile; `told` is what came of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.told: Any = None
        self.thread = threading.Thread(target=self._run)

    def start(self, *, wait_seconds: float) -> None:
        """Begin, and wait that long for the end; it may need longer."""
        self.thread.start()
        self.thread.join(wait_seconds)

    def end(self) -> Any:
        """Wait for the end; returns what came of it."""
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.told

    def _run(self) -> None:
        try:
            self.told = self.work()
        except Exception as error:
            self.told = error
        finally:
            connections.close_all()
            bulk.close_all()


@pytest.fixture
def as_it_commits(monkeypatch) -> Callable[[Another, float], None]:
    """Start another process when the next load has done all but its commit."""

    def meanwhile(another: Another, wait_seconds: float) -> None:
        record = store.audit.record

        def recorded(event: str, *args: Any, **told: Any) -> None:
            if event == "feed_loaded" and not another.thread.ident:
                another.start(wait_seconds=wait_seconds)
            record(event, *args, **told)

        monkeypatch.setattr("linkage.store.audit.record", recorded)

    return meanwhile


def test_who_loads_the_same_file_too_leaves_the_firsts_quarantine(
    deliver, vaulted, monkeypatch
) -> None:
    deliver("gp_patient", PATIENT, {})
    second = Another(lambda: deliver("gp_observation", OBSERVATION, {}, BAD))
    attach = store.Loading.attach

    def meanwhile(*args: Any) -> Any:
        if not second.thread.ident:
            second.start(wait_seconds=60)
        return attach(*args)

    monkeypatch.setattr(store.Loading, "attach", meanwhile)
    run = deliver("gp_observation", OBSERVATION, {}, BAD)
    assert isinstance(second.end(), store.RunBusyError)
    assert sums(run) == (2, 1, 1, 0, 0)
    run.refresh_from_db()
    assert run.state == FeedRun.State.PUBLISHED
    kept = vaulted(f"SELECT row_number FROM quarantine WHERE run_id = {run.pk}")
    assert kept == [(2,)]


def test_who_gives_up_waiting_does_not_call_the_run_failed(
    deliver, as_it_commits
) -> None:
    deliver("gp_patient", PATIENT, {})
    second = Another(lambda: deliver("gp_observation", OBSERVATION, {}))
    as_it_commits(second, LONGER_THAN_PATIENCE)
    run = deliver("gp_observation", OBSERVATION, {})
    assert isinstance(second.end(), store.RunBusyError)
    run.refresh_from_db()
    assert (run.state, run.problem) == (FeedRun.State.PUBLISHED, "")


def test_who_waited_for_the_same_file_returns_it_as_the_first_left_it(
    deliver, stored, as_it_commits
) -> None:
    deliver("gp_patient", PATIENT, {})
    second = Another(lambda: deliver("gp_observation", OBSERVATION, {}))
    as_it_commits(second, 1.0)
    run = deliver("gp_observation", OBSERVATION, {})
    told = second.end()
    assert (told.pk, told.state) == (run.pk, FeedRun.State.PUBLISHED)
    run.refresh_from_db()
    assert sums(run) == sums(told) == (1, 1, 0, 0, 0)
    assert run.facts == 1
    assert stored("SELECT count(*) FROM event") == [(1,)]


def test_a_merge_during_a_roll_back_waits_and_both_are_done(
    deliver, stored, vaulted, monkeypatch
) -> None:
    """Their locks are in two databases, of which neither would see a deadlock."""
    deliver("registered_list", LISTED, {})
    deliver("trust_patient_index", INDEXED, MARRIED)
    one, other = (n for (n,) in vaulted("SELECT person_no FROM person ORDER BY 1"))
    bad = deliver("sus_apc", EPISODE, {}, name="one")
    for name, key in (("two", "501"), ("three", "502")):
        deliver("sus_apc", EPISODE, {}, {"EPIKEY": key}, name=name)
    merging = Another(
        lambda: person_actions.merge_people(one=one, other=other, by="test")
    )
    load_again = roll_back._load_again

    def meanwhile(*args: Any) -> None:
        load_again(*args)
        if not merging.thread.ident:
            merging.start(wait_seconds=3)

    monkeypatch.setattr(roll_back, "_load_again", meanwhile)
    rolling = Another(
        lambda: roll_back.roll_back_run(run_id=bad.pk, reason="wrong", by="test")
    )
    rolling.start(wait_seconds=60)
    assert rolling.end().state == FeedRun.State.UNDONE
    assert isinstance(merging.end(), int)
    assert stored("SELECT count(*), count(DISTINCT person_no) FROM event") == [(9, 1)]


def test_a_file_that_comes_as_a_run_is_taken_back_is_read_again_too(
    deliver, stored, monkeypatch
) -> None:
    deliver("gp_patient", PATIENT, {})
    bad = deliver("gp_observation", OBSERVATION, {}, name="one")
    take_out = roll_back._take_out

    def meanwhile(*args: Any, **told: Any) -> None:
        rows = ({}, {"observation_id": "o2"})
        deliver("gp_observation", OBSERVATION, *rows, name="two", settle=False)
        take_out(*args, **told)

    monkeypatch.setattr(roll_back, "_take_out", meanwhile)
    roll_back.roll_back_run(run_id=bad.pk, reason="wrong", by="test")
    assert FeedRun.objects.get(file_name="two.parquet").state == "published"
    assert stored("SELECT count(*) FROM event") == [(2,)]
