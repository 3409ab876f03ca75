"""The addresses of the team's pages, what they say, and what models say there."""

import html
import json
from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from dashboards.selectors import worklist as selectors
from tests import live_system as system
from tests.live_people import PROGRAMME, Someone

LIST = reverse("worklist", args=[PROGRAMME])
MISSING = reverse("list-missing", args=[PROGRAMME])
EXPORT = reverse("list-export", args=[PROGRAMME])
NAMES = reverse("reveal", args=[PROGRAMME])


def words(response) -> str:
    return html.unescape(response.content.decode())


def sealed(live, someone, role="pcn_mdt_member", purpose=None) -> str:
    return selectors.reference(live.viewer(role, purpose), someone.person_no)


def page_of(live, someone, role="pcn_mdt_member", purpose=None) -> str:
    return reverse("person", args=[sealed(live, someone, role, purpose)])


def keep_risk(
    release_id: int,
    someone: Someone,
    value: float,
    reasons: Sequence[dict[str, Any]],
    name: str = "emergency_admission",
) -> None:
    """Keep what a model foretells of someone and why, as the worker."""
    with system.connect("worker") as worker:
        worker.execute(
            "INSERT INTO person_risk (release_id, name, person_no, practice_code,"
            " value, band, reasons) VALUES (%s, %s, %s, %s, %s, 'high', %s)",
            [
                release_id,
                name,
                someone.person_no,
                someone.practice,
                value,
                json.dumps(reasons),
            ],
        )
