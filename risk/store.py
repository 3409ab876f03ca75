"""Risk's frames to and from Postgres, whole shards at a time."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from linkage import bulk
from linkage.models import Release
from linkage.release.publish import past_deltas
from linkage.release.touched import UNIT
from risk.specs import ModelSpec

# Trajectories look back so many full releases.
RELEASES_KEPT = 24
ADD_RISKS = (
    "INSERT INTO person_risk (release_id, name, person_no, practice_code, value, band,"
    " reasons) SELECT release_id, name, person_no, practice_code, value, band,"
    " reasons::jsonb FROM pg_temp.risks ON CONFLICT DO NOTHING"
)
# It would outlive a session that is killed.
DROP_RISKS = "DROP TABLE pg_temp.risks"


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
    rows = _rows_of_risks(release_id, made, models)
    with bulk.connect("default") as target:
        bulk.copy(target, rows, "risks", temporary=True)
        bulk.execute(
            target,
            f"DELETE FROM person_risk r{whose} WHERE {which} AND (r.release_id IN"
            f" ({gone}) OR r.release_id <= {next(iter(oldest), 0)})",
            ADD_RISKS,
            DROP_RISKS,
        )
        target.commit()


def add_person_risks(
    release_id: int, made: pl.DataFrame, models: Mapping[str, ModelSpec]
) -> int:
    """Keep what is explained of more people of a release; what is kept stays.

    `made` as for `replace_person_risks`. Returns how many rows it gave.
    """
    rows = _rows_of_risks(release_id, made, models)
    with bulk.connect("default") as target:
        bulk.copy(target, rows, "risks", temporary=True)
        bulk.execute(target, ADD_RISKS, DROP_RISKS)
        target.commit()
    return rows.height


def _rows_of_risks(
    release_id: int, made: pl.DataFrame, models: Mapping[str, ModelSpec]
) -> pl.DataFrame:
    return pl.concat(
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


def write_foretold(as_of: date, people: pl.DataFrame) -> None:
    """Keep what was foretold on a day, in place of what an earlier attempt left.

    `people`: `person_no`, `told` (list of Float32), `traits` (list of String).
    """
    with bulk.connect("default") as target:
        rows = people.select(
            "person_no",
            pl.col("told").cast(pl.List(pl.Float32)),
            pl.col("traits").cast(pl.List(pl.String)),
        )
        bulk.copy(target, rows, "telling", temporary=True)
        bulk.execute(
            target,
            f"DELETE FROM foretold WHERE as_of = '{as_of:%Y-%m-%d}'",
            "INSERT INTO foretold (as_of, person_no, told, traits)"
            f" SELECT '{as_of:%Y-%m-%d}', person_no, told, traits"
            " FROM pg_temp.telling ORDER BY person_no",
            "DROP TABLE pg_temp.telling",  # it would outlive a session that is killed
        )
        target.commit()


def forget_foretold(before: date) -> None:
    """Delete what was foretold before a day."""
    with bulk.connect("default") as target:
        day = f"'{before:%Y-%m-%d}'"
        bulk.execute(
            target,
            f"DELETE FROM foretold WHERE as_of < {day}",
            f"DELETE FROM foretold_at WHERE as_of < {day}",
        )
        target.commit()


def read_foretold(
    shard: int, as_of: date, told: Sequence[str], traits: Sequence[str]
) -> pl.DataFrame:
    """Return what was foretold on a day of the people who are still in a shard.

    Columns: `person_no`, one of each name in `told` (Float64) and in `traits` (String).
    Whose number was given up in a merge is not there: what came stands under another.
    """
    columns = [f'f.told[{n}]::float8 AS "{name}"' for n, name in enumerate(told, 1)]
    columns += [f'f.traits[{n}] AS "{name}"' for n, name in enumerate(traits, 1)]
    with bulk.connect("default") as source:
        return bulk.fetch(
            source,
            f"SELECT f.person_no, {', '.join(columns)} FROM foretold f"
            f" JOIN person_p{shard:02d} p ON p.person_no = f.person_no"
            f" WHERE f.as_of = '{as_of:%Y-%m-%d}'",
        )
