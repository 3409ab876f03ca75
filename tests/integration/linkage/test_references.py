"""Whom a local id means is kept between files, and never beyond the state it is of."""

import pytest

from linkage import bulk
from linkage.vault import index
from tests.integration.linkage.conftest import PATIENT

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
NAMESPACE = "gp"


def meant() -> int:
    with index.reading() as connection:
        return index.by_local_key(connection, NAMESPACE).height


def test_a_version_that_was_taken_back_leaves_nothing_behind(deliver) -> None:
    deliver("gp_patient", PATIENT, {}, {"patient_id": "p2", "nhs_number": ""})
    before = meant()
    assert before
    with bulk.connect("vault") as broken_off:
        index.next_version(broken_off, None, "test")
        bulk.execute(
            broken_off, f"DELETE FROM local_ref WHERE namespace = '{NAMESPACE}'"
        )
        assert index.by_local_key(broken_off, NAMESPACE).is_empty()
        broken_off.rollback()
    with bulk.connect("vault") as other:
        index.next_version(other, None, "test")  # the same number, another state
        other.commit()
    assert meant() == before
