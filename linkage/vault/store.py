"""The vault's rows as frames: identities, registrations, opt-outs, crosswalk, areas."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.assertions import Asked, RevealRequest
from linkage.definitions import FEEDS, best_known
from linkage.steps import best_known as step
from linkage.vault import sealing
from linkage.vault.identities import PERSON_SEALED, SOURCE_SEALED, search_version
from linkage.vault.models import CurrentRegistration, RevealEvent


@dataclass(frozen=True)
class Identity:
    """Who a person is and whether they may be named: best known, as of now."""

    person_no: int
    nhs_number: str | None
    surname: str | None
    forename: str | None
    born_on: date | None
    line1: str | None
    postcode: str | None
    died_on: date | None
    practice_code: str | None
    type1_opt_out: bool
    national_opt_out: bool


def identities(person_nos: Iterable[int]) -> list[Identity]:
    """Look a few people up. Those the vault does not know are left out."""
    asked = [int(n) for n in person_nos]
    if not asked:
        return []
    practices = dict(
        CurrentRegistration.objects.filter(person_no__in=asked).values_list(
            "person_no", "practice_code"
        )
    )
    with bulk.connect("vault") as connection:
        people = open_people(connection, asked)
    return [
        Identity(
            person_no=p["person_no"],
            nhs_number=p["nhs_number"],
            surname=p["surname"],
            forename=p["forename"],
            born_on=p["born_on"],
            line1=p["line1"],
            postcode=p["postcode"],
            died_on=p["died_on"],
            practice_code=practices.get(p["person_no"]),
            type1_opt_out=p["type1_opt_out_on"] is not None,
            national_opt_out=p["national_opt_out"],
        )
        for p in people.iter_rows(named=True)
    ]


def open_people(connection: dbapi.Connection, people: Iterable[int]) -> pl.DataFrame:
    """The best-known identity of people, opened: a row each, those unknown left out."""
    some = ", ".join(str(int(n)) for n in people)
    found = bulk.fetch(
        connection,
        "SELECT person_no, number, sealed, sex, died_on, type1_opt_out_on,"
        f" national_opt_out FROM person_identity WHERE person_no IN ({some})",
    )
    opened = sealing.unseal(
        found, PERSON_SEALED, table="person_identity", row="person_no"
    )
    numbers = sealing.unseal_numbers(opened["number"], search_version(connection))
    return opened.drop("number").with_columns(numbers.alias("nhs_number"))


def audit_asked(
    asked: Asked, *, about: Iterable[int] = (), outcome: str, reason: str = ""
) -> None:
    """Write down who asked for what else, and about whom, before the answer."""
    RevealEvent.objects.create(
        viewer_id=asked.viewer_id,
        role=asked.role,
        purpose=asked.purpose,
        org_code=asked.org_code,
        programme=asked.what,
        reason=reason,
        outcome=outcome,
        revealed=list(about),
        refused={},
    )


def audit_reveal(
    request: RevealRequest | None,
    *,
    revealed: Iterable[int],
    refused: Mapping[int, str],
    outcome: str,
) -> None:
    """Write down who asked to name whom and what was answered, before the answer."""
    RevealEvent.objects.create(
        viewer_id=request.viewer_id if request else None,
        role=request.role if request else "",
        purpose=request.purpose if request else "",
        org_code=request.org_code if request else "",
        programme=request.programme if request else "",
        reason=request.reason if request else "",
        outcome=outcome,
        revealed=list(revealed),
        refused={str(person): why for person, why in refused.items()},
    )


def replace_postcodes(frame: pl.DataFrame) -> None:
    """Take a whole new table of postcodes (postcode, lsoa_code)."""
    with bulk.connect("vault") as connection:
        bulk.execute(connection, "DELETE FROM postcode_area")
        bulk.copy(connection, frame.select("postcode", "lsoa_code"), "postcode_area")
        connection.commit()


def postcode_areas(connection: dbapi.Connection) -> pl.DataFrame:
    """postcode, lsoa_code."""
    return bulk.fetch(connection, "SELECT postcode, lsoa_code FROM postcode_area")


def keep_rejected(
    connection: dbapi.Connection, run_id: int, rows: pl.DataFrame
) -> None:
    """Keep rejected rows (row_number, fate, payload) for a replay."""
    kept = rows.with_columns(run_id=pl.lit(run_id, dtype=pl.Int32))
    bulk.copy(connection, kept, "quarantine")


def forget_rejected(
    connection: dbapi.Connection, run_id: int, row_numbers: list[int] | None = None
) -> None:
    """Drop what is kept of a run's rejected rows: all, or those of these numbers."""
    if row_numbers is None:
        bulk.execute(connection, f"DELETE FROM quarantine WHERE run_id = {run_id}")
        return
    numbers = pl.DataFrame({"row_number": row_numbers}, schema={"row_number": pl.Int64})
    bulk.copy(connection, numbers, "taken", temporary=True)
    bulk.execute(
        connection,
        "DELETE FROM quarantine q USING pg_temp.taken t"
        f" WHERE q.run_id = {run_id} AND q.row_number = t.row_number",
    )


def forget_run(connection: dbapi.Connection, run_id: int) -> None:
    """Drop what a run that is not taken in has said of people it refers to."""
    forget_rejected(connection, run_id)
    bulk.execute(
        connection,
        "INSERT INTO pending_person SELECT DISTINCT l.person_no FROM type1_statement t"
        " JOIN link l ON l.subject_key = t.subject_key AND l.to_version IS NULL"
        f" WHERE t.run_id = {run_id} ON CONFLICT DO NOTHING",
        f"DELETE FROM type1_statement WHERE run_id = {run_id}",
    )


def rejected(connection: dbapi.Connection, run_id: int) -> pl.DataFrame:
    """row_number and payload of the rows that a run did not load."""
    kept = f"FROM quarantine WHERE run_id = {run_id} ORDER BY row_number"
    return bulk.fetch(connection, f"SELECT row_number, payload {kept}")


def keep_registrations(
    connection: dbapi.Connection, facts: pl.DataFrame, run_id: int, told_on: date
) -> None:
    """Keep the vault's own copy of registrations; the file of the latest day counts."""
    columns = ["record_key", "subject_key", "practice_code", "start_on", "end_on"]
    bulk.copy(connection, facts.select(*columns, "feed_no"), "stated", temporary=True)
    bulk.execute(
        connection,
        f"INSERT INTO registration ({', '.join(columns)}, feed_no, run_id, told_on)"
        f" SELECT {', '.join(columns)}, feed_no, {run_id}, '{told_on}'"
        " FROM pg_temp.stated"
        " ON CONFLICT (record_key) DO UPDATE SET subject_key = excluded.subject_key,"
        " end_on = excluded.end_on, run_id = excluded.run_id,"
        " told_on = excluded.told_on"
        " WHERE coalesce(registration.told_on, '-infinity') <= excluded.told_on",
        "INSERT INTO pending_person SELECT DISTINCT l.person_no FROM pg_temp.stated t"
        " JOIN link l ON l.subject_key = t.subject_key AND l.to_version IS NULL"
        " ON CONFLICT DO NOTHING",
    )


def replace_national_opt_outs(
    connection: dbapi.Connection, numbers: pl.Series, run_id: int
) -> None:
    """Take the newest list whole, and mark whoever it changes as pending."""
    sealed = sealing.seal_numbers(numbers.unique(), search_version(connection))
    listed = sealed.alias("number").to_frame()
    bulk.execute(connection, "DELETE FROM national_opt_out")
    bulk.copy(
        connection,
        listed.with_columns(run_id=pl.lit(run_id, dtype=pl.Int32)),
        "national_opt_out",
    )
    mark_changed_opt_outs(connection)


def mark_changed_opt_outs(connection: dbapi.Connection) -> None:
    """Mark whoever a new list of national opt-outs changes as pending."""
    bulk.execute(
        connection,
        "INSERT INTO pending_person SELECT p.person_no FROM person_identity p"
        " LEFT JOIN national_opt_out o USING (number)"
        " WHERE p.national_opt_out <> (o.number IS NOT NULL)"
        " ON CONFLICT DO NOTHING",
    )


def keep_crosswalk(
    connection: dbapi.Connection, rows: pl.DataFrame, run_id: int
) -> None:
    """Keep whose each token is (namespace, token, nhs_number)."""
    numbers = sealing.seal_numbers(rows["nhs_number"], search_version(connection))
    walked = rows.select("namespace", "token").with_columns(numbers.alias("number"))
    bulk.copy(connection, walked, "walked", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO crosswalk (namespace, token, number, run_id)"
        f" SELECT namespace, token, number, {run_id} FROM pg_temp.walked"
        " ON CONFLICT (namespace, token) DO UPDATE"
        " SET number = excluded.number, run_id = excluded.run_id",
    )


def crosswalk(connection: dbapi.Connection, namespace: str) -> pl.DataFrame:
    """token, nhs_number of one namespace."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT token, number FROM crosswalk WHERE namespace = $1", (namespace,)
        )
        frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    numbers = sealing.unseal_numbers(frame["number"], search_version(connection))
    return frame.select("token").with_columns(numbers.alias("nhs_number"))


def pending_moves(connection: dbapi.Connection) -> pl.DataFrame:
    """Records that changed person and whose facts the store has yet to move."""
    return bulk.fetch(
        connection,
        "SELECT version, subject_key, from_no, to_no, kind FROM pending_move",
    )


def settle(connection: dbapi.Connection) -> tuple[pl.DataFrame, pl.Series]:
    """Work out the best-known attributes of everyone pending, and keep the vault's own.

    Returns one row per person for the store (no identifier, birth as a month), and the
    people to whom no record belongs any more. All stay pending until `settled`.
    """
    spec = best_known()
    clear = [name for name in spec.attributes if name not in SOURCE_SEALED]
    statements = bulk.fetch(
        connection,
        "SELECT l.person_no, s.feed_no, s.seen_on, s.subject_key, s.number,"
        f" s.number_agreed, s.sealed, {', '.join('s.' + a for a in clear)}"
        " FROM pending_person JOIN link l USING (person_no)"
        " JOIN source_record s ON s.subject_key = l.subject_key"
        " WHERE l.to_version IS NULL AND NOT s.withdrawn",
    )
    statements = sealing.unseal(
        statements, SOURCE_SEALED, table="source_record", row="subject_key"
    )
    gone = bulk.fetch(
        connection,
        "SELECT person_no FROM pending_person p WHERE NOT EXISTS (SELECT FROM link l"
        " JOIN source_record s ON s.subject_key = l.subject_key AND NOT s.withdrawn"
        " WHERE l.person_no = p.person_no AND l.to_version IS NULL)",
    )["person_no"].cast(pl.Int32)
    feeds = {feed.number: name for name, feed in FEEDS.items()}
    statements = statements.with_columns(
        feed=pl.col("feed_no").replace_strict(
            feeds, default=None, return_dtype=pl.String
        )
    )
    people = step.best_known(statements, spec)
    numbers = (
        statements.filter("number_agreed")
        .sort("seen_on", "subject_key", nulls_last=False)
        .unique("person_no", keep="last", maintain_order=True)
        .select("person_no", "number")
    )
    people = people.join(numbers, on="person_no", how="left")
    people = people.join(_opt_outs(connection), on="person_no", how="left")
    people = people.join(_registrations(connection), on="person_no", how="left")
    people = people.join(
        bulk.fetch(connection, "SELECT postcode, lsoa_code FROM postcode_area"),
        on="postcode",
        how="left",
    ).with_columns(pl.col("national_opt_out").fill_null(False))
    people = people.with_columns(
        pl.when(pl.col("died_on").is_null())
        .then("practice_code")
        .alias("practice_code")
    )
    _keep_people(connection, people)
    told = people.select(
        "person_no",
        "sex",
        pl.col("born_on").dt.month_start().alias("birth_month"),
        "ethnicity",
        "ethnicity_source",
        "died_on",
        "practice_code",
        "lsoa_code",
        "in_care_home",
        "needs_interpreter",
        "language",
        "type1_opt_out_on",
        "national_opt_out",
    )
    return told, gone


def _opt_outs(connection: dbapi.Connection) -> pl.DataFrame:
    """Type 1: the latest coded statement stands. National: on the newest list.

    Sets, not one question per person: asked that way while the tables had just grown,
    Postgres searched every statement for each of 24,000 people, for three minutes.
    """
    whose = "JOIN link l ON l.person_no = p.person_no AND l.to_version IS NULL"
    return bulk.fetch(
        connection,
        "WITH said AS (SELECT DISTINCT ON (p.person_no) p.person_no,"
        " CASE WHEN t.opted_out THEN t.on_date END AS type1_opt_out_on"
        f" FROM pending_person p {whose}"
        " JOIN type1_statement t ON t.subject_key = l.subject_key"
        " ORDER BY p.person_no, t.on_date DESC, t.opted_out),"
        f" listed AS (SELECT DISTINCT p.person_no FROM pending_person p {whose}"
        " JOIN source_record s ON s.subject_key = l.subject_key AND s.number_agreed"
        " AND NOT s.withdrawn JOIN national_opt_out o ON o.number = s.number)"
        " SELECT p.person_no, said.type1_opt_out_on,"
        " listed.person_no IS NOT NULL AS national_opt_out FROM pending_person p"
        " LEFT JOIN said USING (person_no) LEFT JOIN listed USING (person_no)",
    ).cast({"type1_opt_out_on": pl.Date})


def _registrations(connection: dbapi.Connection) -> pl.DataFrame:
    """The open registration of each pending person that began last.

    The registered list is believed before other feeds (the lower feed number).
    """
    return bulk.fetch(
        connection,
        "SELECT DISTINCT ON (p.person_no) p.person_no, r.practice_code,"
        " r.start_on AS registered_on FROM pending_person p JOIN link l"
        " ON l.person_no = p.person_no AND l.to_version IS NULL"
        " JOIN registration r ON r.subject_key = l.subject_key"
        " WHERE r.end_on IS NULL"
        " ORDER BY p.person_no, r.feed_no, r.start_on DESC, r.record_key",
    )


def _keep_people(connection: dbapi.Connection, people: pl.DataFrame) -> None:
    kept = people.select(
        "person_no",
        "number",
        "sex",
        "died_on",
        "type1_opt_out_on",
        "national_opt_out",
        sealing.seal(
            people, list(PERSON_SEALED), table="person_identity", row="person_no"
        ),
    )
    registered = people.drop_nulls("practice_code").select(
        "person_no", "practice_code", start_on="registered_on"
    )
    gone = "WHERE person_no IN (SELECT person_no FROM pending_person)"
    bulk.execute(
        connection,
        f"DELETE FROM person_identity {gone}",
        f"DELETE FROM current_registration {gone}",
    )
    bulk.copy(connection, kept, "person_identity")
    bulk.copy(connection, registered, "current_registration")


def settled(connection: dbapi.Connection) -> None:
    """The store has been told about everyone and everything that was pending."""
    bulk.execute(connection, "DELETE FROM pending_person", "DELETE FROM pending_move")
