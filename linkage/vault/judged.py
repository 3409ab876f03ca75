"""What people have decided about records, which outranks every rule.

A judgement is about two records. It holds for what the same source says later under
the same id: a new address makes a new record, and not a new question.
"""

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.steps.link import Linked

# The rules of links that a person made: by review, and what follows one.
CLERICAL = "clerical"
FOLLOWS = "clerical_local_identifier"
PAIR = {"subject_key": pl.Int64, "person_no": pl.Int32}
APART = {"person_no": pl.Int32, "other_person_no": pl.Int32}


def by_hand(connection: dbapi.Connection, records: pl.DataFrame) -> pl.DataFrame:
    """What people have placed under the local ids of records: local_key, person_no."""
    known = records.drop_nulls("local_person_no")
    bulk.ask(connection, known.select("local_key").unique(), "asked_placed")
    return bulk.fetch(
        connection,
        # By hand there are few, behind an index of their own: begin with them.
        "WITH by_hand AS MATERIALIZED (SELECT subject_key, person_no FROM link"
        f" WHERE to_version IS NULL AND rule IN ('{CLERICAL}', '{FOLLOWS}'))"
        " SELECT DISTINCT s.local_key, h.person_no FROM by_hand h"
        " JOIN source_record s USING (subject_key)"
        " JOIN pg_temp.asked_placed USING (local_key)",
    ).cast({"local_key": pl.Int64, "person_no": pl.Int32})


def placed(
    records: pl.DataFrame, identities: pl.DataFrame, by_hand: pl.DataFrame
) -> pl.DataFrame:
    """Records under an id that a person has placed, and where: subject_key, person_no.

    A record that brings a valid NHS number other than the person's is not placed: that
    is a new question. by_hand: local_key, person_no.
    """
    keyed = records.drop_nulls("local_person_no").select(
        "subject_key", "local_key", "nhs_number", person_no="local_person_no"
    )
    own = (
        identities.drop_nulls("nhs_number")
        .group_by("person_no")
        .agg(own=pl.col("nhs_number").unique())
    )
    fits = pl.col("nhs_number").is_null() | pl.col("own").is_null()
    fits |= pl.col("own").list.contains(pl.col("nhs_number"))
    return (
        keyed.join(by_hand, on=["local_key", "person_no"])
        .join(own, on="person_no", how="left")
        .filter(fits)
        .with_columns(number_agreed=pl.col("nhs_number").is_not_null())
        .select("subject_key", "person_no", "number_agreed")
    )


def never(connection: dbapi.Connection, records: pl.DataFrame) -> pl.DataFrame:
    """Whom records must not be given to, by judgement: subject_key, person_no.

    records: subject_key, local_key. A judgement on another record under the same local
    id counts.
    """
    asked = records.select("subject_key", "local_key")
    bulk.ask(connection, asked, "asked_never")
    return bulk.fetch(
        connection,
        "WITH judged AS (SELECT subject_key AS one, other_subject_key AS other"
        " FROM review_pair WHERE state = 'not_link' UNION"
        " SELECT other_subject_key, subject_key FROM review_pair"
        " WHERE state = 'not_link')"
        " SELECT DISTINCT a.subject_key, l.person_no FROM judged j"
        " JOIN source_record s ON s.subject_key = j.one"
        " JOIN pg_temp.asked_never a ON a.subject_key = s.subject_key"
        "  OR a.local_key = s.local_key"
        " JOIN link l ON l.subject_key = j.other AND l.to_version IS NULL",
    ).cast(PAIR)


def apart(connection: dbapi.Connection) -> pl.DataFrame:
    """People whom somebody has judged to be two: person_no, other_person_no."""
    return bulk.fetch(
        connection,
        "SELECT DISTINCT a.person_no, b.person_no AS other_person_no FROM review_pair p"
        " JOIN link a ON a.subject_key = p.subject_key AND a.to_version IS NULL"
        " JOIN link b ON b.subject_key = p.other_subject_key AND b.to_version IS NULL"
        " WHERE p.state = 'not_link' AND a.person_no <> b.person_no",
    ).cast(APART)


def allowed(
    connection: dbapi.Connection,
    linked: Linked,
    placed: pl.DataFrame,
    records: pl.DataFrame,
) -> Linked:
    """Add what people have placed to what was decided, and take out what they forbade.

    A record that may go nowhere stays unlinked; its row is kept for a replay.
    """
    forbidden = never(connection, records)
    decisions = linked.decisions.join(
        forbidden, on=["subject_key", "person_no"], how="anti", maintain_order="left"
    )
    if "weight" not in decisions.columns:
        decisions = decisions.with_columns(weight=pl.lit(None, dtype=pl.Float64))
    by_hand = placed.with_columns(
        rule=pl.lit(FOLLOWS), weight=pl.lit(None, dtype=pl.Float64)
    ).select(decisions.columns)
    return linked._replace(decisions=pl.concat([decisions, by_hand]))
