"""Whole shards out of the longitudinal store, and a release's rows into it.

A shard is read from its partition by name, as the worker: COPY, which ADBC uses,
refuses tables under row-level security.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from django.db import connection, transaction
from numpy.typing import NDArray
from pyroaring import BitMap

from linkage import bulk
from linkage.models import AttributeBitmap, AttributeColumn, CodeSeen, Release
from linkage.release import touched
from linkage.steps.index import Indexed
from linkage.vocabulary import EVENT_KINDS

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi

PERSON_COLUMNS = (
    "person_no, sex, birth_month, ethnicity, died_on, needs_interpreter,"
    " type1_opt_out_on, national_opt_out"
)
REGISTRATION_COLUMNS = "person_no, practice_code, start_on, end_on"
RESIDENCE_COLUMNS = "person_no, lsoa_code, in_care_home, start_on, end_on"
EVENT_COLUMNS = "person_no, on_date, recorded_on, kind, system, code, value, unit"
ACTIVITY_COLUMNS = (
    "person_no, setting, kind, start_on, end_on, recorded_on, urgency, specialty,"
    " outcome, reason_code, seen_by, cost_gbp"
)


@dataclass(frozen=True)
class Shard:
    """One shard of the longitudinal store, in the columns that `derive` reads.

    Events and activity up to `until`.
    """

    until: date
    person: pl.DataFrame
    registration: pl.DataFrame
    residence: pl.DataFrame
    event: pl.DataFrame
    activity: pl.DataFrame

    @property
    def rows(self) -> int:
        return sum(
            frame.height
            for frame in (
                self.person,
                self.registration,
                self.residence,
                self.event,
                self.activity,
            )
        )


def read_shard(shard: int, *, until: date, persons: pl.Series | None = None) -> Shard:
    """Read one shard; events and activity dated up to `until` only.

    With `persons`, read theirs alone, of whichever shards.
    """
    with _reading(persons) as source:

        def rows(table: str, columns: str, condition: str = "true") -> pl.DataFrame:
            return bulk.fetch(
                source,
                f"SELECT {columns} FROM {_rows_of(table, shard, persons)}"
                f" AND {condition}",
            )

        return Shard(
            until=until,
            person=rows("person", PERSON_COLUMNS),
            registration=rows("registration", REGISTRATION_COLUMNS),
            residence=rows("residence", RESIDENCE_COLUMNS),
            event=rows("event", EVENT_COLUMNS, f"on_date <= '{until:%Y-%m-%d}'"),
            activity=rows(
                "activity", ACTIVITY_COLUMNS, f"start_on <= '{until:%Y-%m-%d}'"
            ),
        )


@contextmanager
def _reading(persons: pl.Series | None) -> Iterator["dbapi.Connection"]:
    """A connection that reads a shard, or the rows of some persons.

    Of these the server gathers where they lie before it reads: they lie scattered over
    all pages, and of one in a hundred people one by one is as many reads as rows.
    """
    with bulk.connect("default") as source:
        if persons is not None:
            bulk.execute(source, "SET LOCAL enable_indexscan = off")
        yield source


def _rows_of(table: str, shard: int, persons: pl.Series | None) -> str:
    """The table and condition that say whose rows are read."""
    if persons is None:
        return f"{table}_p{shard:02d} WHERE true"
    numbers = ",".join(map(str, persons.to_list()))
    return f"{table} WHERE person_no = ANY('{{{numbers}}}'::integer[])"


def read_events(
    shard: int,
    *,
    kinds: Sequence[str],
    since: date,
    until: date,
    persons: pl.Series | None = None,
) -> pl.DataFrame:
    """Read events of some kinds dated from `since` to `until`, for scores.

    Columns: person_no, on_date, recorded_on, kind, system, code, value, unit,
    feed_no.
    """
    numbers = ", ".join(str(EVENT_KINDS[kind]) for kind in kinds)
    with _reading(persons) as source:
        return bulk.fetch(
            source,
            f"SELECT {EVENT_COLUMNS}, feed_no FROM"
            f" {_rows_of('event', shard, persons)} AND kind IN ({numbers})"
            f" AND on_date BETWEEN '{since:%Y-%m-%d}' AND '{until:%Y-%m-%d}'",
        )


def read_activity(
    shard: int, *, since: date, until: date, persons: pl.Series | None = None
) -> pl.DataFrame:
    """Read activity that began from `since` to `until`, in the columns of `derive`."""
    with _reading(persons) as source:
        return bulk.fetch(
            source,
            f"SELECT {ACTIVITY_COLUMNS} FROM {_rows_of('activity', shard, persons)}"
            f" AND start_on BETWEEN '{since:%Y-%m-%d}' AND '{until:%Y-%m-%d}'",
        )


def replace_profiles(release_id: int, rows: pl.DataFrame) -> None:
    """Put one unit's profiles in place of what an earlier attempt left.

    `rows`: person_no, practice_code, lsoa_code, values (list of Float32), sorted.
    """
    with bulk.connect("default") as target:
        bulk.ask(target, rows, "profiles")
        bulk.execute(
            target,
            "DELETE FROM profile p USING pg_temp.profiles s"
            f" WHERE p.person_no = s.person_no AND p.release_id = {release_id}",
            "INSERT INTO profile (release_id, person_no, practice_code, lsoa_code,"
            f" values) SELECT {release_id}, person_no, practice_code, lsoa_code, values"
            " FROM pg_temp.profiles ORDER BY person_no",
            # Committed, it would outlive a session that is killed.
            "DROP TABLE pg_temp.profiles",
        )
        target.commit()


def replace_codes(shard: int, seen: pl.DataFrame) -> None:
    """Keep which codes stand in a shard: `system`, `code`, `events`."""
    with transaction.atomic():
        CodeSeen.objects.filter(shard=shard).delete()
        CodeSeen.objects.bulk_create(
            [CodeSeen(shard=shard, **row) for row in seen.iter_rows(named=True)],
            batch_size=2000,
        )


def replace_index(release_id: int, indexed: dict[str, Indexed]) -> int:
    """Keep the bitmaps and columns of some attributes; returns how many bitmaps."""
    bitmaps, columns = [], []
    for name, made in indexed.items():
        for value, people in made.bitmaps.items():
            people.run_optimize()
            bitmaps.append(
                AttributeBitmap(
                    release_id=release_id,
                    attribute=name,
                    value=value,
                    people=len(people),
                    bitmap=people.serialize(),
                )
            )
        columns.append(
            AttributeColumn(
                release_id=release_id,
                attribute=name,
                data=made.numbers.astype("<f4").tobytes(),
            )
        )
    with transaction.atomic():
        clear_index(release_id, list(indexed))
        AttributeBitmap.objects.bulk_create(bitmaps, batch_size=200)
        AttributeColumn.objects.bulk_create(columns, batch_size=4)
    return len(bitmaps)


def replace_people(
    release_id: int, everyone: str, column: str, people: NDArray[np.uint32]
) -> None:
    """Keep who is in a release: one bitmap, and the column that others align with."""
    bitmap = BitMap(people)
    bitmap.run_optimize()
    with transaction.atomic():
        clear_index(release_id, [everyone, column])
        AttributeBitmap.objects.create(
            release_id=release_id,
            attribute=everyone,
            value="yes",
            people=len(bitmap),
            bitmap=bitmap.serialize(),
        )
        AttributeColumn.objects.create(
            release_id=release_id,
            attribute=column,
            data=people.astype("<u4").tobytes(),
        )


def people_with(release: Release, mine: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Who is in a delta: those of the release beneath not touched, and `mine`."""
    column = AttributeColumn.objects.get(
        release_id=release.delta_of_id, attribute="person_no"
    )
    before = np.frombuffer(bytes(column.data), dtype="<u4")
    gone = np.asarray(touched.touched_of(release.pk).to_array(), dtype=np.uint32)
    return np.sort(np.concatenate([before[~np.isin(before, gone)], mine]))


def clear_index(release_id: int, attributes: Iterable[str]) -> None:
    """Forget the bitmaps and columns of some attributes of a release."""
    for model in (AttributeBitmap, AttributeColumn):
        model.objects.filter(release_id=release_id, attribute__in=attributes).delete()


def delete_profiles(release_id: int) -> int:
    """Delete the profiles of a release; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM profile WHERE release_id = %s", [release_id])
        return int(cursor.rowcount)
