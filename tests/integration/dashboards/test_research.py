"""The airlock: a project's extract stays inside, a protected table leaves by two."""

import csv
import io
import re
from datetime import timedelta

import polars as pl
import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from django.db import OperationalError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from dashboards import research_extract
from dashboards.actions import erasure, research
from dashboards.models import (
    ResearchExtract,
    ResearchOutput,
    RightsErasure,
    RightsRequest,
    RightsSubject,
)
from dashboards.research_extract import EXTRACTS_LOCK, NAME, RefusedExtractError
from dashboards.steps.cross_table import cross_table
from governance import access
from tests import live_system as system
from tests.integration.proofs.walls import as_web
from tests.live_pages import words
from tests.live_people import EVERYBODY, KATE
from tests.live_research import (
    COLUMNS,
    KEY,
    agreement_ended,
    enter,
    make,
    opted_out_nationally,
)

NOW = timezone.now
SEEN = "SELECT count(*) FROM research_extract"


@pytest.fixture(scope="module", autouse=True)
def everybody_held(live):
    """The neighbours of the release stand in the store too, as loads leave them."""
    with system.connect("loader") as loader:
        loader.execute(
            "INSERT INTO person (person_no, practice_code) SELECT person_no,"
            " max(practice_code) FROM profile p WHERE NOT EXISTS (SELECT FROM person k"
            " WHERE k.person_no = p.person_no) GROUP BY person_no"
        )


@pytest.fixture
def project(live):
    """A project in force with its extract; none of it afterwards."""
    enter(live)
    yield KEY
    with system.connect("migrator") as owner:
        owner.execute("TRUNCATE research_extract, research_output")
        owner.execute("ALTER TABLE register_entry NO FORCE ROW LEVEL SECURITY")
        owner.execute("DELETE FROM register_entry WHERE kind = 'project'")


def room(key: str = KEY, **query) -> str:
    return reverse("research-room", args=[key], query=query)


def ask(live, **form) -> str:
    told = {"by": "place_code", "title": "By place", "why": "for a paper"} | form
    address = reverse("research-ask", args=[KEY])
    return words(live.client("researcher").post(address, told, follow=True))


def test_a_table_is_made_inside_checked_and_leaves_by_two(live, project):
    client = live.client("researcher")
    assert "Falls after a stay" in words(client.get(reverse("research")))
    assert "There is no extract yet" in words(client.get(room()))
    rows = make(live)
    page = words(client.get(room(by="place_code", of="has_diabetes_type2")))
    assert f"{rows:,} people" in page
    for someone in EVERYBODY:
        assert str(someone.person_no) not in page
    assert "Say what the table is" in ask(live, title="")
    asked = ask(live, of="has_diabetes_type2")
    assert "It leaves once somebody else releases it." in asked
    with system.acting_as("worker"):
        made = ResearchOutput.objects.get()
    file = reverse("research-output-csv", args=[made.pk])
    assert client.get(file).status_code == 404
    assert client.get(reverse("research-outputs")).status_code == 403
    lead = live.client("ig_lead")
    assert "1 output to decide on" in words(lead.get(reverse("research-outputs")))
    shown = words(lead.get(reverse("research-output", args=[made.pk])))
    assert "hidden, the others rounded to 5" in shown
    decide = reverse("research-decide", args=[made.pk])
    assert "Say why." in words(lead.post(decide, {"choice": "release"}, follow=True))
    lead.post(decide, {"choice": "release", "why": "within the rules"})
    assert "decided on already" in words(
        lead.post(decide, {"choice": "refuse", "why": "x"}, follow=True)
    )
    told = list(csv.DictReader(io.StringIO(client.get(file).content.decode())))
    assert {row["place_code"] for row in told} == {"P1", "P2"}
    assert all(float(row["count"]) % 5 == 0 for row in told if row["count"])
    events = [row["event"] for row in system.audit_rows()]
    for event in ("extract_made", "room_viewed", "output_asked", "output_released"):
        assert f"research_{event}" in events
    assert "research_output_fetched" in events


def test_an_extract_older_than_the_newest_opt_outs_is_not_asked(live, project):
    client = live.client("researcher")
    make(live)
    assert "Protected" in words(client.get(room(by="place_code")))
    with opted_out_nationally(EVERYBODY[0]):
        page = words(client.get(room(by="place_code")))
        assert "make it anew" in page
        assert "Protected" not in page
        assert "make it anew" in ask(live)
        make(live)
        assert "Protected" in words(client.get(room(by="place_code")))


def test_no_cell_of_few_people_is_seen_inside(live, project):
    make(live)
    query = {"by": ["age_band", "sex", "place_code"]}
    page = live.client("researcher").get(room(**query)).content.decode()
    told = re.findall(r'<td class="nhsuk-table__cell">([^<]*)</td>', page)
    counts = told[3::4]
    assert counts
    assert all(float(count) % 5 == 0 for count in counts if count not in ("", "None"))


def test_a_table_of_few_people_cannot_be_asked_for(live, project):
    make(live)
    query = {"by": ["age_band", "sex", "place_code"], "of": "has_diabetes_type2"}
    page = words(live.client("researcher").get(room(**query)))
    assert "It cannot be asked for" in page
    assert "mostly hidden" in ask(live, **query)
    assert "Choose columns of the extract" in ask(live, by="ethnicity_group")
    assert "Numbers are told of" in ask(live, by="condition_count")
    assert "at most 3" in ask(live, by=[*COLUMNS[:4]])
    with system.acting_as("worker"):
        assert not ResearchOutput.objects.exists()


def test_an_extract_holds_the_approved_columns_under_the_projects_own_names(
    live, project
):
    everybody = make(live)
    enter(live, "asthma-2026")
    with opted_out_nationally(KATE):
        assert make(live, "asthma-2026") == everybody - 1
    with system.acting_as("worker"):
        one, other = (
            ResearchExtract.objects.get(project=key) for key in (KEY, "asthma-2026")
        )
    frame = research_extract.unseal(one.sealed, KEY)
    assert frame.columns == [NAME, *COLUMNS]
    assert frame[NAME].n_unique() == frame.height
    theirs = research_extract.unseal(other.sealed, "asthma-2026")
    assert frame.join(theirs, on=NAME).is_empty()
    assert b"has_diabetes" not in bytes(one.sealed)
    with pytest.raises(InvalidTag):
        research_extract.unseal(one.sealed, "asthma-2026")


def test_who_was_erased_is_in_no_extract_made_seconds_later(live, project):
    """The release still holds the person: no other has been published since."""
    everybody = make(live)
    row = "SELECT * FROM person WHERE person_no = %s"
    with system.connect("loader") as loader:
        kept = loader.execute(row, [KATE.person_no]).fetchone()
        loader.execute("DELETE FROM person WHERE person_no = %s", [KATE.person_no])
    try:
        assert make(live) == everybody - 1
    finally:
        with system.connect("loader") as loader:
            loader.execute(
                f"INSERT INTO person VALUES ({', '.join(['%s'] * len(kept))})", kept
            )
    assert make(live) == everybody


def test_of_whom_some_was_erased_an_extract_waits_for_the_next_release(live, project):
    everybody = make(live)
    lead, guardian = live.viewer("ig_lead"), live.viewer("caldicott_guardian")
    with system.acting_as("worker"):
        asked = RightsRequest.objects.create(
            kind="erase",
            practice_code=KATE.practice,
            opened_by="their practice",
            opened_at=NOW(),
            due_on=timezone.localdate(),
        )
        RightsSubject.objects.create(
            request=asked, person_no=KATE.person_no, practice_code=KATE.practice
        )
    try:
        with access.scoped(lead):
            erasure.propose(
                request_id=asked.pk,
                ground="unlawful",
                feeds=["gp_patient"],
                exemption="public_health",
                why="x",
                by=lead,
            )
        with access.scoped(guardian):
            erasure.decide(request_id=asked.pk, agree=True, by=guardian)
        assert make(live) == everybody
        with system.acting_as("loader"):
            RightsErasure.objects.update(state="done", done_at=NOW())
        assert make(live) == everybody - 1
        with system.acting_as("loader"):
            RightsErasure.objects.update(done_at=NOW() - timedelta(days=900))
        assert make(live) == everybody
    finally:
        with system.connect("migrator") as owner:
            owner.execute(
                "TRUNCATE rights_request, rights_subject, rights_step, rights_pack,"
                " rights_erasure"
            )


def test_an_extract_waits_for_an_erasure_and_an_erasure_for_it(live, project):
    """Both take the one lock: neither is done around the other."""
    with system.connect("worker") as other:
        other.execute("SELECT pg_advisory_lock(%s)", [EXTRACTS_LOCK])
        with system.acting_as("worker"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '200ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                research.make_extract(
                    project=KEY,
                    username=live.users["researcher"].username,
                    today=timezone.localdate(),
                )


@pytest.mark.parametrize(
    "column", ["practice_code", "lsoa_code", "frailty_recorded_on"]
)
def test_a_column_too_near_to_a_person_is_refused(live, project, column):
    enter(live, "near-2026", columns=["sex", column])
    with pytest.raises(RefusedExtractError):
        make(live, "near-2026")


def test_an_ended_project_opens_nothing_that_very_day(live, project):
    make(live)
    client = live.client("researcher")
    ask(live)
    with system.acting_as("worker"):
        made = ResearchOutput.objects.get()
    live.client("ig_lead").post(
        reverse("research-decide", args=[made.pk]), {"choice": "release", "why": "x"}
    )
    file = reverse("research-output-csv", args=[made.pk])
    assert client.get(file).status_code == 200
    researcher = live.users["researcher"].pk
    with as_web(researcher, "research") as web:
        assert web.execute(SEEN).fetchone() == (1,)
    enter(live, days=0)
    assert client.get(room()).status_code == 404
    assert client.get(file).status_code == 404
    with as_web(researcher, "research") as web:
        assert web.execute(SEEN).fetchone() == (0,)
    with pytest.raises(RefusedExtractError):
        make(live)


def test_an_ended_projects_extract_is_removed_and_no_other(live, project):
    make(live)
    enter(live, "asthma-2026")
    make(live, "asthma-2026")
    today = timezone.localdate()
    with system.acting_as("worker"):
        assert research.forget_extracts(on=today) == 0
    enter(live, days=0)
    with system.acting_as("worker"):
        assert research.forget_extracts(on=today) == 1
        assert ResearchExtract.objects.get().project == "asthma-2026"
    row = system.audit_rows("research_extract_removed")[-1]
    assert row["subject"] == KEY


def test_postgres_keeps_the_airlock_by_itself(live, project):
    make(live)
    ask(live)
    insert = (
        "INSERT INTO research_output (project, title, why, asked_for, figures, checks,"
        " state, asked_by, asked_at, decided_by, decided_why) VALUES (%s, 't', 'w',"
        " '{}', '[]', '[]', %s, %s, now(), '', '')"
    )
    release_it = (
        "UPDATE research_output SET state = 'released', decided_by = %s,"
        " decided_at = now()"
    )
    name = live.users["researcher"].username
    for user, rows in (("researcher", 1), ("ig_lead", 0), ("system_analyst", 0)):
        with as_web(live.users[user].pk, "research") as web:
            assert web.execute(SEEN).fetchone() == (rows,), user
    for user, statement, given in (
        ("researcher", insert, [KEY, "released", name]),
        ("researcher", insert, [KEY, "asked", "somebody else"]),
        ("researcher", insert, ["another", "asked", name]),
        ("system_analyst", insert, [KEY, "asked", "system_analyst-qzz"]),
        ("ig_lead", release_it, [name]),
        ("ig_lead", "UPDATE research_output SET figures = %s", ["[]"]),
        ("researcher", "DELETE FROM research_output WHERE title <> %s", [""]),
    ):
        web_of = as_web(live.users[user].pk, "research")
        with web_of as web, pytest.raises(psycopg.Error):
            web.execute(statement, given)
    with as_web(live.users["researcher"].pk, "research") as web:
        assert web.execute(release_it, [name]).rowcount == 0
    with as_web(live.users["researcher"].pk, "planning") as web:
        assert web.execute(SEEN).fetchone() == (0,)


def test_an_ended_agreement_closes_its_extracts_in_postgres_that_very_day(
    live, project
):
    make(live)
    ask(live)
    researcher = live.users["researcher"].pk
    told = "SELECT count(*) FROM research_output"

    def seen():
        with as_web(researcher, "research") as web:
            return [web.execute(words).fetchone()[0] for words in (SEEN, told)]

    assert seen() == [1, 1]
    with agreement_ended("DSA-04"):
        assert seen() == [1, 1]
    with agreement_ended("DSA-05"):
        assert seen() == [0, 0]
        with as_web(live.users["ig_lead"].pk, "assurance") as web:
            assert web.execute(told).fetchone() == (1,)
    assert seen() == [1, 1]
    # Under another agreement in force, the grant of the role alone stands on DSA-05.
    enter(live, agreement="DSA-04")
    with agreement_ended("DSA-05"):
        assert seen() == [0, 0]
    assert seen() == [1, 1]


def test_cells_hold_the_rows_that_stand_in_them():
    frame = pl.DataFrame(
        {
            "sex": ["F", "M", "F", None],
            "ill": ["yes", "no", None, "yes"],
            "n": [1.0, 0.0, 2.0, None],
        }
    )
    found = {c.at["sex"]: c for c in cross_table(frame, ["sex"], "ill")}
    assert found["F"].rows == [0, 2]
    assert found["F"].having == [0]
    assert found["not known"].having == [3]
    numbers = {c.at["sex"]: c for c in cross_table(frame, ["sex"], "n")}
    assert numbers["F"].amount == 3.0
    assert numbers["F"].having == [0, 2]
    (whole,) = cross_table(frame, [])
    assert whole.at == {}
    assert whole.rows == [0, 1, 2, 3]
