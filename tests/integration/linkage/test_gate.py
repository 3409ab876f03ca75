"""A delivery that does not look like the ones before waits, and leaves nothing."""

from datetime import date
from pathlib import Path

import pytest

from linkage import feed_actions
from linkage.feed_actions import RefusedDecisionError
from linkage.models import FeedRun, RejectedRow
from tests.integration.linkage.conftest import EPISODE, OBSERVATION, PATIENT, sums

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
EVERYTHING = (
    "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM event),"
    " (SELECT count(*) FROM registration), (SELECT count(*) FROM rejected_row)"
)
IN_VAULT = (
    "SELECT (SELECT count(*) FROM source_record), (SELECT count(*) FROM person),"
    " (SELECT count(*) FROM quarantine), (SELECT count(*) FROM type1_statement)"
)
OCTOBER = date(2026, 10, 7)


@pytest.fixture(autouse=True)
def kept_here(settings, tmp_path: Path) -> None:
    settings.DELIVERIES = tmp_path / "deliveries"


def patients(many: int, **values: str) -> list[dict[str, str]]:
    return [
        {"patient_id": f"p{n}", "nhs_number": "", "surname": f"Person{n}"} | values
        for n in range(many)
    ]


def test_a_file_far_smaller_than_the_usual_one_waits_and_leaves_nothing(
    deliver, stored, vaulted
) -> None:
    for month in (7, 8, 9):
        deliver(
            "gp_patient",
            PATIENT,
            *patients(220 + month),
            name=f"gp_patient_20260{month}",
            received_on=date(2026, month, 7),
        )
    before, in_vault = stored(EVERYTHING), vaulted(IN_VAULT)
    run = deliver(
        "gp_patient",
        PATIENT,
        *patients(100, surname="Another"),
        name="gp_patient_202610",
        received_on=OCTOBER,
    )
    assert run.state == FeedRun.State.HELD
    assert run.problem == (
        "100 rows, 56% fewer than the last 3 files (a median of 228); the limit is 30%."
    )
    assert stored(EVERYTHING) == before
    assert vaulted(IN_VAULT) == in_vault
    again = deliver(
        "gp_patient",
        PATIENT,
        *patients(100, surname="Another"),
        name="gp_patient_202610",
        received_on=OCTOBER,
    )
    assert (again.pk, again.state) == (run.pk, FeedRun.State.HELD)


def test_a_held_file_is_released_with_a_reason_or_refused(
    deliver, stored, as_role
) -> None:
    deliver("gp_patient", PATIENT, *patients(300), name="gp_patient_202609")
    held = deliver(
        "gp_patient",
        PATIENT,
        *patients(20),
        name="gp_patient_202610",
        received_on=OCTOBER,
    )
    with pytest.raises(RefusedDecisionError, match="reason"):
        feed_actions.decide(run_id=held.pk, release=True, reason=" ", by="x")
    refused = feed_actions.decide(
        run_id=held.pk, release=False, reason="half of the practices", by="Mo"
    )
    assert refused.state == FeedRun.State.REFUSED
    assert stored("SELECT count(*) FROM rejected_row") == [(0,)]
    feed_actions.decide(
        run_id=held.pk, release=True, reason="a practice has closed", by="Mo"
    )
    assert feed_actions.take_in_waiting() == 1
    run = FeedRun.objects.get(pk=held.pk)
    assert run.state == FeedRun.State.PUBLISHED
    assert sums(run) == (20, 20, 0, 0, 0)
    assert run.detail["released"]["reason"] == "a practice has closed"
    told = as_role("audit_reader").execute(
        "SELECT event FROM governance_auditevent WHERE event LIKE 'feed_%' ORDER BY id"
    )
    events = [event for (event,) in told]
    assert events == [
        "feed_loaded",
        "feed_held",
        "feed_refused",
        "feed_released",
        "feed_loaded",
    ]
    with pytest.raises(RefusedDecisionError, match="published"):
        feed_actions.decide(run_id=held.pk, release=False, reason="late", by="Mo")


def test_the_first_file_has_no_median_and_says_so(deliver) -> None:
    run = deliver("gp_patient", PATIENT, *patients(3))
    assert run.state == FeedRun.State.PUBLISHED
    assert (
        "No file of this supplier from an earlier day to compare with."
        in (run.detail["gate"]["noted"])
    )


def test_files_of_one_delivery_are_not_compared_with_each_other(deliver) -> None:
    deliver("gp_patient", PATIENT, *patients(400), name="gp_patient_202608")
    run = deliver("gp_patient", PATIENT, *patients(9), name="gp_patient_202609")
    assert run.state == FeedRun.State.PUBLISHED


@pytest.mark.parametrize("feed", ["gp_patient", "gp_observation"])
def test_an_empty_file_is_never_published(deliver, feed, tmp_path) -> None:
    usual = PATIENT if feed == "gp_patient" else OBSERVATION
    deliver(feed, usual, {})
    path = tmp_path / f"{feed}_202610.csv"
    path.write_text(",".join(usual) + "\n", encoding="utf-8")
    run = feed_actions.actions.load_feed_file(feed=feed, path=path, by="test")
    assert run.state == FeedRun.State.HELD
    assert run.problem == "The file holds no row. An empty file is never taken in."
    with pytest.raises(RefusedDecisionError, match="empty"):
        feed_actions.decide(run_id=run.pk, release=True, reason="so be it", by="Mo")


def test_a_column_that_is_lost_holds_and_a_new_one_warns(deliver) -> None:
    deliver("gp_patient", PATIENT, {}, name="gp_patient_202609")
    lacking = {k: v for k, v in PATIENT.items() if k != "ethnicity_code"}
    lost = deliver(
        "gp_patient", lacking, {}, name="gp_patient_202610", received_on=OCTOBER
    )
    assert lost.state == FeedRun.State.HELD
    assert lost.problem == "Missing columns that the last file had: ethnicity_code."
    new = deliver(
        "gp_patient",
        PATIENT | {"shoe_size": "41"},
        {},
        name="gp_patient_202611",
        received_on=OCTOBER,
    )
    assert new.state == FeedRun.State.PUBLISHED
    assert new.detail["gate"]["warned"] == ("New columns, not read: shoe_size.",)


def test_a_column_may_come_under_another_name_that_the_feed_knows(deliver) -> None:
    deliver("sus_apc", EPISODE, {}, name="sus_apc_RZ1_202608")
    renamed = {{"SUSSPELLID": "PROVSPNOPS"}.get(k, k): v for k, v in EPISODE.items()}
    run = deliver("sus_apc", renamed, {"EPIKEY": "501"}, name="sus_apc_RZ1_202609")
    assert run.state == FeedRun.State.PUBLISHED
    said = "Columns under another name, read as before: SUSSPELLID is now PROVSPNOPS."
    assert run.detail["gate"]["warned"] == (said,)


def test_a_journal_is_judged_at_its_end_and_leaves_no_opt_out(
    deliver, stored, vaulted
) -> None:
    """A feed that only refers to people is measured on its way: nothing is kept."""
    deliver("gp_patient", PATIENT, {})
    out = {"snomed_concept_id": "827241000000103"}
    rows = [{"observation_id": f"o{n}"} | out for n in range(200)]
    bad = [{"observation_id": f"x{n}", "snomed_concept_id": "1"} for n in range(60)]
    run = deliver("gp_observation", OBSERVATION, *rows, *bad)
    assert run.state == FeedRun.State.HELD
    assert "23.1% of rows hold a value of snomed_concept_id" in run.problem
    assert run.detail["faults"]["rejected"] == 60
    assert stored(EVERYTHING) == [(1, 0, 0, 0)]
    assert vaulted(IN_VAULT)[0][2:] == (0, 0)
    assert RejectedRow.objects.count() == 0
