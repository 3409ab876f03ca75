"""The person index over time: merges, splits, earlier versions, facts that follow."""

import polars as pl
import psycopg
import pytest
from django.utils import timezone

from linkage import actions, bulk, erasing, moves, person_actions
from linkage.vault import changes, identities, index, reviews
from tests.integration.linkage.conftest import (
    ADA,
    EPISODE,
    EVE,
    INDEXED,
    LISTED,
    OBSERVATION,
    PATIENT,
)

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
EVENTS = "SELECT person_no, record_key, code FROM event ORDER BY record_key"
LINKS = (
    "SELECT subject_key, person_no FROM link WHERE to_version IS NULL"
    " ORDER BY subject_key"
)
KNOWN = "SELECT person_no, identity_key FROM known_identity ORDER BY 1, 2"
BLOCKS = "SELECT block_key, person_no FROM known_block ORDER BY 1, 2"
# Somebody without a number under another name, birth date and home: a second person.
MARRIED = {
    "PersonID": "T200",
    "NHSNumber": "",
    "Surname": "MARSH",
    "FirstName": "ADELAIDE",
    "BirthDate": "1950-07-03",
    "PostalCode": "ZX2 2BB",
}


@pytest.fixture
def two_people(deliver, postcodes):
    """Ada as her practice and the list know her, and as a trust does: two people."""
    deliver("registered_list", LISTED, {})
    deliver("gp_patient", PATIENT, {})
    deliver("trust_patient_index", INDEXED, MARRIED)
    deliver("gp_observation", OBSERVATION, {}, {"observation_id": "o2"})
    deliver(
        "sus_apc",
        EPISODE,
        {
            "LOPATID": "T200",
            "NEWNHSNO": "",
            "DOB": "1950-07-03",
            "HOMEADD": "ZX2 2BB",
        },
    )


def numbers(vaulted) -> list[int]:
    return [n for (n,) in vaulted("SELECT person_no FROM person ORDER BY 1")]


def state(stored, vaulted) -> dict[str, list[tuple]]:
    """All that a merge may change and a split must restore."""
    facts = {
        table: stored(f"SELECT * FROM {table} ORDER BY record_key")
        for table in ("event", "activity", "registration", "residence")
    }
    return facts | {
        "person": stored("SELECT * FROM person ORDER BY person_no"),
        "links": vaulted(LINKS),
        "known": vaulted(KNOWN),
        "blocks": vaulted(BLOCKS),
        "registered": vaulted("SELECT * FROM current_registration ORDER BY 1"),
    }


def test_a_merge_gives_one_person_all_facts_once(two_people, stored, vaulted) -> None:
    one, other = numbers(vaulted)
    before = stored(EVENTS)
    assert {row[0] for row in before} == {one, other}
    person_actions.merge_people(one=one, other=other, by="test")
    assert stored(EVENTS) == [(one, key, code) for _, key, code in before]
    assert stored("SELECT DISTINCT person_no FROM activity") == [(one,)]
    assert stored("SELECT person_no FROM person") == [(one,)]
    assert {n for _, n in vaulted(LINKS)} == {one}
    assert vaulted("SELECT from_no, to_no FROM redirect") == [(other, one)]
    kinds = vaulted(
        "SELECT DISTINCT kind FROM index_event WHERE version = "
        "(SELECT max(version) FROM index_version) ORDER BY 1"
    )
    assert kinds == [("merge",), ("redirect",)]
    assert vaulted("SELECT * FROM pending_move") == []


def test_a_split_restores_what_was_before(two_people, stored, vaulted) -> None:
    before = state(stored, vaulted)
    one, other = numbers(vaulted)
    version = person_actions.merge_people(one=one, other=other, by="test")
    assert state(stored, vaulted) != before
    person_actions.undo_merge(version=version, by="test")
    assert state(stored, vaulted) == before
    with index.reading() as connection:
        assert changes.now_known_as(connection, other) == other


def test_an_as_of_question_gives_yesterdays_answer(two_people, vaulted) -> None:
    one, other = numbers(vaulted)
    with index.reading() as connection:
        yesterday = index.newest_version(connection)
        then = changes.links_as_of(connection, yesterday)
    version = person_actions.merge_people(one=one, other=other, by="test")
    with index.reading() as connection:
        again = changes.links_as_of(connection, yesterday)
        now = changes.links_as_of(connection, version)
        today = changes.version_on(connection, timezone.localdate().isoformat())
        assert changes.version_on(connection, "2000-01-01") == 0
        assert changes.now_known_as(connection, other) == one
    assert again.sort("subject_key").equals(then.sort("subject_key"))
    assert set(now["person_no"]) == {one}
    assert today == version


def test_told_twice_the_store_moves_nothing_twice(two_people, stored, vaulted) -> None:
    one, other = numbers(vaulted)
    told: list[pl.DataFrame] = []
    keep = moves.restamp
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(moves, "restamp", lambda m: told.append(m) or keep(m))
        person_actions.merge_people(one=one, other=other, by="test")
    before = state(stored, vaulted)
    assert moves.restamp(told[0]) == 0
    assert state(stored, vaulted) == before
    assert stored("SELECT count(*) FROM touched_person WHERE run_id < 0") == [(2,)]


class LostError(RuntimeError):
    pass


def lose(*_: object, **__: object) -> None:
    raise LostError


def test_a_store_that_was_not_told_is_told_by_the_next_load(
    two_people, stored, vaulted, monkeypatch
) -> None:
    one, other = numbers(vaulted)
    with monkeypatch.context() as broken:
        broken.setattr(moves, "restamp", lose)
        with pytest.raises(LostError):
            person_actions.merge_people(one=one, other=other, by="test")
    assert {row[0] for row in stored(EVENTS)} == {one, other}
    assert vaulted("SELECT count(*) FROM pending_move") != [(0,)]
    actions.settle_people()
    assert {row[0] for row in stored(EVENTS)} == {one}
    assert vaulted("SELECT count(*) FROM pending_move") == [(0,)]


def test_facts_staged_before_a_merge_are_attached_to_the_merged_person(
    two_people, deliver, stored, vaulted, monkeypatch
) -> None:
    """The merge comes between looking a record up and attaching its facts."""
    one, other = numbers(vaulted)
    publish = actions.store.publish

    def merged_meanwhile(*given, **named):
        person_actions.merge_people(one=one, other=other, by="test")
        return publish(*given, **named)

    with monkeypatch.context() as late:
        late.setattr(actions.store, "publish", merged_meanwhile)
        deliver(
            "sus_apc",
            EPISODE,
            {
                "EPIKEY": "501",
                "SUSSPELLID": "901",
                "LOPATID": "T200",
                "NEWNHSNO": "",
                "DOB": "1950-07-03",
                "HOMEADD": "ZX2 2BB",
                "ADMIDATE": "2026-03-02",
                "DISDATE": "2026-03-09",
            },
            name="later",
        )
    assert stored("SELECT count(*), count(DISTINCT person_no) FROM activity") == [
        (2, 1)
    ]
    assert {row[0] for row in stored(EVENTS)} == {one}


def test_two_valid_numbers_are_not_joined_by_one(deliver, vaulted) -> None:
    deliver("registered_list", LISTED, {}, {"NHS Number": EVE, "Given Name": "Eve"})
    one, other = numbers(vaulted)
    with pytest.raises(changes.RefusedChangeError, match="two reviewers"):
        person_actions.merge_people(one=one, other=other, by="test")
    assert len({n for _, n in vaulted(LINKS)}) == 2
    with index.writing() as connection:
        changes.merge(connection, one, other, by="two people", by_two=True)
    assert {n for _, n in vaulted(LINKS)} == {one}


@pytest.mark.parametrize("who", ["same", "nobody"])
def test_what_cannot_be_merged_is_refused(two_people, vaulted, who) -> None:
    one, _ = numbers(vaulted)
    other = one if who == "same" else 999
    with pytest.raises(changes.RefusedChangeError):
        person_actions.merge_people(one=one, other=other, by="test")


def test_records_parted_from_a_person_become_somebody_new(
    two_people, stored, vaulted
) -> None:
    one, other = numbers(vaulted)
    person_actions.merge_people(one=one, other=other, by="test")
    (key,) = vaulted(
        "SELECT subject_key FROM source_record s WHERE feed_no ="
        " (SELECT min(feed_no) FROM source_record) LIMIT 1"
    )
    version = person_actions.split_person(
        subjects=pl.Series([key[0]], dtype=pl.Int64), by="test"
    )
    parted = dict(vaulted(LINKS))[key[0]]
    assert parted == max(numbers(vaulted)) == other + 1
    assert {n for n, *_ in stored("SELECT person_no FROM person")} == {one, parted}
    whole = vaulted(
        f"SELECT subject_key FROM link WHERE person_no = {one} AND to_version IS NULL"
    )
    with pytest.raises(changes.RefusedChangeError, match="nothing would be left"):
        person_actions.split_person(
            subjects=pl.Series([k for (k,) in whole], dtype=pl.Int64), by="test"
        )
    assert version > 0


def test_a_split_outranks_what_the_rules_find_later(
    deliver, stored, vaulted, postcodes
) -> None:
    """The trust's record carried a relative's number. Somebody parts it; the same
    source says the same of it again, at a new address, and the rule would join."""
    deliver("registered_list", LISTED, {})
    deliver("trust_patient_index", INDEXED, {})
    assert len({n for _, n in vaulted(LINKS)}) == 1
    (key,) = vaulted(
        "SELECT subject_key FROM source_record WHERE local_key IS NOT NULL"
    )
    person_actions.split_person(subjects=pl.Series([key[0]], dtype=pl.Int64), by="test")
    links = dict(vaulted(LINKS))
    parted = links.pop(key[0])
    assert parted not in links.values()
    deliver("trust_patient_index", INDEXED, {"PostalCode": "ZX2 2BB"}, name="later")
    moved = dict(vaulted(LINKS))
    (new,) = set(moved) - set(links) - {key[0]}
    assert moved[new] == parted
    assert ("clerical_local_identifier",) in vaulted("SELECT rule FROM link")


def test_rerunning_a_day_changes_no_link(two_people, deliver, vaulted) -> None:
    before = vaulted("SELECT * FROM link ORDER BY 1, 3")
    deliver("gp_patient", PATIENT, {}, name="again")
    deliver("trust_patient_index", INDEXED, MARRIED, name="again_too")
    assert vaulted("SELECT * FROM link ORDER BY 1, 3") == before


def test_decisions_go_with_the_person_and_come_back(
    two_people, stored, vaulted, as_role
) -> None:
    one, other = numbers(vaulted)
    worker, web = as_role("worker"), as_role("web")
    worker.execute(
        "INSERT INTO governance_user (id, username, full_name, is_active, password)"
        " OVERRIDING SYSTEM VALUE VALUES (901, 'mdt', 'x', true, '!')"
    )
    worker.execute(
        "INSERT INTO governance_scope (user_id, practice_code) VALUES (901, 'Z81001')"
    )
    with web.transaction():
        web.execute("SELECT set_config('app.viewer_id', '901', true)")
        web.execute("SELECT set_config('app.purpose', 'direct_care', true)")
        for person_no in (one, other):
            web.execute(
                "INSERT INTO decision (programme, person_no, practice_code, release_id,"
                " choice, reason, note, decided_at, decided_by)"
                " VALUES ('x', %s, 'Z81001', 1, 'accept', 'r', '', now(), 901)",
                [person_no],
            )
    whose = "SELECT person_no FROM decision ORDER BY id"
    version = person_actions.merge_people(one=one, other=other, by="test")
    assert worker.execute(whose).fetchall() == [(one,), (one,)]
    person_actions.undo_merge(version=version, by="test")
    assert worker.execute(whose).fetchall() == [(one,), (other,)]


def test_a_relinking_shows_what_would_change_before_it_does(
    two_people, stored, vaulted
) -> None:
    one, other = numbers(vaulted)
    # Somebody's mistake of long ago, made by a rule that no longer is.
    with index.writing() as connection:
        changes.merge(connection, one, other, by="an old rule", rule="old")
    actions.settle_people()
    before = state(stored, vaulted)
    proposal = person_actions.propose_relink(model="test", by="test")
    assert proposal.counts["records_moved"] == 2
    assert state(stored, vaulted) == before
    ((sample,),) = vaulted("SELECT sample FROM relink")
    assert {row["feed"] for row in sample} == {"trust_patient_index", "sus_apc"}
    person_actions.accept_relink(relink_id=proposal.relink_id, by="test")
    assert len({n for _, n in vaulted(LINKS)}) == 2
    assert {row[0] for row in stored(EVENTS)} == {one, other + 1}
    again = person_actions.propose_relink(model="test", by="test")
    assert again.counts["records_moved"] == 0


def test_a_relinking_leaves_what_people_decided(two_people, vaulted) -> None:
    one, other = numbers(vaulted)
    person_actions.merge_people(one=one, other=other, by="reviewer 1")
    proposal = person_actions.propose_relink(model="test", by="test")
    assert proposal.counts["records_moved"] == 0
    person_actions.refuse_relink(relink_id=proposal.relink_id, by="test")
    with pytest.raises(ValueError, match="no open proposal"):
        person_actions.accept_relink(relink_id=proposal.relink_id, by="test")


def test_a_proposal_is_stale_once_the_index_has_moved_on(two_people, vaulted) -> None:
    proposal = person_actions.propose_relink(model="test", by="test")
    one, other = numbers(vaulted)
    person_actions.merge_people(one=one, other=other, by="test")
    with pytest.raises(ValueError, match="propose it again"):
        person_actions.accept_relink(relink_id=proposal.relink_id, by="test")


def test_the_vault_holds_nothing_in_clear(two_people, vaulted, as_role) -> None:
    vault = as_role("vault")
    tables = vault.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        " AND tablename NOT IN ('postcode_area', 'django_migrations')"
    ).fetchall()
    said = ""
    for (table,) in tables:
        try:
            rows = vault.execute(f"SELECT t::text FROM {table} t").fetchall()
        except psycopg.errors.InsufficientPrivilege:
            continue
        said += "\n".join(row for (row,) in rows)
    assert said
    for word in (ADA, "Youngblood", "YOUNGBLOOD", "Adelaide", "MARSH", "Harbour"):
        assert word not in said
        assert word.encode().hex() not in said
    with bulk.connect("vault") as connection:
        opened = identities.read_records(connection, "true")
    assert ADA in opened["nhs_number"].to_list()
    assert "MARSH" in opened["surname"].to_list()


def test_a_pair_is_raised_once_and_counted(two_people, vaulted) -> None:
    one, other = numbers(vaulted)
    key = vaulted(f"SELECT subject_key FROM link WHERE person_no = {other} LIMIT 1")
    raised = pl.DataFrame(
        {
            "subject_key": [key[0][0]],
            "person_no": [one],
            "weight": [4.5],
            "why": ["weak"],
        }
    )
    with index.writing() as connection:
        reviews.raise_pairs(connection, raised, 1)
        reviews.raise_pairs(connection, raised, 2)
    assert person_actions.count_facts_in_review() == 1
    ((facts, version),) = vaulted("SELECT facts, raised_version FROM review_pair")
    assert version == 1
    assert facts >= 0


def test_whom_a_merge_had_joined_is_not_erased_with_the_other(
    two_people, stored, vaulted
) -> None:
    one, other = numbers(vaulted)
    before = [row for row in stored(EVENTS) if row[0] == other]
    version = person_actions.merge_people(one=one, other=other, by="test")
    person_actions.undo_merge(version=version, by="test")
    erasing.erase_person(person_no=one, feeds=(), erasure=7, by="test")
    assert stored(EVENTS) == before
    assert {number for _, number in vaulted(LINKS)} == {other}


def test_numbers_that_came_to_one_by_several_merges_are_all_erased(vaulted) -> None:
    with index.writing() as connection:
        bulk.execute(
            connection,
            "INSERT INTO redirect (from_no, to_no, since_version, until_version)"
            " VALUES (901, 902, 1, NULL), (902, 903, 1, NULL), (904, 903, 1, 2)",
        )
        same = [erasing.all_numbers_of(connection, n) for n in (901, 902, 903)]
    assert same == [[901, 902, 903]] * 3
