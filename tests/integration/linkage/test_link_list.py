"""A file of people against the index: found, not found, and nothing changed."""

from io import StringIO

import pytest
from django.core.management import call_command

from tests.integration.linkage.conftest import ADA, LISTED

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
HEAD = "record_id,nhs_number,forename,surname,dob,sex,postcode\n"
ROWS = (
    f"a,{ADA},Ada,Youngblood,1950-03-07,2,ZX1 1AA\n"
    "b,,Adah,Youngblood,1950-03-07,2,ZX1 1AA\n"
    "c,,Zara,Khan,1988-10-21,2,ZX9 9ZZ\n"
)


def test_a_list_finds_people_of_the_index_and_makes_none(
    deliver, vaulted, vault_zone, tmp_path
) -> None:
    deliver("registered_list", LISTED, {})
    before = vaulted("SELECT count(*) FROM person")
    listed, links = tmp_path / "listed.csv", tmp_path / "links.csv"
    listed.write_text(HEAD + ROWS, encoding="utf-8")
    said = StringIO()
    call_command("link_list", listed, links, stdout=said)
    assert "2 matched" in said.getvalue()
    found = [line.split(",")[:3] for line in links.read_text().splitlines()[1:]]
    assert found[0][2] == "nhs_number_and_birth_date"
    assert found[1][2] == "weighed"
    assert found[0][1] == found[1][1] != ""
    assert found[2][1:] == ["", ""]
    assert vaulted("SELECT count(*) FROM person") == before
