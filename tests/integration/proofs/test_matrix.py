"""Every role, for each of its purposes, about its own place and another, everywhere.

One walk over all cells answers three questions: is what happens what the definition
says, does any answer hold somebody it should not, and does reading change anything.
"""

import io
import logging
import os
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings

from dashboards.selectors import worklist
from governance import pseudonym
from tests import live_people as people
from tests import live_system as system
from tests.integration.proofs import cells, undeclared
from tests.integration.proofs.crawl import crawl, who_is_named
from tests.live_people import ANNA, ODA, THEIRS

THEIR_PROVIDER, THEIR_CODE = "RCANARY7", "CANARY4321"
# Pages that show people's names once a reason was given; the walk gives none.
SERVER_ERRORS = range(500, 600)


@pytest.fixture(scope="module")
def marked(live):
    """Facts of the other network's people that stand nowhere else."""
    on = people.SEPTEMBER - timedelta(days=9)
    for someone in (ANNA, *THEIRS):
        provider = THEIR_PROVIDER if someone in THEIRS else "ROURS"
        code = THEIR_CODE if someone in THEIRS else "12345678"
        number = someone.person_no
        system.load_activity(number, "gp", "appointment", on, provider=provider)
        system.load_event(number, "observation", code, on)
    return live


@pytest.fixture(scope="module")
def of_theirs(marked):
    """Words of the other network's people, and of nobody else."""
    viewer = marked.viewer("their_mdt")
    found = [THEIR_PROVIDER, THEIR_CODE]
    found += [people.reason("medicines_12m", is_=987)]
    for someone in THEIRS:
        sealed = worklist.reference(viewer, someone.person_no)
        found += [sealed, pseudonym.short(sealed)]
    return found


@contextmanager
def logged():
    """Everything that is logged in a block, at every level."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield told
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@pytest.fixture(scope="module")
def walked(marked, of_theirs):
    """Every answer there is, and everything that was logged meanwhile."""
    named = who_is_named()
    with logged() as told:
        answers = list(crawl(marked, lambda cell: [*named, *of_theirs]))
    marked.forget_decisions()
    return answers, told.getvalue()


def test_the_matrix_is_what_the_definition_says(walked, record_property):
    answers, _ = walked
    record_property("access.matrix_cells", len(answers))
    wrong = [
        f"{a.cell}: {a.status} {a.to}"
        for a in answers
        if (a.refused and a.by_guard if cells.is_allowed(a.cell) else not stopped(a))
    ]
    assert wrong == [], "\n".join(wrong)


def stopped(answer):
    """Refused; a form about somebody else's patient may be answered by the way back."""
    sent_back = answer.cell.place == "other" and answer.status == 302
    return answer.refused or sent_back


def test_every_page_and_role_there_is_was_asked(walked):
    answers, _ = walked
    pages = {cells.needed_at(a.cell.address) for a in answers}
    assert pages == {cells.needed_at(address) for address in cells.asked()}
    assert {a.cell.role for a in answers} == set(system.ROLE_PLACES)
    if os.environ.get("CATCHMENT_PROOFS") == "full":
        assert {a.cell.address for a in answers} == set(cells.asked())


def test_no_address_is_undeclared(record_property):
    undeclared = cells.undeclared()
    record_property("access.undeclared", len(undeclared))
    assert undeclared == []


def test_every_figure_person_and_refusal_stands_in_the_trail(walked):
    answers, _ = walked
    silent = [
        f"{a.cell}: {a.status}"
        for a in answers
        if (
            a.status in {401, 403}
            or (a.status == 200 and cells.shows_data(a.cell.address))
        )
        and not a.events
    ]
    assert silent == [], "\n".join(silent)


def test_no_answer_is_an_error_of_ours(walked):
    answers, _ = walked
    assert [str(a.cell) for a in answers if a.status in SERVER_ERRORS] == []


def test_no_canary_is_told(walked, record_property):
    answers, log = walked
    hits = [f"{a.cell}: {word}" for a in answers for word in a.found]
    hits += [f"log: {word}" for word in who_is_named() if word in log]
    record_property("access.canary_hits", len(hits))
    assert hits == []


def test_no_canary_is_kept_where_it_does_not_belong(walked, of_theirs):
    """Not in the web's cache, not in the queue, not in a session, not in the audit."""
    named = [*who_is_named(), *of_theirs]
    kept = [repr(getattr(cache, "_cache", {}))]
    queue = redis.Redis.from_url(os.environ["REDIS_URL"])
    for key in queue.scan_iter("*"):
        kept.append(repr((key, queue.dump(key))))
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        kept += [repr(row) for row in cursor.fetchall()]
    kept += [repr(row) for row in system.audit_rows()]
    held = [
        (word, text[max(0, text.find(word) - 200) :][:300])
        for word in named
        for text in kept
        if word in text
    ]
    assert held == [], held


def test_reading_changes_nothing(walked):
    answers, _ = walked
    assert [f"{a.cell}: {a.wrote}" for a in answers if a.wrote] == []


def test_the_canaries_sing_where_they_belong(marked, of_theirs):
    """The words looked for above do stand on their own team's pages."""
    client = marked.client("their_mdt")
    viewer = marked.viewer("their_mdt")
    said = client.get(f"/lists/{people.PROGRAMME}/").content.decode()
    for someone in THEIRS:
        sealed = worklist.reference(viewer, someone.person_no)
        said += client.get(f"/people/{sealed}/").content.decode()
    missing = [word for word in of_theirs if word not in said]
    assert missing == []


def test_the_walk_is_made_as_the_webs_own_role(walked):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper OR rolbypassrls, EXISTS (SELECT 1 FROM"
            " pg_class WHERE relowner = r.oid) FROM pg_roles r"
            " WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("web", False, False)


def test_an_address_that_nobody_declared_is_refused(live):
    with override_settings(ROOT_URLCONF=undeclared.__name__):
        for role in ("ig_lead", "pcn_mdt_member"):
            answer = live.client(role).get("/undeclared/")
            assert answer.status_code == 403
            assert b"behind" not in answer.content
        assert Client().get("/undeclared/").status_code == 302


def test_an_error_page_names_nobody(marked, monkeypatch, of_theirs):
    """What goes wrong with a person in hand is told without the person."""
    viewer = marked.viewer("pcn_mdt_member")

    def fails(*given, **named):
        raise RuntimeError(f"{ODA.surname} {ODA.nhs_number} {of_theirs}")

    monkeypatch.setattr("dashboards.views.person.render", fails)
    client = marked.client("pcn_mdt_member")
    client.raise_request_exception = False
    sealed = worklist.reference(viewer, ANNA.person_no)
    answer = client.get(f"/people/{sealed}/")
    assert answer.status_code == 500
    said = answer.content.decode()
    assert [w for w in [*who_is_named(), *of_theirs] if w in said] == []
    assert "Traceback" not in said
