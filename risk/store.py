"""Risk's frames to and from Postgres, whole shards at a time."""

from collections.abc import Mapping
from datetime import date

import polars as pl
from django.db import connection, transaction

from linkage import bulk
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES
from risk.specs import ModelSpec, OutcomeSpec

# Trajectories look back so many releases.
RELEASES_KEPT = 24


def read_deaths(shard: int) -> pl.DataFrame:
    """Return when each person of a shard died: `person_no`, `died_on` or null."""
    with bulk.connect("default") as source:
        return bulk.fetch(source, f"SELECT person_no, died_on FROM person_p{shard:02d}")


def read_treatments(shard: int) -> pl.DataFrame:
    """Return who of a shard a programme took on, and when: `person_no`, `from_on`."""
    with bulk.connect("default") as source:
        return bulk.fetch(
            source,
            "SELECT t.person_no, t.from_on FROM treatment t"
            f" JOIN person_p{shard:02d} p ON p.person_no = t.person_no",
        )


def used_since(spec: OutcomeSpec, *, after: date, until: date) -> pl.Series:
    """Return the persons with the outcome's kind of use after a date, up to another."""
    with bulk.connect("default") as source:
        return bulk.fetch(
            source,
            "SELECT DISTINCT person_no FROM activity"
            f" WHERE setting = {SETTINGS[spec.setting or '']}"
            f" AND kind = {ACTIVITY_KINDS[spec.kind or '']}"
            f" AND urgency = {URGENCIES[spec.urgency or '']}"
            f" AND start_on > '{after:%Y-%m-%d}' AND start_on <= '{until:%Y-%m-%d}'",
        )["person_no"]


def replace_person_risks(
    release_id: int, shard: int, made: pl.DataFrame, models: Mapping[str, ModelSpec]
) -> None:
    """Keep what is explained of one shard's people, in place of an earlier attempt.

    `made`: `person_no`, `practice_code` and the columns of every model.
    """
    rows = pl.concat(
        made.filter(pl.col(spec.reasons_attribute).is_not_null()).select(
            pl.lit(release_id, pl.Int32).alias("release_id"),
            pl.lit(name).alias("name"),
            "person_no",
            "practice_code",
            pl.col(spec.attribute).alias("value"),
            pl.col(spec.band_attribute).alias("band"),
            pl.col(spec.reasons_attribute).alias("reasons"),
        )
        for name, spec in models.items()
    )
    staged = f"person_risk_{release_id}_{shard}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS staging.{staged}")
        cursor.execute(
            f"CREATE UNLOGGED TABLE staging.{staged} (release_id integer, name text,"
            " person_no integer, practice_code text, value double precision,"
            " band text, reasons text)"
        )
    try:
        with bulk.connect("default") as target:
            bulk.copy(target, rows, staged, schema="staging")
            target.commit()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM person_risk r USING person_p{shard:02d} p"
                " WHERE r.person_no = p.person_no"
                " AND (r.release_id = %s OR r.release_id <= %s)",
                [release_id, release_id - RELEASES_KEPT],
            )
            cursor.execute(
                "INSERT INTO person_risk (release_id, name, person_no, practice_code,"
                " value, band, reasons) SELECT release_id, name, person_no,"
                f" practice_code, value, band, reasons::jsonb FROM staging.{staged}"
            )
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS staging.{staged}")
