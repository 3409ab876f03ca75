"""Research projects in a system that really stands: entered, ended, their extracts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone
from pyroaring import BitMap

from dashboards.actions import research
from governance.models import OptOutSet, RegisterEntry
from tests import live_system as system
from tests.live_people import Someone
from tests.live_system import Live

COLUMNS = ["sex", "age_band", "place_code", "has_diabetes_type2", "condition_count"]
KEY = "falls-2026"


def enter(live: Live, key: str = KEY, **other: Any) -> None:
    """A project in the register, as two people who govern have entered it."""
    today = timezone.localdate()
    content = {
        "title": "Falls after a stay in hospital",
        "question": "Do falls follow changes of medicines?",
        "organisation": "Regional university",
        "researchers": [live.users["researcher"].username],
        "columns": COLUMNS,
        "ethics": "REC 26/EE/0001",
        "agreement": "DSA-05",
        "owner": "Head of research",
    }
    days = other.pop("days", 90)
    with system.acting_as("worker"):
        versions = RegisterEntry.objects.filter(kind="project", key=key).count()
        RegisterEntry.objects.create(
            kind="project",
            key=key,
            version=versions + 1,
            content=content | other,
            starts_on=today - timedelta(days=5),
            expires_on=today + timedelta(days=days),
            why="test",
            state="approved",
            proposed_by="one",
            proposed_at=timezone.now(),
            decided_by="two",
            decided_at=timezone.now(),
        )


def make(live: Live, key: str = KEY) -> int:
    with system.acting_as("worker"):
        return research.make_extract(
            project=key,
            username=live.users["researcher"].username,
            today=timezone.localdate(),
        )


@contextmanager
def opted_out_nationally(someone: Someone) -> Iterator[None]:
    """A block in which somebody stands among the national opt-outs of this moment."""
    with system.acting_as("worker"):
        known = OptOutSet.objects.get(kind="national")
        before = bytes(known.people)
        known.people, known.made_at = (
            BitMap([someone.person_no]).serialize(),
            timezone.now(),
        )
        known.save()
    yield
    with system.acting_as("worker"):
        known.people, known.made_at = before, timezone.now()
        known.save()


@contextmanager
def agreement_ended(key: str) -> Iterator[None]:
    """A block in which the newest version of an agreement ends today."""
    with system.acting_as("worker"):
        known = RegisterEntry.objects.filter(kind="agreement", key=key)
        ended = known.order_by("-version")[0]
        ended.pk, ended.version = None, ended.version + 1
        ended.expires_on = timezone.localdate()
        ended.save()
    try:
        yield
    finally:
        with system.connect("migrator") as owner:
            owner.execute("ALTER TABLE register_entry NO FORCE ROW LEVEL SECURITY")
            owner.execute("DELETE FROM register_entry WHERE id = %s", [ended.pk])
