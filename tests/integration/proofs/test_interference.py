"""Whatever happens to people who are not ours, our pages are the same to the byte.

Rows of the other network's people are changed, added and taken away, one after the
other, by the roles that may; after each, every page of rows is asked for again. Pages
and answers of figures, of every role that sees any, are asked before and after them
all: figures are of a release, and no row moves them. An ordinary run asks some roles,
drawn by lot; CATCHMENT_PROOFS=full asks all.
"""

import os
import random
from unittest import mock

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from dashboards.selectors import worklist
from tests import live_system as system
from tests.guards.test_addresses import ALL
from tests.integration.proofs import cells
from tests.integration.proofs.cells import Cell, definition
from tests.integration.proofs.crawl import callers
from tests.live_people import ANNA, CORA, ODA, PIP, PROGRAMME

DRAWN, SEED = 2, 1
ROLES = ("pcn_mdt_member", "pcn_clinician", "pcn_social_prescriber", "practice_manager")
ADDED = (
    "INSERT INTO event (person_no, record_key, subject_key, on_date, kind, system,"
    " code, feed_no, run_id) VALUES (%s, -77, 1, '2026-09-01', 1, 1, 'new', 1, 1)"
)
# (who may, what they do to the other network's people)
CHANGES = (
    (
        "worker",
        "UPDATE list_entry SET rank = 1, order_words = 'x' WHERE person_no = %s",
    ),
    ("worker", "UPDATE list_entry SET reasons = '[\"y\"]' WHERE person_no = %s"),
    ("worker", "UPDATE list_entry SET probability = 0.99 WHERE person_no = %s"),
    ("worker", "DELETE FROM list_entry WHERE person_no = %s"),
    ("worker", "UPDATE profile SET values = '{}' WHERE person_no = %s"),
    ("worker", "DELETE FROM profile WHERE person_no = %s"),
    ("loader", "UPDATE person SET died_on = '2026-09-02' WHERE person_no = %s"),
    ("loader", "UPDATE person SET national_opt_out = true WHERE person_no = %s"),
    (
        "loader",
        ADDED,
    ),
    ("loader", "DELETE FROM event WHERE person_no = %s"),
    ("loader", "DELETE FROM activity WHERE person_no = %s"),
    ("loader", "DELETE FROM person WHERE person_no = %s"),
    ("vault", "DELETE FROM current_registration WHERE person_no = %s"),
    ("vault", "DELETE FROM person_identity WHERE person_no = %s"),
)


@pytest.fixture
def still():
    """Hold the clock, so that two moments tell the same time."""
    now = timezone.now().replace(microsecond=0)
    with (
        mock.patch("django.utils.timezone.now", return_value=now),
        override_settings(PASSWORD_HASHERS=[FAST]),
    ):
        yield


FAST = "django.contrib.auth.hashers.MD5PasswordHasher"


def pages(live):
    """Every page and file with rows in it, for each role that has patients."""
    found = {}
    for role in ROLES:
        client, viewer = live.client(role), live.viewer(role)
        asked = {"worklists": [], "list-team": []}
        names = ("worklist", "list-missing", "list-export", "list-room", "list-print")
        asked |= dict.fromkeys((*names, "list-fhir"), [PROGRAMME])
        for name, given in asked.items():
            found[role, name] = client.get(reverse(name, args=given))
        for someone in (ANNA, CORA, ODA):
            sealed = worklist.reference(viewer, someone.person_no)
            for name, given in (
                ("person", [sealed]),
                ("list-card", [PROGRAMME, sealed]),
            ):
                page = client.get(reverse(name, args=given))
                found[role, name, someone.surname] = page
        found[role, "file"] = client.post(
            reverse("list-export", args=[PROGRAMME]),
            {"practice": "Z81001", "reason": ""},
        )
    return {
        key: (page.status_code, system.in_clear(page.content.decode()))
        for key, page in found.items()
    }


def of_figures():
    """Every role that sees figures or rows, or some of them: those of every kind."""
    told = definition()
    found = [
        role
        for role in system.ROLE_PLACES
        if told["roles"][role].get("api")
        or any(
            told["pages"][page]["shows"] in ("figures", "rows")
            for page in told["roles"][role]["pages"]
        )
    ]
    if os.environ.get("CATCHMENT_PROOFS") == "full":
        return found
    return random.Random(SEED).sample(found, DRAWN)


def figures(live, asked):
    """What each role is answered, for each purpose, wherever people or figures stand.

    `asked` are the roles; addresses come from the routes.
    """
    found = {}
    for role in asked:
        for purpose in definition()["roles"][role]["purposes"]:
            browser, partner = callers(live, role, purpose)
            viewer = live.viewer(role, purpose)
            for address in cells.asked():
                cell = Cell(role, purpose, "own", address)
                if cells.is_allowed(cell) and tells_of_people(address):
                    is_api = hasattr(ALL[address].callback, "api_scope")
                    client = partner if is_api else browser
                    answer = client.get(cells.path_of(cell, viewer))
                    if answer.status_code != 405:
                        body = b"".join(answer) if answer.streaming else answer.content
                        found[cell] = (
                            answer.status_code,
                            system.in_clear(body.decode(errors="replace")),
                        )
    return found


def tells_of_people(address):
    """Whether figures or rows stand there; feeds and trails tell of other things."""
    view = ALL[address].callback
    if hasattr(view, "api_scope"):
        return True
    page = definition()["pages"].get(view.page_name, {"shows": "nothing"})
    return page["shows"] in ("figures", "rows", "names")


def test_no_change_to_others_changes_our_pages(live, still, record_property):
    pages(live)  # once before, so that nothing is new since the last visit
    before = pages(live)
    drawn = of_figures()
    figures(live, drawn)
    figures_before = figures(live, drawn)
    assert {cell.role for cell in figures_before} == {*drawn}
    assert {status for status, _ in before.values()} >= {200, 403}
    differ, compared, touched = [], 0, 0
    for role, statement in CHANGES:
        with system.connect(role) as connection:
            for someone in (ODA, PIP):
                touched += connection.execute(statement, [someone.person_no]).rowcount
        after = pages(live)
        compared += len(after)
        differ += [
            f"{statement[:40]}: {key}" for key in before if before[key] != after[key]
        ]
    figures_after = figures(live, drawn)
    compared += len(figures_after)
    differ += [
        f"figures: {cell}"
        for cell in figures_before
        if figures_before[cell] != figures_after[cell]
    ]
    record_property("access.interference", len(differ))
    record_property("access.interference_compared", compared)
    assert touched >= len(CHANGES)
    assert differ == []
