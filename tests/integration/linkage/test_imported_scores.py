"""A supplier's file of scores, loaded by command like any other feed's."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from linkage.definitions import FEEDS
from linkage.models import Event
from linkage.vocabulary import EVENT_KINDS, SYSTEMS
from tests.integration.linkage.conftest import ADA, LISTED, delivered

pytestmark = pytest.mark.django_db(
    transaction=True, databases=["default", "vault", "audit"]
)
SCORED = {
    "Supplier": "GPSYS",
    "Person_Reference": "G1",
    "NHS_Number": ADA,
    "Date_of_Birth": "1950-03-07",
    "Sex": "F",
    "Postcode": "ZX1 1AA",
    "Score": "eFI2",
    "Value": "12.5",
    "Unit": "%",
    "Score_Date": "2026-08-03",
    "Export_Date": "2026-08-31",
}


def load(feed: str, path: Path) -> str:
    out = StringIO()
    call_command("load", feed, str(path), stdout=out)
    return out.getvalue()


def test_scores_reckoned_elsewhere_become_the_persons_own(vault_zone, tmp_path) -> None:
    """Value, date and feed reach the person whom the registered list names."""
    load("registered_list", delivered(tmp_path / "registered_list.csv", LISTED, {}))
    path = delivered(
        tmp_path / "imported_score_202608.csv",
        SCORED,
        {},
        {"Score": "ACG", "Value": "0", "Unit": "band"},
        {"Score": "FRAX"},
        {"Score": "QRISK3", "Value": "high"},
    )
    told = load("imported_score", path)
    assert "4 rows = 2 loaded + 2 quarantined" in told
    kept = Event.objects.filter(system=SYSTEMS["local"]).order_by("code")
    assert [
        (e.code, e.value, e.unit, e.on_date.isoformat(), e.kind, e.feed_no)
        for e in kept
    ] == [
        (code, value, unit, "2026-08-03", EVENT_KINDS["observation"], 82)
        for code, value, unit in (
            ("imported_acg", 0.0, "band"),
            ("imported_efi2", 12.5, "%"),
        )
    ]
    assert FEEDS["imported_score"].number == 82
    assert len({e.person_no for e in kept} - {None}) == 1
    # The same file again adds nothing.
    load("imported_score", path)
    assert Event.objects.filter(system=SYSTEMS["local"]).count() == 2
