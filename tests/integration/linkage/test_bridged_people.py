"""Records that show two people of the index to be one, whatever happens to their file.

Ada is known by the list, and to the trust, without a number, by another surname.
"""

from collections.abc import Callable
from typing import Any

import pytest

from linkage import actions, store
from linkage.vault import changes
from tests.integration.linkage.conftest import ADA, INDEXED, LISTED

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
AT_FIRST = {
    "PersonID": "T200",
    "NHSNumber": "",
    "Surname": "MARSH",
    "PostalCode": "ZX2 2BB",
}
BOTH_NAMES = AT_FIRST | {"PersonID": "T300", "Surname": "YOUNGBLOOD MARSH"}
PEOPLE = "SELECT count(DISTINCT person_no) FROM link WHERE to_version IS NULL"
LEFT = "SELECT count(*) FROM pending_merge"


@pytest.fixture
def apart(deliver, vaulted) -> None:
    deliver("registered_list", LISTED, {})
    deliver("trust_patient_index", INDEXED, AT_FIRST)
    assert vaulted(PEOPLE) == [(2,)]


@pytest.fixture
def lose() -> Callable[..., None]:
    def lost(*_: Any, **__: Any) -> None:
        raise RuntimeError

    return lost


@pytest.mark.usefixtures("apart")
def test_a_record_of_both_makes_them_one(deliver, vaulted) -> None:
    deliver("trust_patient_index", INDEXED, BOTH_NAMES, name="later")
    assert vaulted(PEOPLE) == [(1,)]
    assert vaulted(LEFT) == [(0,)]


@pytest.mark.usefixtures("apart")
def test_a_load_that_fails_joins_nobody_until_it_is_done_again(
    deliver, vaulted, monkeypatch, lose
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(store.Loading, "attach", lose)
        with pytest.raises(RuntimeError):
            deliver("trust_patient_index", INDEXED, BOTH_NAMES, name="later")
    actions.settle_people()
    assert vaulted(PEOPLE) == [(2,)]
    deliver("trust_patient_index", INDEXED, BOTH_NAMES, name="later")
    assert vaulted(PEOPLE) == [(1,)]


@pytest.mark.usefixtures("apart")
def test_a_load_killed_before_the_join_is_finished_by_the_next(
    deliver, vaulted, monkeypatch, lose
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(changes, "merge", lose)
        with pytest.raises(RuntimeError):
            deliver("trust_patient_index", INDEXED, BOTH_NAMES, name="later")
    assert vaulted(PEOPLE) == [(2,)]
    actions.settle_people()
    assert vaulted(PEOPLE) == [(1,)]


def test_pairs_that_hang_together_become_one_person(deliver, vaulted, as_role) -> None:
    run = deliver("registered_list", LISTED, {})
    marsh = {
        "PersonID": "T200",
        "NHSNumber": "",
        "Surname": "MARSH",
        "FirstName": "ADELAIDE",
        "BirthDate": "1950-07-03",
        "PostalCode": "ZX2 2BB",
    }
    okoro = {
        "PersonID": "T300",
        "NHSNumber": "",
        "Surname": "OKORO",
        "FirstName": "JUNE",
        "BirthDate": "1971-01-09",
        "PostalCode": "ZX3 3CC",
    }
    deliver("trust_patient_index", INDEXED, marsh, okoro)
    one, two, three = (n for (n,) in vaulted("SELECT person_no FROM person ORDER BY 1"))
    as_role("vault").execute(
        "INSERT INTO pending_merge (run_id, person_no, into_person_no)"
        " VALUES (%s, %s, %s), (%s, %s, %s)",
        [run.pk, one, two, run.pk, two, three],
    )
    actions.settle_people()
    assert vaulted(PEOPLE) == [(1,)]


@pytest.mark.usefixtures("apart")
def test_a_number_that_comes_later_under_the_same_local_id_joins_them(
    deliver, vaulted
) -> None:
    numbered = AT_FIRST | {"NHSNumber": ADA}
    deliver("trust_patient_index", INDEXED, numbered, name="later")
    assert vaulted(PEOPLE) == [(1,)]
