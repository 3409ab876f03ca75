"""Type 1 opt-outs as practices code them: a statement a row, its latest version."""

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from linkage import bulk

if TYPE_CHECKING:
    from adbc_driver_postgresql import dbapi

OLDER = "coalesce(t.recorded_on, '-infinity') < s.recorded_on"


def keep(
    connection: "dbapi.Connection",
    statements: pl.DataFrame,
    run_id: int,
    told_on: date,
) -> None:
    """Keep coded opt-outs and withdrawals; of a row that came before, the newer.

    statements: record_key, subject_key, on_date, opted_out, recorded_on; where that is
    null the day that the file speaks of (told_on) stands for it.
    """
    bulk.copy(connection, _dated(statements, told_on), "said", temporary=True)
    columns = ["record_key", "subject_key", "on_date", "opted_out", "recorded_on"]
    told = ", ".join(f"{c} = excluded.{c}" for c in (*columns[1:], "run_id"))
    bulk.execute(
        connection,
        f"INSERT INTO type1_statement AS t ({', '.join(columns)}, run_id)"
        f" SELECT {', '.join(columns)}, {int(run_id)} FROM pg_temp.said"
        f" ON CONFLICT (record_key) DO UPDATE SET {told}"
        f" WHERE {OLDER.replace('s.', 'excluded.')}",
        "INSERT INTO pending_person SELECT DISTINCT l.person_no FROM pg_temp.said t"
        " JOIN link l ON l.subject_key = t.subject_key AND l.to_version IS NULL"
        " ON CONFLICT DO NOTHING",
    )


def take_back(
    connection: "dbapi.Connection", rows: pl.DataFrame, told_on: date
) -> None:
    """Forget the statements of rows (record_key, recorded_on) that say something else
    in a newer version."""
    known = bulk.fetch(connection, "SELECT record_key FROM type1_statement")
    met = rows.join(known.cast({"record_key": pl.Int64}), on="record_key", how="semi")
    if met.is_empty():
        return
    bulk.copy(connection, _dated(met, told_on), "unsaid", temporary=True)
    bulk.execute(
        connection,
        "WITH gone AS (DELETE FROM type1_statement t USING pg_temp.unsaid s"
        f" WHERE t.record_key = s.record_key AND {OLDER} RETURNING t.subject_key)"
        " INSERT INTO pending_person SELECT DISTINCT l.person_no FROM gone"
        " JOIN link l USING (subject_key) WHERE l.to_version IS NULL"
        " ON CONFLICT DO NOTHING",
    )


def _dated(rows: pl.DataFrame, told_on: date) -> pl.DataFrame:
    return rows.with_columns(pl.col("recorded_on").cast(pl.Date).fill_null(told_on))
