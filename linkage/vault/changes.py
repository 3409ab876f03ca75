"""Changes of the person index: merge, split, and what moves with a relinking.

A change closes links and opens others in one new version, and writes what was decided
as events; nothing is overwritten, so any earlier version can be asked for. What the
store has to move is left in `pending_move` for `linkage.moves`.
"""

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.vault import identities, index
from linkage.vault.judged import CLERICAL

MOVE = {"subject_key": pl.Int64, "from_no": pl.Int32, "to_no": pl.Int32}


class RefusedChangeError(ValueError):
    """A change of the index that is not made; says why."""


def merge(
    connection: dbapi.Connection,
    one: int,
    other: int,
    *,
    by: str,
    rule: str = CLERICAL,
    by_two: bool = False,
    run_id: int | None = None,
) -> int:
    """Make two people one; returns the new version.

    The person with an NHS number keeps theirs, else the lower number. Two people with
    different valid NHS numbers are joined only where two reviewers say so (`by_two`).
    run_id: the run whose records have shown it, if one has.
    """
    if one == other:
        raise RefusedChangeError("these records are one person already")
    records = _current(connection, [one, other])
    numbers = valid_numbers(connection, [one, other])
    if not {one, other} <= set(records["person_no"]):
        raise RefusedChangeError("one of the two is nobody in the index now")
    if not by_two and two_numbers(numbers, one, other):
        raise RefusedChangeError(
            "both have a valid NHS number: two reviewers must agree"
        )
    kept, gone = sorted((one, other), key=lambda n: (not numbers.get(n), n))
    moves = records.filter(person_no=gone).select(
        "subject_key", from_no="person_no", to_no=pl.lit(kept, dtype=pl.Int32)
    )
    version = apply(connection, moves, kind="merge", rule=rule, by=by, run_id=run_id)
    schema = {"from_no": pl.Int32, "to_no": pl.Int32}
    one_way = pl.DataFrame({"from_no": [gone], "to_no": [kept]}, schema=schema)
    redirect(connection, one_way, version)
    return version


def redirect(connection: dbapi.Connection, people: pl.DataFrame, version: int) -> None:
    """Note whom people (from_no, to_no) who have become others are to be asked for as.

    The version's own merge events say by whom and why.
    """
    bulk.copy(connection, people, "redirected", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO redirect (from_no, to_no, since_version)"
        f" SELECT from_no, to_no, {int(version)} FROM pg_temp.redirected",
        "INSERT INTO index_event (version, kind, person_no, other_person_no, rule,"
        " decided_by) SELECT DISTINCT e.version, 'redirect', r.from_no, r.to_no,"
        " e.rule, e.decided_by FROM pg_temp.redirected r JOIN index_event e"
        f" ON e.version = {int(version)} AND e.other_person_no = r.from_no"
        " AND e.kind = 'merge'",
    )


def split(
    connection: dbapi.Connection,
    subjects: pl.Series,
    *,
    by: str,
    rule: str = CLERICAL,
) -> int:
    """Part records from their person; returns the new version.

    Records that a merge brought go back to the person they were, who is the same
    person with the same number again; others become a new person.
    """
    bulk.copy(
        connection, subjects.alias("subject_key").to_frame(), "parted", temporary=True
    )
    now = bulk.fetch(
        connection,
        "SELECT p.subject_key, l.person_no FROM pg_temp.parted p JOIN link l"
        " ON l.subject_key = p.subject_key AND l.to_version IS NULL",
    ).cast({"subject_key": pl.Int64, "person_no": pl.Int32})
    people = now["person_no"].unique().to_list()
    if now.height < subjects.n_unique() or len(people) != 1:
        raise RefusedChangeError("the records to part must be of one person")
    whole = _current(connection, people)
    if whole.height == now.height:
        raise RefusedChangeError("nothing would be left of the person")
    restored = _was_before(connection, now["subject_key"], people[0])
    to_no = restored or index.next_person_no(connection)
    moves = now.select(
        "subject_key", from_no="person_no", to_no=pl.lit(to_no, dtype=pl.Int32)
    )
    version = apply(
        connection,
        moves,
        kind="split",
        rule=rule,
        by=by,
        created=[] if restored else [to_no],
    )
    if restored:
        bulk.execute(
            connection,
            f"UPDATE redirect SET until_version = {version}"
            f" WHERE from_no = {to_no} AND until_version IS NULL",
        )
    return version


def undo_merge(connection: dbapi.Connection, version: int, *, by: str) -> int:
    """Take a merge back: its records return to the person they were."""
    moved = bulk.fetch(
        connection,
        "SELECT e.subject_key FROM index_event e JOIN link l"
        " ON l.subject_key = e.subject_key AND l.to_version IS NULL"
        " AND l.person_no = e.person_no"
        f" WHERE e.version = {version} AND e.kind = 'merge'",
    )["subject_key"].cast(pl.Int64)
    if moved.is_empty():
        raise RefusedChangeError(f"version {version} merged nobody who is still so")
    return split(connection, moved, by=by)


def apply(
    connection: dbapi.Connection,
    moves: pl.DataFrame,
    *,
    kind: str,
    rule: str,
    by: str,
    created: list[int] | None = None,
    run_id: int | None = None,
) -> int:
    """Give records (MOVE) to other people as one new version; returns it."""
    version = index.next_version(connection, run_id, by)
    index.make_people(
        connection, pl.Series("person_no", created or [], dtype=pl.Int32), version
    )
    moved = moves.select(list(MOVE)).cast(MOVE)
    bulk.copy(
        connection,
        moved.with_columns(
            version=pl.lit(version, dtype=pl.Int32),
            rule=pl.lit(rule),
            kind=pl.lit(kind),
            decided_by=pl.lit(by),
        ),
        "moved",
        temporary=True,
    )
    bulk.execute(
        connection,
        "UPDATE link l SET to_version = m.version FROM pg_temp.moved m"
        " WHERE l.subject_key = m.subject_key AND l.to_version IS NULL",
        "INSERT INTO link (subject_key, person_no, from_version, rule, decided_by)"
        " SELECT subject_key, to_no, version, rule, decided_by FROM pg_temp.moved",
        "INSERT INTO index_event (version, kind, subject_key, person_no,"
        " other_person_no, rule, decided_by) SELECT version, kind, subject_key, to_no,"
        " from_no, rule, decided_by FROM pg_temp.moved",
        "INSERT INTO pending_move (version, subject_key, from_no, to_no, kind)"
        " SELECT version, subject_key, from_no, to_no, kind FROM pg_temp.moved",
    )
    people = pl.concat([moved["from_no"], moved["to_no"].alias("from_no")]).unique()
    identities.rebuild_people(connection, people)
    index.mark_pending(connection, people)
    return version


def valid_numbers(
    connection: dbapi.Connection, people: list[int]
) -> dict[int, set[bytes]]:
    """The NHS numbers held to be each person's, sealed: equal where they are equal."""
    some = ", ".join(str(int(n)) for n in people)
    found = bulk.fetch(
        connection,
        "SELECT DISTINCT l.person_no, s.number FROM link l JOIN source_record s"
        f" USING (subject_key) WHERE l.person_no IN ({some}) AND l.to_version IS NULL"
        " AND s.number_agreed AND s.number IS NOT NULL",
    )
    numbers: dict[int, set[bytes]] = {}
    for person_no, number in found.iter_rows():
        numbers.setdefault(person_no, set()).add(number)
    return numbers


def two_numbers(numbers: dict[int, set[bytes]], one: int, other: int) -> bool:
    """Whether two people have valid NHS numbers and share none."""
    ours, theirs = numbers.get(one), numbers.get(other)
    return bool(ours and theirs and ours.isdisjoint(theirs))


def version_on(connection: dbapi.Connection, day: str) -> int:
    """The version that the index had at the end of a day (ISO date); 0 before any."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(version), 0) AS n FROM index_version"
            " WHERE made_at < $1::text::date + 1",
            (day,),
        )
        return int(cursor.fetch_arrow_table()["n"][0].as_py())


def links_as_of(connection: dbapi.Connection, version: int) -> pl.DataFrame:
    """Whose each record was in a version: subject_key, person_no, rule."""
    return bulk.fetch(
        connection,
        "SELECT subject_key, person_no, rule FROM link"
        f" WHERE from_version <= {int(version)}"
        f" AND (to_version IS NULL OR to_version > {int(version)})",
    ).cast({"subject_key": pl.Int64, "person_no": pl.Int32})


def parted_at(connection: dbapi.Connection, version: int) -> pl.DataFrame:
    """Of each pair of people that a version parted, a record of each: one, other."""
    return bulk.fetch(
        connection,
        "SELECT min(e.subject_key) AS one, (SELECT l.subject_key FROM link l"
        " WHERE l.person_no = e.other_person_no AND l.to_version IS NULL"
        " ORDER BY l.subject_key LIMIT 1) AS other FROM index_event e"
        f" WHERE e.version = {int(version)} AND e.kind = 'split'"
        " GROUP BY e.other_person_no, e.person_no",
    )


def now_known_as(connection: dbapi.Connection, person_no: int) -> int:
    """Whom a person number means today, through every redirect."""
    redirects = dict(
        bulk.fetch(
            connection,
            "SELECT from_no, to_no FROM redirect WHERE until_version IS NULL",
        ).iter_rows()
    )
    while person_no in redirects:
        person_no = redirects[person_no]
    return person_no


def _current(connection: dbapi.Connection, people: list[int]) -> pl.DataFrame:
    some = ", ".join(str(int(n)) for n in people)
    return bulk.fetch(
        connection,
        "SELECT subject_key, person_no FROM link"
        f" WHERE person_no IN ({some}) AND to_version IS NULL",
    ).cast({"subject_key": pl.Int64, "person_no": pl.Int32})


def _was_before(
    connection: dbapi.Connection, subjects: pl.Series, person_no: int
) -> int | None:
    """Whom these records were before they were merged into a person, if one person."""
    bulk.copy(
        connection, subjects.alias("subject_key").to_frame(), "parted", temporary=True
    )
    before = bulk.fetch(
        connection,
        "SELECT DISTINCT r.from_no FROM pg_temp.parted p JOIN redirect r"
        f" ON r.to_no = {person_no} AND r.until_version IS NULL"
        " JOIN link l ON l.subject_key = p.subject_key AND l.person_no = r.from_no"
        " AND l.to_version = r.since_version",
    )["from_no"]
    return int(before[0]) if before.len() == 1 else None
