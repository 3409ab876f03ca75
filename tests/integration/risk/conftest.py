"""The small system of the release tests, worked by every stage up to predictions."""

from datetime import date, timedelta

import polars as pl
import psycopg
import pytest

from config.schedule import STAGES
from linkage.definitions import FEEDS
from tests.builders import AS_OF, activities, activity, event, events
from tests.integration.linkage.release import conftest as small_system
from tests.integration.linkage.release.conftest import ILL, put

store_of_linkage = small_system.store
refreshed = small_system.refreshed

# Lists are the layer above's.
UP_TO_PREDICTIONS = tuple(stage for stage in STAGES if stage.name != "make_lists")
SUS_APC = FEEDS["sus_apc"].number


@pytest.fixture
def store(store_of_linkage, settings) -> psycopg.Connection:
    """People with hospital codes, and the ill admitted in every year."""
    settings.REFRESH_STAGES = "tests.integration.risk.conftest.UP_TO_PREDICTIONS"
    settings.RELEASE_DEFINITIONS = "config.schedule.DEFINITIONS"
    loader = store_of_linkage
    admitted = [
        activity(
            "admitted",
            "spell",
            AS_OF - timedelta(days=days),
            person_no=n,
            urgency="emergency",
            record_key=10_000 * days + n,
        )
        for n in ILL
        for days in (100, 465, 830)
    ]
    put(loader, "activity", activities(*admitted))
    coded = [
        event(
            code,
            date(2026, 1, 5),
            person_no=ILL[0],
            kind="diagnosis",
            system="icd10",
            record_key=800_000 + i,
        )
        for i, code in enumerate(("J449", "F03X", "I500"))
    ]
    put(loader, "event", events(*coded).with_columns(feed_no=pl.lit(SUS_APC)))
    return loader
