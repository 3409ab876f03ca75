"""The nightly check on real tables: who is found again, who cannot have been there."""

import base64
from datetime import date

import pytest
from pyroaring import BitMap

from linkage import person_actions
from linkage.models import LinkageAudit
from linkage.vault.store import identities
from tests.integration.linkage.conftest import (
    ADA,
    EPISODE,
    EVE,
    INDEXED,
    LISTED,
    PATIENT,
    RECEIVED_ON,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
# Eve under another surname, at another address, born a day later: her number alone
# says that it is she.
MARRIED = {"NHSNumber": EVE, "Surname": "MARSH", "FirstName": "EVE"}
MARRIED |= {"PersonID": "T300", "PostalCode": "ZX2 2BB", "EthnicityCodeID": "H"}
MARRIED |= {"BirthDate": "1950-03-08"}


def people(audit: LinkageAudit, outcome: str) -> BitMap:
    sets = [BitMap.deserialize(base64.b64decode(c[outcome])) for c in audit.cells]
    return BitMap.union(*sets)


def test_a_record_is_found_again_by_name_or_missed(deliver, postcodes, vaulted) -> None:
    """Ada's two records agree; Eve's do not, but for the number that is hidden."""
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    deliver("trust_patient_index", INDEXED, {}, MARRIED)
    audit = person_actions.check_links(as_of=RECEIVED_ON)
    assert audit.tried == 2
    assert people(audit, "tried") == BitMap([1, 2])
    # Which of the two is person 1 hangs on the keys of this run.
    ada = next(i.person_no for i in identities([1, 2]) if i.nhs_number == ADA)
    assert people(audit, "right") == BitMap([ada])
    assert people(audit, "wrong") == BitMap()
    assert {c["ethnicity_group"] for c in audit.cells} == {"White", "Asian"}
    groups = [row for row in audit.numbered if row["division"] == "ethnicity_group"]
    assert sum(row["agreed"] for row in groups) == 4
    # Trying a record changes nothing.
    assert vaulted("SELECT count(*) FROM person") == [(2,)]
    assert vaulted("SELECT count(*) FROM link WHERE to_version IS NOT NULL") == [(0,)]


def test_feeds_that_state_ethnicity_are_compared(deliver, postcodes) -> None:
    """Ada's practice says H and her trust A; Eve's both say H."""
    eve = {"patient_id": "p-eve", "nhs_number": EVE, "given_name": "Eve"}
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    deliver("gp_patient", PATIENT, {}, eve)
    same = {"NHSNumber": EVE, "FirstName": "EVE", "PersonID": "T300"}
    deliver("trust_patient_index", INDEXED, {}, same | {"EthnicityCodeID": "H"})
    audit = person_actions.check_links(as_of=RECEIVED_ON)
    (pair,) = audit.agreement
    sets = {
        name: BitMap.deserialize(base64.b64decode(pair[name]))
        for name in ("both", "same", "same_group")
    }
    eves = next(i.person_no for i in identities([1, 2]) if i.nhs_number == EVE)
    assert (pair["one"], pair["other"]) == ("gp_patient", "trust_patient_index")
    assert sets == {
        "both": BitMap([1, 2]),
        "same": BitMap([eves]),
        "same_group": BitMap([eves]),
    }


def test_who_has_one_record_cannot_be_tried(deliver, postcodes) -> None:
    deliver("registered_list", LISTED, {})
    audit = person_actions.check_links(as_of=RECEIVED_ON)
    assert (audit.tried, audit.cells) == (0, [])


def test_sequences_that_cannot_be_and_rows_that_found_nobody(
    deliver, postcodes
) -> None:
    deliver("registered_list", LISTED, {"Date of Death": "2025-12-25"})
    deliver("trust_patient_index", INDEXED, {})
    other = {"EPIKEY": "501", "SUSSPELLID": "901", "PROCODE": "RZ2"}
    deliver("sus_apc", EPISODE, {}, other)
    lost = {"EPIKEY": "9", "SUSSPELLID": "9", "LOPATID": "", "NEWNHSNO": "", "DOB": ""}
    deliver("sus_apc", EPISODE, lost, name="later")
    audit = person_actions.check_links(as_of=date(2026, 9, 30))
    kinds = {row["kind"]: row["rows"] for row in audit.sequences}
    assert kinds == {"activity_after_death": 2, "overlapping_admissions": 1}
    rows = {row["feed"]: (row["rows_in"], row["unlinked"]) for row in audit.unlinked}
    assert rows["sus_apc"] == (3, 1)
    assert rows["registered_list"] == (1, 0)


def test_without_names_a_patient_list_still_counts(deliver, postcodes) -> None:
    deliver("registered_list", LISTED, {})
    deliver("gp_patient", PATIENT, {})
    audit = person_actions.check_links(as_of=RECEIVED_ON)
    assert audit.tried == 1
    assert people(audit, "right") == BitMap([1])
