"""Random changes to the small system's store, and all that a release shows of it."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import psycopg

from linkage.models import Release
from linkage.release import parts, selectors, touched
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
from tests.integration.linkage.release.conftest import PEOPLE, put

# Further people whom Postgres puts into the same two partitions.
NEWCOMERS = (216, 238, 263, 275, 190, 218, 228, 234)
CODES = ("13645005", "44054006", "38341003", "49436004", "195967001")
_keys = iter(range(10_000_000, 20_000_000))


def _diagnosis(loader: psycopg.Connection, rng: Random, n: int) -> None:
    on = AS_OF - timedelta(days=rng.randrange(1500))
    row = event(rng.choice(CODES), on, person_no=n, record_key=next(_keys))
    put(loader, "event", events(row))


def _measurement(loader: psycopg.Connection, rng: Random, n: int) -> None:
    value = float(rng.randrange(18, 60))
    row = event("60621009", AS_OF, person_no=n, value=value, record_key=next(_keys))
    put(loader, "event", events(row))


def _use(loader: psycopg.Connection, rng: Random, n: int) -> None:
    on = AS_OF - timedelta(days=rng.randrange(700))
    row = activity(
        "admitted",
        "spell",
        on,
        person_no=n,
        urgency="emergency",
        cost_gbp=2400.0,
        record_key=next(_keys),
    )
    put(loader, "activity", activities(row))


def _forgotten(loader: psycopg.Connection, rng: Random, n: int) -> None:
    table = rng.choice(("event", "activity"))
    loader.execute(f"DELETE FROM {table} WHERE person_no = %s", [n])


def _death(loader: psycopg.Connection, rng: Random, n: int) -> None:
    died_on = AS_OF - timedelta(days=rng.randrange(30))
    loader.execute(
        "UPDATE person SET died_on = %s, practice_code = NULL WHERE person_no = %s",
        [died_on, n],
    )


def _move(loader: psycopg.Connection, rng: Random, n: int) -> None:
    practice = rng.choice(("Z81001", "Z81002"))
    for table in ("registration", "person"):
        loader.execute(
            f"UPDATE {table} SET practice_code = %s WHERE person_no = %s", [practice, n]
        )


def _departure(loader: psycopg.Connection, rng: Random, n: int) -> None:
    for table in ("registration", "residence"):
        loader.execute(
            f"UPDATE {table} SET end_on = %s WHERE person_no = %s",
            [AS_OF - timedelta(days=rng.randrange(1, 90)), n],
        )


def _arrival(loader: psycopg.Connection, rng: Random, n: int) -> None:
    there = loader.execute("SELECT FROM person WHERE person_no = %s", [n]).fetchone()
    if there is None:
        born = date(rng.randrange(1930, 2020), 4, 1)
        put(loader, "person", people(person(n, birth_month=born)))
        put(loader, "registration", registrations(registration(n)))
        put(loader, "residence", residences(residence(n)))


CHANGES: tuple[Callable[[psycopg.Connection, Random, int], None], ...] = (
    _diagnosis,
    _measurement,
    _use,
    _forgotten,
    _death,
    _move,
    _departure,
)


def change(loader: psycopg.Connection, rng: Random, mark: int, times: int = 4) -> None:
    """Change some people of the store as a run would, and say whom it touched."""
    whom = set()
    for _ in range(times):
        whom.add(n := rng.choice(PEOPLE))
        rng.choice(CHANGES)(loader, rng, n)
    whom.add(n := rng.choice(NEWCOMERS))
    _arrival(loader, rng, n)
    touch(loader, mark, *whom)


def touch(loader: psycopg.Connection, mark: int, *whom: int) -> None:
    """Note people as touched under a mark."""
    for n in whom:
        loader.execute("INSERT INTO touched_person VALUES (%s, %s)", [mark, n])


def picture(release_id: int) -> dict[str, Any]:
    """All that readers see of a release, but its profiles: bitmaps, columns, parts."""
    release = Release.objects.get(pk=release_id)
    view = selectors.view(release_id)
    names = list(view.catalogue)
    held = dict.fromkeys(a.part for a in view.catalogue.values())
    return {
        "people": (release.people, view.everyone, view.person_nos.tolist()),
        "catalogue": release.catalogue,
        "bitmaps": {
            (name, value): people
            for name in names
            for value, people in view.source.bitmaps([name])[name].items()
        },
        "columns": {name: view.source.column(name) for name in names},
        "parts": {
            part: parts.read_all(release_id, part).write_ndjson() for part in held
        },
    }


def unseen(release_id: int) -> int:
    """How many people were touched that a full release has not seen."""
    return len(touched.since(Release.objects.get(pk=release_id))[1])
