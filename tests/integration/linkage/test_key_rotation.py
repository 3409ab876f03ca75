"""A new key for the vault: everybody is kept, the old key opens nothing any more."""

import os
from pathlib import Path

import pytest

from linkage.vault import rotation
from linkage.vault.keyring import FileKeyProvider, KeyMissingError
from linkage.vault.store import identities
from tests.integration.linkage.conftest import (
    ADA,
    EPISODE,
    EVE,
    INDEXED,
    LISTED,
    PATIENT,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
LINKS = "SELECT subject_key, person_no, rule FROM link ORDER BY 1"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch) -> FileKeyProvider:
    path = tmp_path / "vault.key"
    path.write_bytes(os.urandom(32))
    monkeypatch.setenv("VAULT_DATA_KEY_FILE", str(path))
    return FileKeyProvider(path)


@pytest.fixture
def known(keys, deliver, postcodes):
    """Ada and Eve; a row in quarantine; a crosswalk; an opt-out."""
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    deliver("registered_list", LISTED, {"Date of Birth": "x"}, name="held")
    deliver("national_data_opt_out", {"nhs_number": EVE}, {})
    crosswalk = {"namespace": "dscro", "token": "a" * 64, "nhs_number": ADA}
    deliver("pseudonym_crosswalk", crosswalk, {})


def whole(vaulted) -> tuple:
    named = sorted(identities([1, 2]), key=lambda i: i.person_no)
    opted = vaulted(
        "SELECT person_no, national_opt_out FROM person_identity ORDER BY 1"
    )
    return named, opted, vaulted(LINKS)


def quiet(*_: object) -> None:
    pass


def test_a_rotation_keeps_every_person(known, keys, vaulted) -> None:
    before = whole(vaulted)
    told: list[tuple[str, int, int]] = []
    assert rotation.rotate(by="test", progress=lambda *p: told.append(p)) == 2
    assert sorted(keys.versions()) == [2]
    assert whole(vaulted) == before
    assert {row.nhs_number for row in before[0]} == {ADA, EVE}
    assert told[0][0] == "source_record"
    assert all(done <= total for _, done, total in told)
    assert {table for table, done, total in told if done == total} >= {
        payloads.table for payloads in rotation.TABLES
    }


def test_after_a_rotation_people_are_found_as_before(
    known, keys, deliver, stored, vaulted
) -> None:
    rotation.rotate(by="test", progress=quiet)
    deliver("gp_patient", PATIENT, {})
    deliver("trust_patient_index", INDEXED, {})
    deliver("sus_apc", EPISODE, {})
    assert vaulted("SELECT count(*) FROM person") == [(2,)]
    assert stored("SELECT count(DISTINCT person_no) FROM activity") == [(1,)]
    assert vaulted("SELECT version FROM search_key") == [(2,)]


def test_a_rotation_that_was_killed_goes_on(known, keys, vaulted, monkeypatch) -> None:
    before = whole(vaulted)

    class KilledError(RuntimeError):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as halfway:
        halfway.setattr(rotation, "_renumber", killed)
        with pytest.raises(KilledError):
            rotation.rotate(by="test", progress=quiet)
    # Half is under the new key, and everything can be read.
    assert sorted(keys.versions()) == [1, 2]
    assert whole(vaulted) == before
    assert rotation.rotate(by="test", progress=quiet) == 2
    assert sorted(keys.versions()) == [2]
    assert whole(vaulted) == before


def test_nothing_of_the_old_key_is_left(known, keys, vaulted, as_role) -> None:
    kept = as_role("vault").execute("SELECT sealed FROM person_identity").fetchall()
    rotation.rotate(by="test", progress=quiet)
    now = as_role("vault").execute("SELECT sealed FROM person_identity").fetchall()
    assert {row[0][0] for row in kept} == {1}
    assert {row[0][0] for row in now} == {2}
    for payloads in rotation.TABLES:
        old = vaulted(
            f"SELECT count(*) FROM {payloads.table}"
            f" WHERE get_byte({payloads.column}, 0) <> 2"
        )
        assert old == [(0,)]
    with pytest.raises(KeyMissingError):
        keys.destroy(1)
