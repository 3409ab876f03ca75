"""The audit trail in Postgres: written by its one way in, and tampered with."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.utils import timezone
from psycopg import sql

from governance import anchors, audit
from governance.tasks import anchor_audit
from governance.trail import newest, verify
from tests import live_system as system

TABLE = "governance_auditevent"
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "audit"])


def entry(event: str, **other: object) -> dict[str, object]:
    return {
        "event": event,
        "user_id": 7,
        "role": "ig_lead",
        "purpose": "assurance",
        "org_code": "QZZ",
        "subject": "Ünïcode | 3:x",
        "persons": 2,
        "outcome": "allowed",
        "detail": {"b": [1, 2.50], "a": "é\n|", "n": None},
    } | other


@pytest.fixture
def trail(db, settings, tmp_path) -> None:
    """Some sixty rows in one chain, written as the product writes them."""
    settings.AUDIT_ANCHORS = f"file://{tmp_path}/anchors.jsonl"
    for number in range(20):
        audit.append([entry(f"event {number}.{n}") for n in range(3)])


@pytest.fixture
def tamper(trail: None) -> Callable[[str], None]:
    """`tamper(SQL)` as somebody who owns the table and has put its policies off."""

    def do(statement: str) -> None:
        with system.connect("migrator") as owner, owner.transaction():
            owner.execute(f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY")
            owner.execute(statement)
            owner.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")

    return do


def faults() -> list[str]:
    """What a check says, without the chain's number: that is the connection's."""
    with system.acting_as("audit_reader"):
        found = verify().faults
    return [fault.partition(", ")[2] or fault for fault in found]


def test_what_the_product_wrote_stands(trail):
    audit.record("last", None, subject="a\0b" + "x" * 300, code="\0")
    with system.acting_as("audit_reader"):
        verdict = verify()
    assert (verdict.rows, verdict.faults) == (61, ())
    assert verdict.chains == 1
    told = system.audit_rows("last")[0]
    assert told["subject"].startswith("a\N{REPLACEMENT CHARACTER}bx")
    assert len(told["subject"]) == 200


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"UPDATE governance_auditevent SET {change} WHERE seq = 30", "row 30: altered")
        for change in (
            "at = at + interval '1 microsecond'",
            "event = 'x'",
            "user_id = 8",
            "user_id = NULL",
            "role = ''",
            "purpose = ''",
            "org_code = ''",
            "subject = 'x'",
            "persons = 0",
            "outcome = 'refused'",
            "detail = detail || '{\"n\": 1}'",
            "digest = sha256(digest)",
        )
    ]
    + [
        (
            "DELETE FROM governance_auditevent WHERE seq BETWEEN 30 AND 31",
            "rows 30 to 31: removed",
        ),
        ("DELETE FROM governance_auditevent WHERE seq = 1", "row 1: removed"),
        (
            "DELETE FROM governance_auditevent WHERE seq > 57",
            "rows 58 to 60: cut off at the end",
        ),
        (
            ("UPDATE governance_auditevent SET seq = seq + 1000 WHERE seq IN (20, 30);"
            "UPDATE governance_auditevent SET seq = 30 WHERE seq = 1020;"
            "UPDATE governance_auditevent SET seq = 20 WHERE seq = 1030"),
            "row 20: moved: it was written as row 30",
        ),
        (
            ("INSERT INTO governance_auditevent (at, event, role, purpose, org_code,"
            " subject, persons, outcome, detail, shard, seq, digest)"
            " SELECT now(), 'x', '', '', '', '', 0, '', '{}', shard, 61, digest"
            " FROM governance_auditevent WHERE seq = 60"),
            "row 61: added past the end",
        ),
        ("TRUNCATE governance_auditevent", "rows 1 to 60: cut off at the end"),
        (
            "UPDATE governance_audithead SET digest = sha256(digest)",
            "row 60: not the row that was last written",
        ),
    ],
)  # fmt: skip
def test_every_change_is_found_and_named(tamper, statement, told):
    tamper(statement)
    assert faults()[0].startswith(told)


def test_an_end_cut_off_together_with_its_head_shows_against_the_anchors(tamper):
    anchor_audit()
    tamper(
        "DELETE FROM governance_auditevent WHERE seq > 50;"
        "UPDATE governance_audithead SET seq = 50, digest ="
        " (SELECT digest FROM governance_auditevent WHERE seq = 50)"
    )
    assert faults() == ["row 60: missing, and was anchored"]


def test_a_trail_that_is_gone_altogether_shows_against_the_anchors(tamper):
    anchor_audit()
    tamper("TRUNCATE governance_auditevent, governance_audithead")
    assert faults() == [
        "rows 1 to 60: the whole chain is missing, and was anchored",
    ]


def test_an_anchor_somebody_altered_is_named(trail, settings):
    anchor_audit()
    path = settings.AUDIT_ANCHORS.removeprefix("file://")
    with open(path) as file:
        line = json.loads(file.read())
    line["before"] = "1" * 64
    with open(path, "w") as file:
        file.write(json.dumps(line))
    gone, altered = sorted(faults())
    assert gone.startswith("1 of 1 anchors that the trail tells of are missing")
    assert altered == "anchor 1 does not follow from the one before it"


@pytest.mark.parametrize(("kept", "told"), [(1, "2 of 3"), (0, "3 of 3")])
def test_anchors_that_are_gone_are_missed(trail, settings, kept, told):
    for _ in range(3):
        anchor_audit()
    path = Path(settings.AUDIT_ANCHORS.removeprefix("file://"))
    lines = path.read_text().splitlines(keepends=True)
    assert faults() == []
    path.write_text("".join(lines[:kept]))
    assert [fault.partition(" anchors")[0] for fault in faults()] == [told]
    if not kept:
        path.unlink()
        assert [fault.partition(" anchors")[0] for fault in faults()] == [told]


@pytest.mark.parametrize("minutes", [19, 21])
def test_a_trail_that_goes_on_without_anchors_is_told(trail, minutes):
    anchors.keep(newest(), timezone.now() - timedelta(minutes=minutes))
    told = [fault for fault in faults() if "not anchored since" in fault]
    assert len(told) == (minutes > 20)


@pytest.mark.parametrize(
    ("change", "seqs"),
    [
        ("DELETE FROM seen_people", [61, 62]),
        ("UPDATE seen_people SET people = '' WHERE event = 'one'", [61]),
        ("UPDATE seen_people SET user_id = 8 WHERE event = 'two'", [62]),
        ("UPDATE seen_people SET at = at", []),
    ],
)
def test_who_was_seen_cannot_be_erased_unseen(trail, change, seqs):
    audit.record("one", None, subject="s", seen=[1, 2])
    audit.record("two", None, subject="s", seen=[1, 2])
    with system.connect("migrator") as owner, owner.transaction():
        owner.execute("ALTER TABLE seen_people DISABLE ROW LEVEL SECURITY")
        owner.execute(change)
        owner.execute("ALTER TABLE seen_people ENABLE ROW LEVEL SECURITY")
    told = [f"row {seq}: whom it showed was altered or removed" for seq in seqs]
    assert faults() == told


def test_the_auditor_reads_no_people(as_role):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role("audit_reader").execute("SELECT people FROM seen_people")


def test_the_heads_are_kept_by_the_worker(trail):
    with system.acting_as("worker"):
        anchor_audit()
    wanted, wrong = anchors.read(anchors.lines())
    assert [seq for _, seq in wanted] == [60]
    assert wrong == []


def test_a_check_since_a_moment_looks_at_what_came_after(trail):
    moment = timezone.now()
    audit.record("later", None, subject="s")
    with system.acting_as("audit_reader"):
        assert verify(moment).rows == 1
        assert verify(timezone.now()) == verify(timezone.now())
        assert verify(timezone.now()).rows == 0


def test_the_command_names_what_is_wrong(tamper, capsys):
    with system.acting_as("audit_reader"):
        call_command("verify_audit")
    assert "60 rows of 1 chains" in capsys.readouterr().out
    tamper("UPDATE governance_auditevent SET persons = 0 WHERE seq = 9")
    with system.acting_as("audit_reader"), pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--json")
    assert ended.value.code == 1
    verdict = json.loads(capsys.readouterr().out)
    assert "row 9: altered" in verdict["faults"][0]


def test_writers_together_make_no_fork():
    """Ten connections, more than the chains that their process numbers may share."""

    def write(failed: list[Exception]) -> None:
        try:
            with system.connect("audit_writer") as writer:
                for number in range(30):
                    writer.execute(
                        "SELECT audit_append(%s)", [json.dumps([entry(f"e{number}")])]
                    )
        except psycopg.Error as error:
            failed.append(error)

    failed: list[Exception] = []
    threads = [threading.Thread(target=write, args=[failed]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with system.acting_as("audit_reader"):
        verdict = verify(with_anchors=False)
    assert (verdict.rows, verdict.faults) == (600, ())
    assert 1 < verdict.chains <= 16


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO governance_auditevent (event) VALUES ('x')",
        "UPDATE governance_audithead SET seq = 0",
        "SELECT * FROM governance_audithead",
        "DELETE FROM governance_auditevent",
        "SELECT nextval('governance_auditevent_id_seq')",
    ],
)
@pytest.mark.parametrize("role", ["audit_writer"])
def test_the_writer_has_one_way_in(as_role, role, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(role).execute(statement)


@pytest.mark.parametrize("role", ["web", "worker", "loader", "audit_reader"])
def test_nobody_else_can_call_it(as_role, role):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(role).execute("SELECT audit_append('[]')")


@pytest.fixture
def shadowing(as_role):
    """The writer with tables of its own for a while, which it may not make itself."""
    owner, writer = as_role("migrator"), as_role("audit_writer")
    (name,) = owner.execute("SELECT current_database()").fetchone()
    words = sql.SQL("{} TEMPORARY ON DATABASE {} {} audit_writer")
    here = sql.Identifier(name)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        writer.execute("CREATE TEMP TABLE governance_auditevent (event text)")
    owner.execute(words.format(sql.SQL("GRANT"), here, sql.SQL("TO")))
    yield writer
    owner.execute(words.format(sql.SQL("REVOKE"), here, sql.SQL("FROM")))


def test_a_shadow_of_the_table_changes_nothing(shadowing, trail):
    """A SECURITY DEFINER function must not write where its caller's path leads."""
    shadowing.execute("CREATE TEMP TABLE governance_auditevent (event text)")
    shadowing.execute("CREATE TEMP TABLE governance_audithead (shard int)")
    shadowing.execute("SELECT audit_append(%s)", [json.dumps([entry("through")])])
    count = "SELECT count(*) FROM pg_temp.governance_auditevent"
    assert shadowing.execute(count).fetchone() == (0,)
    assert len(system.audit_rows("through")) == 1
