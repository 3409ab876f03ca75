"""Restricted codes reach neither the store nor quarantine, and are counted."""

import pytest

from linkage.models import RejectedRow
from tests.integration.linkage.conftest import EPISODE, OBSERVATION, PATIENT, sums

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)


def test_restricted_rows_leave_a_count_by_category_alone(
    deliver, stored, vaulted
) -> None:
    deliver("gp_patient", PATIENT, {})
    secret = {"observation_id": "o9", "snomed_concept_id": "57797005"}
    run = deliver("gp_observation", OBSERVATION, {}, secret)
    assert sums(run) == (2, 1, 0, 1, 0)
    assert run.detail["restricted"] == {"termination of pregnancy": 1}
    assert stored("SELECT code FROM event") == [("44054006",)]
    assert not RejectedRow.objects.filter(run=run).exists()
    assert vaulted(f"SELECT count(*) FROM quarantine WHERE run_id = {run.pk}") == [(0,)]


def test_a_spell_keeps_its_other_codes(deliver, stored) -> None:
    run = deliver("sus_apc", EPISODE, {"DIAG_02": "O049"})
    assert sums(run)[:2] == (1, 1)
    assert run.detail["restricted"] == {"termination of pregnancy": 1}
    codes = {code for (code,) in stored("SELECT code FROM event")}
    assert "J449" in codes
    assert not any(code.startswith("O04") for code in codes)
