"""Two processes at one moment: each finds what the other has done, and harms nothing.

A process is a thread here, with connections of its own to every database.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from linkage import bulk, store
from linkage.models import FeedRun
from tests.integration.linkage.conftest import OBSERVATION, PATIENT, sums

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
LONGER_THAN_PATIENCE = store.PATIENCE_SECONDS + 1.5
BAD = {"observation_id": "o9", "snomed_concept_id": "?"}


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
