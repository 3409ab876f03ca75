"""Whole shards out of the longitudinal store, and a release's rows into it.

A shard is read from its partition by name, as the worker: COPY, which ADBC uses,
refuses tables under row-level security.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import polars as pl
from django.db import connection, transaction
from numpy.typing import NDArray
from pyroaring import BitMap

from linkage import bulk
from linkage.models import AttributeBitmap, AttributeColumn, CodeSeen, Release
from linkage.release import touched
from linkage.shards import shards
from linkage.steps.index import Indexed
from linkage.vocabulary import EVENT_KINDS

PERSON_COLUMNS = (
    "person_no, sex, birth_month, ethnicity, died_on, needs_interpreter,"
    " type1_opt_out_on, national_opt_out"
)
REGISTRATION_COLUMNS = "person_no, practice_code, start_on, end_on"
RESIDENCE_COLUMNS = "person_no, lsoa_code, in_care_home, start_on, end_on"
EVENT_COLUMNS = (
    "person_no, on_date, recorded_on, kind, system, code, value, unit, feed_no"
)
ACTIVITY_COLUMNS = (
    "person_no, setting, kind, start_on, end_on, recorded_on, urgency, specialty,"
    " outcome, reason_code, seen_by, cost_gbp"
)
# To open a second connection takes a third of a second.
WORTH_TWO = 500


@dataclass(frozen=True)
class Shard:
    """One shard of the longitudinal store, or some people's rows of it, in the columns
    that `derive` reads.

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

    def up_to(self, until: date) -> "Shard":
        """Return what would have been read up to that day or an earlier one."""
        if until == self.until:
            return self
        return replace(
            self,
            until=until,
            event=self.event.filter(pl.col("on_date") <= until),
            activity=self.activity.filter(pl.col("start_on") <= until),
        )


def read_shard(shard: int, *, until: date) -> Shard:
    """Read one shard; events and activity dated up to `until` only."""
    return _read(
        lambda table, columns, condition: (
            f"SELECT {columns} FROM {table}_p{shard:02d} WHERE {condition}"
        ),
        until,
    )


def read_people(person_nos: pl.Series, *, until: date) -> Shard:
    """Read some people's rows of whichever shards, as `read_shard` does of one.

    Each partition is asked for its own people alone, half of the partitions on a second
    connection where the people are many: a delta works on one core otherwise. The
    server gathers where their rows lie before it reads them: scattered over all pages,
    one by one they would be as many reads as rows.
    """
    placed = pl.DataFrame({"person_no": person_nos, "shard": shards(person_nos)})
    whom = {
        shard: ",".join(map(str, mine["person_no"].to_list()))
        for (shard,), mine in placed.partition_by("shard", as_dict=True).items()
    }

    def read(some: Sequence[int]) -> Shard:
        def query(table: str, columns: str, condition: str) -> str:
            return " UNION ALL ".join(
                f"SELECT {columns} FROM {table}_p{shard:02d}"
                f" WHERE person_no = ANY('{{{whom[shard]}}}'::integer[])"
                f" AND {condition}"
                for shard in some
            ) or (f"SELECT {columns} FROM {table} WHERE false")

        return _read(query, until, "enable_indexscan = off")

    def read_apart(some: Sequence[int]) -> Shard:
        try:
            return read(some)
        finally:
            bulk.close_all()

    every = list(whom)
    if placed.height < WORTH_TWO:
        return read(every)
    with ThreadPoolExecutor(1) as beside:
        second = beside.submit(read_apart, every[1::2])
        return _joined(read(every[::2]), second.result())


def _joined(one: Shard, other: Shard) -> Shard:
    """Two halves of what was read up to the same day."""
    both = {
        each.name: pl.concat([getattr(one, each.name), getattr(other, each.name)])
        for each in fields(Shard)
        if each.name != "until"
    }
    return Shard(until=one.until, **both)


def _read(query: Callable[[str, str, str], str], until: date, *settings: str) -> Shard:
    """Read the five tables; `query` makes of table, columns and condition a query."""
    with bulk.connect("default") as source:
        bulk.execute(source, *(f"SET LOCAL {setting}" for setting in settings))

        def rows(table: str, columns: str, condition: str = "true") -> pl.DataFrame:
            return bulk.fetch(source, query(table, columns, condition))

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


def read_events(
    shard: int, *, kinds: Sequence[str], since: date, until: date
) -> pl.DataFrame:
    """Read events of some kinds dated from `since` to `until`, for scores.

    Columns: person_no, on_date, recorded_on, kind, system, code, value, unit,
    feed_no.
    """
    numbers = ", ".join(str(EVENT_KINDS[kind]) for kind in kinds)
    with bulk.connect("default") as source:
        return bulk.fetch(
            source,
            f"SELECT {EVENT_COLUMNS} FROM event_p{shard:02d}"
            f" WHERE kind IN ({numbers})"
            f" AND on_date BETWEEN '{since:%Y-%m-%d}' AND '{until:%Y-%m-%d}'",
        )


def read_activity(shard: int, *, since: date, until: date) -> pl.DataFrame:
    """Read activity that began from `since` to `until`, in the columns of `derive`."""
    with bulk.connect("default") as source:
        return bulk.fetch(
            source,
            f"SELECT {ACTIVITY_COLUMNS} FROM activity_p{shard:02d}"
            f" WHERE start_on BETWEEN '{since:%Y-%m-%d}' AND '{until:%Y-%m-%d}'",
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
