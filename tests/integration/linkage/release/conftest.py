"""A small system in the store, and a refresh of it by linkage's own stages."""

from collections.abc import Callable, Iterator
from datetime import date

import polars as pl
import psycopg
import pytest

from governance.models import Area, AreaLink, Org, OrgLink
from linkage.models import Release
from linkage.release import actions, selectors
from tests.builders import (
    AS_OF,
    activities,
    activity,
    event,
    events,
    people,
    person,
    registration,
    registrations,
    residence,
    residences,
)

# People whom Postgres puts into the first two of the sixteen partitions, so that a
# refresh in a test is of two shards.
SHARDS = (
    (14, 26, 34, 88, 101, 114, 119, 123, 155, 167, 189, 207),
    (11, 19, 21, 36, 73, 98, 116, 118, 120, 154, 177, 182),
)
PEOPLE = [*SHARDS[0], *SHARDS[1]]
ILL = [n for n in PEOPLE if n % 3 == 0]
ORGS = (
    ("QZ1", "icb", None),
    ("Z01A", "sub_icb", "QZ1"),
    ("P01", "place", "Z01A"),
    ("N01", "neighbourhood", "P01"),
    ("U90001", "pcn", "N01"),
    ("Z81001", "practice", "U90001"),
    ("Z81002", "practice", "U90001"),
)
AREAS = (
    ("E10900001", "council", None, None),
    ("E07900001", "district", "E10900001", None),
    ("E05900001", "ward", "E07900001", None),
    ("E02900001", "msoa", "E07900001", None),
    ("E01900001", "lsoa", "E02900001", 5),
    ("E01900002", "lsoa", "E02900001", 1),
)


def make_places() -> None:
    """Two practices of one PCN and two LSOAs of one council."""
    for code, kind, _ in ORGS:
        Org.objects.create(code=code, kind=kind, name=code)
    for code, _, parent in ORGS:
        if parent:
            OrgLink.objects.create(child_id=code, parent_id=parent)
    for code, kind, _, decile in AREAS:
        Area.objects.create(
            code=code, kind=kind, name=code, vintage=2021, imd_decile=decile
        )
    for code, _, parent, _ in AREAS:
        if parent:
            AreaLink.objects.create(child_id=code, parent_id=parent)
    for lsoa in ("E01900001", "E01900002"):
        AreaLink.objects.create(child_id=lsoa, parent_id="E05900001")


def put(loader: psycopg.Connection, table: str, rows: pl.DataFrame) -> None:
    """Insert rows as the loader does, each as its own source record and run 1."""
    required = {"subject_key": 1, "run_id": 1, "feed_no": 1}
    with loader.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        columns = [column.name for column in cursor.description or ()]
        for number, row in enumerate(rows.iter_rows(named=True), start=1):
            given = {k: v for k, v in row.items() if v is not None}
            if table != "person":
                given = required | {"record_key": number} | given
            given = {k: v for k, v in given.items() if k in columns}
            marks = ", ".join(["%s"] * len(given))
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(given)}) VALUES ({marks})",
                list(given.values()),
            )


@pytest.fixture
def store(as_role, empty_store, settings) -> psycopg.Connection:
    """People of two shards in two practices, some with COPD; returns the loader."""
    settings.SHARDS = len(SHARDS)
    settings.REFRESH_STAGES = "tests.release_stages.STAGES"
    settings.RELEASE_DEFINITIONS = "tests.release_stages.DEFINITIONS"
    selectors.forget()
    make_places()
    loader = as_role("loader")
    practice = {n: f"Z8100{1 + n % 2}" for n in PEOPLE}
    put(
        loader,
        "person",
        people(*(person(n, practice_code=practice[n]) for n in PEOPLE)),
    )
    put(
        loader,
        "registration",
        registrations(*(registration(n, practice_code=practice[n]) for n in PEOPLE)),
    )
    put(loader, "residence", residences(*(residence(n) for n in PEOPLE)))
    put(
        loader,
        "event",
        events(
            *(event("13645005", date(2020, 1, 1), person_no=n) for n in ILL),
            *(
                event("60621009", AS_OF, person_no=n, value=20.0 + n % 20)
                for n in PEOPLE
            ),
        ),
    )
    put(
        loader,
        "activity",
        activities(
            *(
                activity(
                    "gp",
                    "appointment",
                    AS_OF,
                    person_no=n,
                    outcome="Attended",
                    cost_gbp=42.0,
                )
                for n in ILL
            )
        ),
    )
    return loader


@pytest.fixture
def refreshed(store, acting_as) -> Iterator[Callable[..., Release]]:
    """Make and publish a release as the worker: `refreshed(as_of=…)`."""

    def refresh(as_of: date = AS_OF) -> Release:
        with acting_as("worker"):
            release = actions.start_refresh(as_of=as_of, by="test")
            actions.run_inline(release.pk)
            release.refresh_from_db()
            return release

    yield refresh
    selectors.forget()
