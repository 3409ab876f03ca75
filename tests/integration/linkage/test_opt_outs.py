"""Whoever has opted out stays so: lists that come late, fail, or are taken back."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from linkage import actions, roll_back, store
from linkage.models import FeedRun
from tests.integration.linkage.conftest import (
    ADA,
    EVE,
    LISTED,
    OBSERVATION,
    PATIENT,
    RECEIVED_ON,
    sums,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
FLAGS = "SELECT national_opt_out FROM person"
TYPE1 = "SELECT type1_opt_out_on::text FROM person"
OPTED_OUT = {"snomed_concept_id": "827241000000103"}
WITHDRAWN = {"snomed_concept_id": "827261000000102"}
NEWER = {"model_updated_datetime": date(2025, 3, 1)}


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path) -> None:
    settings.DELIVERIES = tmp_path / "deliveries"


@pytest.fixture
def listed(vault_zone, tmp_path) -> Callable[..., FeedRun]:
    """Load a national list: listed("202609", ADA, EVE)."""

    def taken(name: str, *numbers: str, on: date = RECEIVED_ON) -> FeedRun:
        path = tmp_path / f"national_data_opt_out_{name}.dat"
        path.write_text("".join(f"{n},\n" for n in numbers), encoding="utf-8")
        return actions.load_feed_file(
            feed="national_data_opt_out", path=path, by="test", received_on=on
        )

    return taken


def test_a_list_of_two_batches_is_one_list(listed, vaulted, monkeypatch) -> None:
    monkeypatch.setattr("linkage.steps.read.ROWS_PER_BATCH", 1)
    assert sums(listed("1", ADA, EVE)) == (2, 2, 0, 0, 0)
    assert vaulted("SELECT count(*) FROM national_opt_out") == [(2,)]


def test_an_older_list_that_comes_late_replaces_nothing(
    deliver, listed, stored
) -> None:
    deliver("registered_list", LISTED, {})
    listed("202609", ADA)
    listed("202608", EVE)
    assert stored(FLAGS) == [(True,)]
    listed("202609_again", EVE, "9990000034")
    assert stored(FLAGS) == [(False,)]


def test_a_list_whose_load_fails_leaves_the_one_before(
    deliver, listed, stored, vaulted, monkeypatch
) -> None:
    deliver("registered_list", LISTED, {})
    listed("1", ADA)

    def lose(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(store.Loading, "attach", lose)
        with pytest.raises(RuntimeError):
            listed("2", EVE)
    actions.settle_people()
    assert stored(FLAGS) == [(True,)]
    listed("2", EVE)
    assert stored(FLAGS) == [(False,)]


@pytest.mark.parametrize("killed", [False, True])
def test_nobody_counts_as_opted_in_while_a_list_is_taken_back(
    deliver, listed, stored, vaulted, monkeypatch, killed
) -> None:
    deliver("registered_list", LISTED, {})
    listed("1", ADA, on=date(2026, 9, 20))
    wrong = listed("2", ADA, EVE)
    remove_runs = store.remove_runs
    whole: list[Any] = []

    def meanwhile(*args: Any) -> Any:
        whole.extend(vaulted("SELECT count(*) FROM national_opt_out"))
        if killed:
            raise KeyboardInterrupt
        return remove_runs(*args)

    def undo() -> None:
        roll_back.roll_back_run(run_id=wrong.pk, reason="wrong", by="test")

    with monkeypatch.context() as patched:
        patched.setattr(store, "remove_runs", meanwhile)
        if killed:
            with pytest.raises(KeyboardInterrupt):
                undo()
            actions.settle_people()
            assert stored(FLAGS) == [(True,)]
        else:
            undo()
    if killed:
        undo()
    assert whole == [(2,)]
    assert vaulted("SELECT count(*) FROM national_opt_out") == [(1,)]
    assert stored(FLAGS) == [(True,)]


def test_the_only_list_taken_back_leaves_none(deliver, listed, stored, vaulted) -> None:
    deliver("registered_list", LISTED, {})
    wrong = listed("1", ADA)
    assert stored(FLAGS) == [(True,)]
    roll_back.roll_back_run(run_id=wrong.pk, reason="wrong", by="test")
    assert stored(FLAGS) == [(False,)]
    assert vaulted("SELECT count(*) FROM national_opt_out") == [(0,)]


@pytest.mark.parametrize("in_order", [True, False])
def test_the_later_version_of_a_coded_opt_out_stands_whichever_comes_first(
    deliver, stored, in_order
) -> None:
    deliver("gp_patient", PATIENT, {})
    files = [("old", WITHDRAWN), ("new", OPTED_OUT | NEWER)]
    for name, row in files if in_order else files[::-1]:
        deliver("gp_observation", OBSERVATION, row, name=name)
    assert stored(TYPE1) == [("2025-02-03",)]


def test_a_coded_opt_out_that_is_corrected_to_something_else_is_none(
    deliver, stored, vaulted
) -> None:
    deliver("gp_patient", PATIENT, {})
    deliver("gp_observation", OBSERVATION, OPTED_OUT, name="old")
    assert stored(TYPE1) == [("2025-02-03",)]
    again = {"observation_id": "o2"}
    deliver("gp_observation", OBSERVATION, OPTED_OUT, again, name="again")
    assert stored(TYPE1) == [("2025-02-03",)]
    deliver("gp_observation", OBSERVATION, NEWER, name="new")
    assert stored(TYPE1) == [(None,)]
    assert vaulted("SELECT count(*) FROM type1_statement") == [(0,)]
