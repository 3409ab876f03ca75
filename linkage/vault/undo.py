"""The vault's side of taking a run back: what it alone has said is withdrawn.

Who is who stays known. A record that nobody states any more keeps its place in the
index, with its links, so that its person is found again under the same number when it
is delivered anew; of the person it says nothing from now on.
"""

from collections.abc import Iterable

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.vault import changes, index

KEPT_BY_RUN = ("registration", "type1_statement", "crosswalk")


def subjects_of(connection: dbapi.Connection, runs: Iterable[int]) -> pl.DataFrame:
    """subject_key and person_no of the records that were first met in these runs."""
    some = ", ".join(str(int(run)) for run in runs)
    return bulk.fetch(
        connection,
        "SELECT s.subject_key, l.person_no FROM source_record s JOIN link l"
        " ON l.subject_key = s.subject_key AND l.to_version IS NULL"
        f" WHERE s.run_id IN ({some})",
    ).cast({"subject_key": pl.Int64, "person_no": pl.Int32})


def withdraw(
    connection: dbapi.Connection, runs: Iterable[int], spared: pl.Series
) -> None:
    """Take back what runs have said, but for records that others speak of (`spared`).

    Everybody whom it concerns is noted as changed. In the caller's transaction. A list
    of opt-outs stays until the one before has taken its place (`settle_index`): nobody
    counts as opted in meanwhile.
    """
    some = ", ".join(str(int(run)) for run in runs)
    bulk.copy(
        connection, spared.alias("subject_key").to_frame(), "spared", temporary=True
    )
    told = " UNION ".join(
        f"SELECT subject_key FROM {table} WHERE run_id IN ({some})"
        for table in ("source_record", "registration", "type1_statement")
    )
    bulk.execute(
        connection,
        "INSERT INTO pending_person SELECT DISTINCT l.person_no FROM link l"
        f" JOIN ({told}) t ON t.subject_key = l.subject_key"
        " WHERE l.to_version IS NULL ON CONFLICT DO NOTHING",
        "UPDATE source_record s SET withdrawn = true"
        f" WHERE s.run_id IN ({some}) AND NOT EXISTS (SELECT FROM pg_temp.spared x"
        " WHERE x.subject_key = s.subject_key)",
        *(f"DELETE FROM {table} WHERE run_id IN ({some})" for table in KEPT_BY_RUN),
    )


def settle_index(connection: dbapi.Connection, runs: Iterable[int], *, by: str) -> None:
    """Bring the index in line after the other runs were read again; the one writer.

    Merges that the runs brought about are undone where that is still possible, local
    ids mean the newest record that still stands, reviews of withdrawn records end. A
    list of opt-outs that none has replaced is taken away.
    """
    some = ", ".join(str(int(run)) for run in runs)
    merged = bulk.fetch(
        connection,
        "SELECT DISTINCT e.version FROM index_event e JOIN index_version v"
        f" USING (version) WHERE v.run_id IN ({some}) AND e.kind = 'merge'"
        " ORDER BY e.version DESC",
    )["version"]
    for version in merged:
        try:
            changes.undo_merge(connection, int(version), by=by)
        except changes.RefusedChangeError:
            continue  # somebody has parted or joined these records since
    gone = (
        f"SELECT subject_key FROM source_record WHERE withdrawn AND run_id IN ({some})"
    )
    bulk.execute(
        connection,
        "INSERT INTO pending_person SELECT p.person_no FROM person_identity p"
        " JOIN national_opt_out o USING (number)"
        f" WHERE o.run_id IN ({some}) ON CONFLICT DO NOTHING",
        f"DELETE FROM national_opt_out WHERE run_id IN ({some})",
        "UPDATE local_ref r SET subject_key = n.subject_key, seen_on = n.seen_on FROM"
        " (SELECT DISTINCT ON (s.local_key) s.local_key, s.subject_key, s.seen_on"
        "  FROM source_record s WHERE NOT s.withdrawn AND s.local_key IN"
        f"  (SELECT local_key FROM local_ref WHERE subject_key IN ({gone}))"
        "  ORDER BY s.local_key, s.seen_on DESC NULLS LAST, s.subject_key DESC) n"
        f" WHERE r.local_key = n.local_key AND r.subject_key IN ({gone})",
        "UPDATE review_pair SET state = 'withdrawn' WHERE state IN ('open', 'second')"
        f" AND (subject_key IN ({gone}) OR other_subject_key IN ({gone}))",
    )
    index.next_version(connection, None, by)
