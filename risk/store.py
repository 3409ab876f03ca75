"""Risk's frames to and from Postgres, whole shards at a time."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from linkage import bulk
from linkage.models import Release
from linkage.release.publish import past_deltas
from linkage.release.touched import UNIT
from linkage.vocabulary import ACTIVITY_KINDS, SETTINGS, URGENCIES
from risk.specs import ModelSpec, OutcomeSpec

# Trajectories look back so many full releases.
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
    """Keep what is explained of one unit's people, in place of an earlier attempt.

    `made`: `person_no`, `practice_code` and the columns of every model.
    """
    full = Release.objects.filter(delta_of=None, pk__lt=release_id)
    full = full.exclude(state=Release.State.FAILED).order_by("-pk")
    oldest = full.values_list("pk", flat=True)[RELEASES_KEPT - 1 : RELEASES_KEPT]
    gone = ",".join(map(str, [release_id, *past_deltas(release_id)]))
    whose = "" if shard == UNIT else f" USING person_p{shard:02d} p"
    which = "true" if shard == UNIT else "r.person_no = p.person_no"
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
    with bulk.connect("default") as target:
        bulk.copy(target, rows, "risks", temporary=True)
        bulk.execute(
            target,
            f"DELETE FROM person_risk r{whose} WHERE {which} AND (r.release_id IN"
            f" ({gone}) OR r.release_id <= {next(iter(oldest), 0)})",
            "INSERT INTO person_risk (release_id, name, person_no, practice_code,"
            " value, band, reasons) SELECT release_id, name, person_no,"
            " practice_code, value, band, reasons::jsonb FROM pg_temp.risks",
            "DROP TABLE pg_temp.risks",  # it would outlive a session that is killed
        )
        target.commit()
