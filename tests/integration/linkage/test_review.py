"""Clerical review through the vault's service: who may, what follows, who agrees."""

from typing import Any

import polars as pl
import psycopg
import pytest

from linkage import person_actions
from linkage.assertions import Asked, sign
from linkage.vault import index, reviews
from tests import live_system as system
from tests.integration.linkage.conftest import EVE, INDEXED, LISTED
from tests.live_vault import KEY, Vault

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
LINKS = (
    "SELECT subject_key, person_no FROM link WHERE to_version IS NULL"
    " ORDER BY subject_key"
)
STRANGER = {
    "PersonID": "T200",
    "NHSNumber": "",
    "Surname": "YOUNGBLOOD",
    "FirstName": "MARY",
    "BirthDate": "1950-03-08",
    "PostalCode": "ZX1 1AA",
}


@pytest.fixture
def reviewers(deliver, postcodes):
    """Two people who may review, and one who may not."""
    with system.acting_as("worker"):
        system.page_builders.make_organisations()
    icb = system.page_builders.ICB
    return {
        "first": system.make_user("linkage_reviewer", icb, "first"),
        "second": system.make_user("linkage_reviewer", icb, "second"),
        "third": system.make_user("linkage_reviewer", icb, "third"),
        "analyst": system.make_user("system_analyst", icb, "analyst"),
    }


class Reviewing:
    """The vault's service, asked as one of the reviewers."""

    def __init__(self, vault: Vault, users: dict[str, Any]) -> None:
        self.vault, self.users = vault, users

    def ask(self, who: str, what: str, content: bytes = b"", **arguments: Any) -> Any:
        viewer = system.viewer_of(self.users[who])
        asked = Asked(
            viewer_id=viewer.user_id,
            role=viewer.role,
            purpose=viewer.purpose,
            org_code=viewer.org_code,
            what=what,
            arguments=arguments,
        )
        with self.vault.client() as client:
            statement = sign(asked, KEY)
            return client.post("/act", content=statement + b"\n" + content)

    def judge(self, who: str, pair_id: int, verdict: str) -> Any:
        return self.ask(
            who, "review_judge", id=pair_id, verdict=verdict, reason="same home"
        )


@pytest.fixture
def reviewing(reviewers, vault_zone):
    with Vault.opened() as vault:
        yield Reviewing(vault, reviewers)


def pairs_of(vaulted, *, why: str = "weak") -> list[int]:
    """Raise the one pair there can be, and return the numbers of all."""
    links = vaulted(LINKS)
    people = sorted({n for _, n in links})
    key = next(k for k, n in links if n == people[1])
    raised = pl.DataFrame(
        {"subject_key": [key], "person_no": [people[0]], "weight": [4.5], "why": [why]}
    )
    with index.writing() as connection:
        reviews.raise_pairs(connection, raised, 1)
    return [n for (n,) in vaulted("SELECT id FROM review_pair ORDER BY id")]


def read_once(vaulted, as_role) -> int:
    """A pair that is not one of the fifth that two people read."""
    (pair_id,) = pairs_of(vaulted)
    number = pair_id if pair_id % reviews.READ_TWICE else pair_id + 1
    as_role("vault").execute(
        "UPDATE review_pair SET id = %s WHERE id = %s", [number, pair_id]
    )
    return number


def read_twice(vaulted, as_role) -> int:
    (pair_id,) = pairs_of(vaulted)
    number = reviews.READ_TWICE * (pair_id + 1)
    as_role("vault").execute(
        "UPDATE review_pair SET id = %s WHERE id = %s", [number, pair_id]
    )
    return number


@pytest.fixture
def uncertain(deliver, reviewing):
    """Ada, and a namesake at her address, born a day later: kept two."""
    deliver("registered_list", LISTED, {})
    deliver("trust_patient_index", INDEXED, STRANGER)


@pytest.fixture
def two_numbers(deliver, reviewing):
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})


def people(vaulted) -> int:
    return len({n for _, n in vaulted(LINKS)})


def test_a_pair_is_shown_side_by_side_and_written_down(
    uncertain, reviewing, vaulted, as_role
) -> None:
    pair_id = read_once(vaulted, as_role)
    (waiting,) = reviewing.ask("first", "review_queue").json()["pairs"]
    assert waiting["id"] == pair_id
    assert "YOUNGBLOOD" not in str(waiting)
    shown = reviewing.ask("first", "review_pair", id=pair_id).json()
    lines = {line["field"]: line for line in shown["lines"]}
    assert lines["forename"]["agreement"] == "differs"
    assert lines["born_on"]["words"] == "One part differs"
    assert lines["postcode"]["agreement"] == "agrees"
    assert (shown["two_numbers"], shown["state"]) == (False, "open")
    bars = shown["weights"]
    assert bars[0]["title"] == "Starting weight"
    assert len(bars) > 4
    assert bars[-1]["sum"] == pytest.approx(sum(b["bits"] for b in bars))
    rows = vaulted("SELECT programme, outcome, revealed FROM reveal_event ORDER BY id")
    assert rows[-1][:2] == ("review_pair", "shown")
    assert sorted(rows[-1][2]) == sorted({n for _, n in vaulted(LINKS)})


def test_a_link_makes_one_person_and_leaves_the_queue(
    uncertain, reviewing, vaulted, stored, as_role
) -> None:
    pair_id = read_once(vaulted, as_role)
    answer = reviewing.judge("first", pair_id, "link")
    assert answer.json() == {"state": "link", "changed": True}
    assert people(vaulted) == 1
    assert stored("SELECT count(*) FROM person") == [(1,)]
    queue = reviewing.ask("second", "review_queue").json()
    assert queue["pairs"] == []
    assert queue["states"] == {"link": 1}


def test_not_a_link_keeps_them_apart_in_later_linkage(
    uncertain, deliver, reviewing, vaulted, as_role
) -> None:
    pair_id = read_once(vaulted, as_role)
    assert reviewing.judge("first", pair_id, "not_link").json()["state"] == "not_link"
    before = dict(vaulted(LINKS))
    # The same source now says what would join them by every rule.
    alike = {"FirstName": "ADA", "BirthDate": "1950-03-07", "NHSNumber": ""}
    deliver("trust_patient_index", INDEXED, STRANGER | alike, name="later")
    new = {k: n for k, n in vaulted(LINKS) if k not in before}
    (trusts,) = {
        n
        for (n,) in vaulted(
            "SELECT l.person_no FROM link l JOIN source_record s USING (subject_key)"
            " WHERE s.local_key IS NOT NULL AND l.to_version IS NULL"
            " AND l.from_version < (SELECT max(version) FROM index_version)"
        )
    }
    assert set(new.values()) <= {trusts}


def test_nobody_judges_twice_nor_without_a_reason(
    uncertain, reviewing, vaulted, as_role
) -> None:
    pair_id = read_twice(vaulted, as_role)
    silent = reviewing.ask(
        "first", "review_judge", id=pair_id, verdict="link", reason=" "
    )
    assert (silent.status_code, "Say why" in silent.json()["refused"]) == (409, True)
    wrong = reviewing.judge("first", pair_id, "perhaps")
    assert wrong.status_code == 409
    assert reviewing.judge("first", pair_id, "link").json()["state"] == "second"
    again = reviewing.judge("first", pair_id, "link")
    assert "second person" in again.json()["refused"]
    assert people(vaulted) == 2


def test_a_pair_that_is_read_twice_is_done_when_two_agree(
    uncertain, reviewing, vaulted, as_role
) -> None:
    pair_id = read_twice(vaulted, as_role)
    reviewing.judge("first", pair_id, "link")
    assert reviewing.ask("first", "review_queue").json()["pairs"] == []
    (waits,) = reviewing.ask("second", "review_queue").json()["pairs"]
    assert waits["is_second"]
    assert reviewing.judge("second", pair_id, "link").json()["state"] == "link"
    assert people(vaulted) == 1
    agreed = reviewing.ask("first", "review_queue").json()["agreement"]
    assert (agreed["pairs"], agreed["observed"]) == (1, 1.0)
    settled = reviewing.judge("third", pair_id, "link")
    assert "settled" in settled.json()["refused"]


def test_a_third_decides_where_two_disagree(
    uncertain, reviewing, vaulted, as_role
) -> None:
    pair_id = read_twice(vaulted, as_role)
    reviewing.judge("first", pair_id, "link")
    assert reviewing.judge("second", pair_id, "not_link").json()["state"] == "second"
    assert reviewing.judge("third", pair_id, "not_link").json()["state"] == "not_link"
    assert people(vaulted) == 2


def test_a_reviewer_does_not_wait_for_a_load(
    uncertain, reviewing, vaulted, as_role, monkeypatch
) -> None:
    pair_id = read_once(vaulted, as_role)
    monkeypatch.setattr(person_actions, "PATIENCE_SECONDS", 1)
    with index.writing():
        busy = reviewing.judge("first", pair_id, "link")
    assert busy.status_code == 409
    assert "being loaded" in busy.json()["refused"]
    assert vaulted("SELECT count(*) FROM judgement") == [(0,)]
    assert reviewing.judge("first", pair_id, "link").json()["state"] == "link"


def test_two_nhs_numbers_take_two_people(two_numbers, reviewing, vaulted) -> None:
    (pair_id,) = pairs_of(vaulted, why="two_numbers")
    shown = reviewing.ask("first", "review_pair", id=pair_id).json()
    assert shown["two_numbers"]
    assert reviewing.judge("first", pair_id, "link").json()["state"] == "second"
    assert people(vaulted) == 2
    assert reviewing.judge("second", pair_id, "link").json()["state"] == "link"
    assert people(vaulted) == 1
    said = vaulted("SELECT reviewer_id FROM judgement")
    assert len(set(said)) == 2


@pytest.mark.parametrize("what", ["review_queue", "review_pair", "review_judge"])
def test_only_reviewers_review(uncertain, reviewing, vaulted, what) -> None:
    (pair_id,) = pairs_of(vaulted)
    answer = reviewing.ask(
        "analyst", what, id=pair_id, verdict="link", reason="because"
    )
    assert answer.status_code == 403
    assert set(answer.json()) == {"refused"}
    assert people(vaulted) == 2
    assert vaulted("SELECT outcome FROM reveal_event")[-1] == ("refused",)


def test_what_the_vault_does_not_do_it_refuses(reviewing) -> None:
    assert reviewing.ask("first", "drop_everything").status_code == 409
    missing = reviewing.ask("first", "review_pair", id=987)
    assert (missing.status_code, missing.json()) == (
        409,
        {"refused": "There is no such pair."},
    )
    forged = reviewing.ask("first", "review_queue", b"a file nobody signed for")
    assert forged.status_code == 409


def test_a_judgement_is_never_changed(as_role) -> None:
    vault = as_role("vault")
    for statement in ("UPDATE judgement SET verdict = 'link'", "DELETE FROM judgement"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            vault.execute(statement)
