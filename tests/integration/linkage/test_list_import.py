"""A list that somebody brings: counts come back, people go to the store as numbers."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from linkage import imported_store
from linkage.assertions import Asked, sign
from tests import live_system as system
from tests.integration.linkage.conftest import ADA, EVE, LISTED
from tests.live_vault import KEY, Vault

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
HEADER = "NHS Number,Surname,First Name,DOB,Sex,Postcode\n"
ROWS = (
    f"{ADA},,,,,\n"  # by number alone: not enough to be sure of whose slip it is
    f"{ADA},Youngblood,Ada,07/03/1950,F,ZX1 1AA\n"
    ",YOUNGBLOOD,Eve,1950-03-07,F,zx11aa\n"
    f"{ADA},Youngblood,Ada,1950-03-07,F,ZX1 1AA\n"
    ",Nobody,Nora,1961-01-01,F,ZX9 9ZZ\n"
    ",OnlyAName,,,,\n"
)


@pytest.fixture
def known(deliver, postcodes):
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    with system.acting_as("worker"):
        system.page_builders.make_organisations()
    return {
        "mdt": system.make_user("pcn_mdt_member", system.OUR_NETWORK),
        "analyst": system.make_user("system_analyst", system.page_builders.ICB),
        "board": system.make_user("icb_board_member", system.page_builders.ICB),
    }


@pytest.fixture
def bring(known, vault_zone) -> Iterator[Any]:
    with Vault.opened() as vault:

        def asked(who: str, content: str, purpose: str | None = None, **other: Any):
            viewer = system.viewer_of(known[who], purpose)
            statement = Asked(
                viewer_id=viewer.user_id,
                role=viewer.role,
                purpose=viewer.purpose,
                org_code=viewer.org_code,
                what="import_list",
                arguments=other | {"title": "Falls clinic"},
            )
            with vault.client() as client:
                return client.post(
                    "/act", content=sign(statement, KEY) + b"\n" + content.encode()
                )

        yield asked


def signed(content: str) -> dict[str, str]:
    return {"sha256": sha256(content.encode()).hexdigest()}


def test_counts_come_back_and_nothing_else(bring, stored, vaulted) -> None:
    content = HEADER + ROWS
    answer = bring("mdt", content, "direct_care", **signed(content))
    assert answer.status_code == 200
    told = answer.json()
    assert told.pop("id")
    assert told["rows"] == 6
    assert told["unusable"] == 1
    assert told["matched"] + told["unmatched"] == 5
    assert told["people"] == 2
    assert told["repeated"] == told["matched"] - 2
    members = stored("SELECT person_no FROM imported_list_member ORDER BY 1")
    assert members == [(1,), (2,)]
    assert vaulted("SELECT count(*) FROM person") == [(2,)]
    assert vaulted("SELECT count(*) FROM source_record") == [(2,)]
    said = str(stored("SELECT l::text FROM imported_list l")) + str(
        vaulted("SELECT t::text FROM reveal_event t")
    )
    for word in (ADA, "Youngblood", "YOUNGBLOOD", "Nobody", "ZX1"):
        assert word not in said


def test_the_file_must_be_the_one_that_was_signed_for(bring, stored) -> None:
    answer = bring("mdt", HEADER + ROWS, "direct_care", **signed("another"))
    assert answer.status_code == 409
    assert stored("SELECT count(*) FROM imported_list") == [(0,)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "cannot be read"),
        (HEADER, "has no rows"),
        ("a,b\n1,2,3,4\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_words(bring, content, words) -> None:
    given = signed(content) if content else {}
    answer = bring("mdt", content, "direct_care", **given)
    assert answer.status_code == 409
    assert words in answer.json()["refused"]


def test_few_people_are_no_cohort_outside_direct_care(bring, stored) -> None:
    content = HEADER + ROWS
    answer = bring("analyst", content, **signed(content))
    assert answer.status_code == 409
    assert "too few" in answer.json()["refused"]
    assert stored("SELECT count(*) FROM imported_list") == [(0,)]


def test_who_may_not_bring_lists_is_refused(bring) -> None:
    content = HEADER + ROWS
    assert bring("board", content, **signed(content)).status_code == 403


def test_a_list_is_its_owners_alone(bring, known, as_role, stored) -> None:
    content = HEADER + ROWS
    bring("mdt", content, "direct_care", **signed(content))
    web: psycopg.Connection = as_role("web")

    def seen(viewer: int | None, table: str) -> int:
        with web.transaction():
            web.execute("SELECT set_config('app.purpose', 'direct_care', true)")
            if viewer is not None:
                web.execute(
                    "SELECT set_config('app.viewer_id', %s, true)", [str(viewer)]
                )
            (count,) = web.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
            return int(count)

    for table, rows in (("imported_list", 1), ("imported_list_member", 2)):
        assert seen(known["mdt"].pk, table) == rows
        assert seen(known["analyst"].pk, table) == 0
        assert seen(None, table) == 0


def test_a_list_is_forgotten_when_its_time_is_over(bring, stored) -> None:
    content = HEADER + ROWS
    bring("mdt", content, "direct_care", **signed(content))
    today = timezone.localdate()
    assert imported_store.forget(today) == 0
    later = today + timedelta(days=imported_store.KEPT_DAYS + 1)
    assert imported_store.forget(later) == 1
    assert stored("SELECT count(*) FROM imported_list_member") == [(0,)]
