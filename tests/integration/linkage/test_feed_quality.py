"""Each file's quality is kept with it, by who submitted it."""

import pytest

from linkage.models import FeedQuality
from tests.integration.linkage.conftest import OBSERVATION, PATIENT

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)


def counted(run) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    kept = FeedQuality.objects.filter(run=run)
    return {
        (each.provider, each.field): (
            each.rows,
            each.filled,
            each.valid,
            each.defaults,
        )
        for each in kept
    }


def test_quality_is_kept_by_practice_and_field(deliver) -> None:
    run = deliver(
        "gp_patient",
        PATIENT,
        {},
        {"patient_id": "p-2", "nhs_number": "9990000019", "ethnicity_code": "Z"},
        {"patient_id": "p-3", "organisation": "Z81002", "ethnicity_code": ""},
    )
    found = counted(run)
    assert found["Z81001", ""] == (2, 2, 2, 0)
    assert found["Z81001", "nhs_number"] == (2, 2, 1, 0)
    assert found["Z81001", "ethnicity"] == (2, 2, 2, 1)
    assert found["Z81002", "ethnicity"] == (1, 0, 0, 0)


def test_rows_of_nobody_are_counted_as_such(deliver) -> None:
    deliver("gp_patient", PATIENT, {})
    stranger = {"observation_id": "o2", "patient_id": "p-nobody"}
    found = counted(deliver("gp_observation", OBSERVATION, {}, stranger))
    assert found["Z81001", ""] == (2, 1, 2, 0)
