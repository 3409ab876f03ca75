"""Identities between frames and the vault's tables: sealed on the way in, and found.

What the index holds of people is looked up by blind keys; only the identities of
candidates are opened, in this process.
"""

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.keys import row_keys
from linkage.specs import FeedSpec
from linkage.steps.blocks import blocks, number_blocks, unsettled
from linkage.steps.exact import exact_blocks
from linkage.steps.identify import SUBJECT_COLUMNS
from linkage.steps.link import IDENTITY_SCHEMA, for_comparison
from linkage.vault import sealing
from linkage.vault.keyring import keyring

SOURCE_SEALED = {
    "surname": pl.String,
    "forename": pl.String,
    "born_on": pl.Date,
    "postcode": pl.String,
    "line1": pl.String,
}
PERSON_SEALED = SOURCE_SEALED
KNOWN_SEALED = {n: d for n, d in IDENTITY_SCHEMA.items() if n != "person_no"}
CLEAR = tuple(n for n in SUBJECT_COLUMNS if n not in {*SOURCE_SEALED, "nhs_number"})
KNOWN_AS = ("subject_key", "local_person_no")
CURRENT = "link l ON l.subject_key = s.subject_key AND l.to_version IS NULL"


def search_version(connection: dbapi.Connection) -> int:
    """The key version that numbers and blind keys of the index are under."""
    told = bulk.fetch(connection, "SELECT version FROM search_key")["version"]
    return int(told[0]) if told.len() else keyring().oldest


def write_records(
    connection: dbapi.Connection, records: pl.DataFrame, version: int
) -> None:
    """Write source records (SUBJECT_COLUMNS, feed_no, number_agreed, run_id)."""
    sealed = sealing.seal(
        records, list(SOURCE_SEALED), table="source_record", row="subject_key"
    )
    number = sealing.seal_numbers(records["nhs_number"], version).alias("number")
    kept = records.select(*CLEAR, "feed_no", "number_agreed", "run_id")
    bulk.copy(connection, kept.with_columns(sealed, number), "source_record")


def read_records(connection: dbapi.Connection, where: str) -> pl.DataFrame:
    """Open source records with their current person: `where` is SQL on s and l.

    Returns SUBJECT_COLUMNS with feed_no, number_agreed, rule, person_no (null where
    no link is current).
    """
    clear = ", ".join(f"s.{name}" for name in CLEAR)
    found = bulk.fetch(
        connection,
        f"SELECT {clear}, s.feed_no, s.number_agreed, s.number, s.sealed,"
        f" l.rule, l.person_no FROM source_record s LEFT JOIN {CURRENT} WHERE {where}",
    )
    opened = sealing.unseal(
        found, SOURCE_SEALED, table="source_record", row="subject_key"
    )
    version = search_version(connection)
    plain = sealing.unseal_numbers(opened["number"], version)
    return opened.drop("number").with_columns(plain.alias("nhs_number"))


def births(connection: dbapi.Connection, subjects: pl.Series) -> pl.DataFrame:
    """What records state as the birth date: subject_key, subject_born_on."""
    asked = subjects.unique().alias("subject_key").to_frame()
    bulk.ask(connection, asked, "asked_births")
    sealed = bulk.fetch(
        connection,
        "SELECT s.subject_key, s.sealed FROM pg_temp.asked_births"
        " JOIN source_record s USING (subject_key)",
    ).cast({"subject_key": pl.Int64})
    opened = sealing.unseal(
        sealed, SOURCE_SEALED, table="source_record", row="subject_key"
    )
    return opened.select("subject_key", subject_born_on="born_on")


def candidates(
    connection: dbapi.Connection, records: pl.DataFrame, spec: FeedSpec, version: int
) -> pl.DataFrame:
    """Every identity of every person whom a record could mean, as IDENTITY_SCHEMA.

    records: a linkage step's, with local_person_no, who is always asked about. The NHS
    number is asked first; it settles nearly all, and only the rest opens the dozens who
    share a block with it.
    """
    numbered = for_comparison(records).with_row_index("row")
    local = pl.Series("person_no", [], dtype=pl.Int32)
    holders = _who_share(connection, number_blocks(numbered), local, version)
    if spec.tier == "token":
        return holders
    left = unsettled(numbered, holders)
    # Of a record that a number settles too: its source may have known the person
    # before the number came, as somebody else.
    local = numbered["local_person_no"].drop_nulls().unique().alias("person_no")
    local = local.filter(~local.is_in(holders["person_no"].implode()))
    others = _who_share(connection, blocks(left, spec.tier), local, version)
    return pl.concat([holders, others]).unique()


def exactly_known(
    connection: dbapi.Connection, records: pl.DataFrame, spec: FeedSpec, version: int
) -> pl.DataFrame:
    """The records that say only what is known of one person: subject_key, person_no.

    Nothing is opened for them. Whom a source's own identifier has meant so far must be
    that person, or nobody.
    """
    numbered = for_comparison(records).with_row_index("row")
    keyed = exact_blocks(numbered, spec.tier)
    blind = sealing.blind_blocks(keyed["block"], version).alias("block_key")
    bulk.ask(connection, blind.unique().to_frame(), "asked_exact")
    found = bulk.fetch(
        connection,
        "SELECT a.block_key, min(b.person_no) AS person_no FROM pg_temp.asked_exact a"
        " JOIN known_block b USING (block_key)"
        " GROUP BY a.block_key HAVING count(*) = 1",
    ).cast({"block_key": pl.Int64, "person_no": pl.Int32})
    mine = pl.col("local_person_no").is_null()
    mine |= pl.col("local_person_no") == pl.col("person_no")
    return (
        keyed.with_columns(blind)
        .join(found, on="block_key")
        .join(numbered.select(pl.col("row").cast(pl.Int64), *KNOWN_AS), on="row")
        .filter(mine)
        .select("subject_key", "person_no")
    )


def _who_share(
    connection: dbapi.Connection, asked: pl.DataFrame, local: pl.Series, version: int
) -> pl.DataFrame:
    """The identities of people who share a block (row, block) or stand in local."""
    keys = sealing.blind_blocks(asked["block"].unique(), version)
    bulk.ask(connection, keys.alias("block_key").to_frame(), "asked")
    bulk.ask(connection, local.to_frame(), "asked_local")
    found = bulk.fetch(
        connection,
        "WITH meant AS (SELECT b.person_no FROM pg_temp.asked a"
        " JOIN known_block b USING (block_key)"
        " UNION SELECT person_no FROM pg_temp.asked_local)"
        " SELECT k.person_no, k.identity_key, k.sealed"
        " FROM meant JOIN known_identity k USING (person_no)",
    )
    return open_identities(found)


def open_identities(found: pl.DataFrame) -> pl.DataFrame:
    """Open rows of known_identity (person_no, identity_key, sealed)."""
    opened = sealing.unseal(
        found, KNOWN_SEALED, table="known_identity", row="identity_key"
    )
    return opened.select(list(IDENTITY_SCHEMA)).cast(IDENTITY_SCHEMA)


def write_identities(
    connection: dbapi.Connection,
    linked: pl.DataFrame,
    version: int,
    exact: pl.Series | None = None,
) -> None:
    """Make linked records searchable: subjects with person_no and number_agreed.

    exact: the subject_key of those that were `exactly_known`. All that they could be
    found under leads to their person already, and most of the work is saved.
    """
    known = pl.Series([], dtype=pl.Int64) if exact is None else exact
    told = (
        for_comparison(linked)
        .with_columns(
            pl.when("number_agreed").then("nhs_number").alias("nhs_number"),
            found=pl.col("subject_key").is_in(known.implode()),
        )
        .group_by(list(IDENTITY_SCHEMA))
        .agg(pl.col("found").all())
    )
    keys = row_keys(told, list(IDENTITY_SCHEMA), "known identity")
    told = told.with_columns(sealing.blind_records(keys).alias("identity_key"))
    bulk.ask(connection, told.select("person_no", "identity_key"), "told_keys")
    known = bulk.fetch(
        connection,
        "SELECT k.person_no, k.identity_key FROM pg_temp.told_keys"
        " JOIN known_identity k USING (person_no, identity_key)",
    ).cast({"person_no": pl.Int32, "identity_key": pl.Int64})
    fresh = told.join(known, on=["person_no", "identity_key"], how="anti")
    if fresh.is_empty():
        return
    sealed = sealing.seal(
        fresh, list(KNOWN_SEALED), table="known_identity", row="identity_key"
    )
    bulk.copy(
        connection,
        fresh.select("person_no", "identity_key").with_columns(sealed),
        "known_identity",
    )
    _write_blocks(connection, fresh.filter(~pl.col("found")), version)


def _write_blocks(
    connection: dbapi.Connection, told: pl.DataFrame, version: int
) -> None:
    numbered = told.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    keyed = pl.concat(
        [
            blocks(numbered),
            exact_blocks(numbered, "national"),
            exact_blocks(numbered, "names"),
        ]
    ).join(numbered.select("row", "person_no"), on="row")
    blind = sealing.blind_blocks(keyed["block"], version).alias("block_key")
    made = keyed.select("person_no").with_columns(blind).unique()
    bulk.copy(connection, made, "made_blocks", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO known_block (block_key, person_no) SELECT block_key, person_no"
        " FROM pg_temp.made_blocks ON CONFLICT DO NOTHING",
    )


def rebuild_blocks(connection: dbapi.Connection, version: int) -> None:
    """Make every blind key anew under a version of the key."""
    bulk.execute(connection, "DELETE FROM known_block")
    known = bulk.fetch(
        connection, "SELECT person_no, identity_key, sealed FROM known_identity"
    )
    _write_blocks(connection, open_identities(known), version)


def rebuild_people(connection: dbapi.Connection, people: pl.Series) -> None:
    """Make searchable anew what is known of people whose links have changed."""
    bulk.ask(connection, people.unique().alias("person_no").to_frame(), "remade")
    some = "person_no IN (SELECT person_no FROM pg_temp.remade)"
    bulk.execute(
        connection,
        f"DELETE FROM known_identity WHERE {some}",
        f"DELETE FROM known_block WHERE {some}",
    )
    linked = read_records(connection, f"l.{some}")
    write_identities(connection, linked, search_version(connection))
