"""Erasure in the vault: what names a person goes, and blind keys keep it away.

`erased_key` holds the keys of what is never taken in again: an NHS number, a source's
own id, a record, a token, a whole name with birth date and postcode. All are blind
under the key that names facts, so the table tells nobody whose they were.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.definitions import FEEDS
from linkage.keys import row_keys
from linkage.specs import FeedSpec
from linkage.steps.identify import identify
from linkage.steps.linking.names import plain
from linkage.steps.read import delivered
from linkage.steps.validate import values_of
from linkage.vault import identities, index, sealing
from linkage.vault.quarantine import Told, as_delivered

# Who carries no number is known again by all of these together.
NAMED = ("surname", "forename", "born_on", "postcode")
NUMBER = "nhs number"  # the salt of `linkage.steps.identify`
RULE = "erasure"


class Erased:
    """What one feed's rows are held against. `rows` counts those left out so far."""

    def __init__(self, connection: dbapi.Connection, spec: FeedSpec) -> None:
        self.rows = 0
        self.spec = spec
        found = bulk.fetch(
            connection,
            "SELECT DISTINCT key FROM erased_key"
            f" WHERE feed_no IS NULL OR feed_no = {int(spec.number)}",
        )
        self._keys = found["key"].cast(pl.Int64)

    def without(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Identified rows, under the vault's keys, less those of erased people."""
        if self._keys.is_empty():
            return rows
        return self._less(rows, [*(rows[n] for n in known_by(rows)), name_keys(rows)])

    def without_tokens(self, rows: pl.DataFrame, namespace: str) -> pl.DataFrame:
        """Rows with tokens of one namespace, less those of erased people."""
        if self._keys.is_empty():
            return rows
        return self._less(rows, [token_keys(rows["token"], namespace)])

    def without_unused(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows as delivered that could not be used, less those of erased people."""
        return rows if self._keys.is_empty() else rows.filter(~self.of_erased(rows))

    def of_erased(self, rows: pl.DataFrame) -> pl.Series:
        """Which rows as delivered (with row_number) are an erased person's.

        Whatever else of a row cannot be used: a number stated, a source's own id, a
        token, or the whole name is enough.
        """
        held = pl.Series([False]).new_from_index(0, rows.height)
        if self._keys.is_empty():
            return held
        told = identify(values_of(rows, self.spec, date.max), self.spec)
        for name in known_by(told):
            held |= self._held(sealing.blind_records(told[name]))
        held |= self._held(name_keys(told))
        if self.spec.token:
            held |= self._held(token_keys(told["token"], self.spec.token))
        return held

    def _less(self, rows: pl.DataFrame, keys: list[pl.Series]) -> pl.DataFrame:
        held = pl.Series([False]).new_from_index(0, rows.height)
        for some in keys:
            held |= self._held(some)
        self.rows += int(held.sum())
        return rows.filter(~held)

    def _held(self, keys: pl.Series) -> pl.Series:
        return keys.is_in(self._keys.implode()).fill_null(value=False)


class Aside:
    """Which rows kept aside for a replay are of people erased now, or before.

    stated: the NHS numbers that are known no more, which a row may state anywhere.
    feed_of: the feed of each run.
    """

    def __init__(
        self,
        connection: dbapi.Connection,
        stated: Collection[str],
        feed_of: Mapping[int, str],
    ) -> None:
        self._connection = connection
        self._stated = stated
        self._feed_of = feed_of
        self._feeds: dict[str, Erased] = {}

    def are_theirs(self, run_id: int, told: Sequence[Told]) -> list[bool]:
        """Say so of each of several rows of one run."""
        flags = [
            any(re.sub(r"[\s-]", "", value) in self._stated for value in row.values())
            for row in told
        ]
        feed = self._feed_of.get(run_id, "")
        if feed not in FEEDS:
            return flags  # a published series speaks of nobody
        if feed not in self._feeds:
            self._feeds[feed] = Erased(self._connection, FEEDS[feed])
        rows = as_delivered(told, delivered(FEEDS[feed]))
        held = self._feeds[feed].of_erased(
            rows.with_columns(row_number=pl.int_range(pl.len(), dtype=pl.Int64))
        )
        return [flag or known for flag, known in zip(flags, held, strict=True)]


def known_by(rows: pl.DataFrame) -> list[str]:
    """The columns of identified rows that hold what a person is known by."""
    named = [n for n in rows.columns if n in ("subject_key", "number_key")]
    return named + [n for n in rows.columns if n.startswith("local_key_")]


def name_keys(rows: pl.DataFrame) -> pl.Series:
    """Blind keys of whole names, birth date and postcode, of rows without a number."""
    none = pl.Series([None], dtype=pl.Int64).new_from_index(0, rows.height)
    if not set(NAMED) <= set(rows.columns):
        return none
    told = rows.select(
        plain(pl.col("surname")), plain(pl.col("forename")), "born_on", "postcode"
    )
    whole = told.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    if "nhs_number" in rows.columns:
        whole &= rows["nhs_number"].is_null()
    keys = sealing.blind_records(row_keys(told, list(NAMED), "erased name"))
    return keys.set(~whole, None)


def token_keys(tokens: pl.Series, namespace: str) -> pl.Series:
    """Blind keys of the tokens of one namespace."""
    frame = pl.DataFrame({"token": tokens})
    return sealing.blind_records(row_keys(frame, ["token"], f"erased {namespace}"))


def forget(
    connection: dbapi.Connection,
    people: Collection[int],
    feeds: Collection[int] | None,
    *,
    erasure: int,
    by: str,
) -> frozenset[str]:
    """Remove what names people, or what feeds (their numbers) told; keep blind keys.

    In the caller's transaction, as the one writer. Returns the NHS numbers that are
    known no more: none where only some feeds are forgotten. Safe to repeat.
    """
    some = ", ".join(str(int(n)) for n in people)
    where = f"l.person_no IN ({some})"
    if feeds is not None:
        where += f" AND s.feed_no IN ({', '.join(str(int(n)) for n in feeds)})"
    records = identities.read_records(connection, where)
    if feeds is None:
        known = pl.Series("person_no", list(people), dtype=pl.Int32)
        index.mark_pending(connection, known)
    if records.is_empty():
        return frozenset()
    bulk.ask(connection, records.select("subject_key"), "forgotten")
    _keep_keys(connection, records, feeds, erasure)
    ours = "subject_key IN (SELECT subject_key FROM pg_temp.forgotten)"
    version = index.next_version(connection, None, by)
    tables = ("registration", "type1_statement", "local_ref", "pending_move")
    tables += ("relink_move", "link", "source_record")
    bulk.execute(
        connection,
        "INSERT INTO index_event (version, kind, subject_key, person_no, rule,"
        f" decided_by) SELECT {version}, 'erase', l.subject_key, l.person_no,"
        f" '{RULE}', 'request {int(erasure)}' FROM link l"
        f" WHERE l.to_version IS NULL AND l.{ours}",
        "UPDATE review_pair SET state = 'withdrawn' WHERE state IN ('open', 'second')"
        f" AND ({ours} OR other_{ours})",
    )
    numbers = frozenset[str]()
    if feeds is None:
        numbers = frozenset(records["nhs_number"].drop_nulls())
        _forget_numbers(connection, some)
    bulk.execute(connection, *(f"DELETE FROM {name} WHERE {ours}" for name in tables))
    identities.rebuild_people(connection, records["person_no"])
    index.mark_pending(connection, records["person_no"])
    return numbers


def _keep_keys(
    connection: dbapi.Connection,
    records: pl.DataFrame,
    feeds: Collection[int] | None,
    erasure: int,
) -> None:
    """Keep the keys of every way in which these records could come again."""
    local = bulk.fetch(
        connection,
        "SELECT local_key FROM local_ref JOIN pg_temp.forgotten USING (subject_key)",
    )["local_key"]
    nameless = records.drop("nhs_number")  # who had a number may come without it
    found = [
        records["subject_key"],
        records["local_key"],
        local.cast(pl.Int64),
        sealing.number_keys(records["nhs_number"], NUMBER),
        name_keys(nameless),
    ]
    if feeds is None:
        found.append(_tokens_of(connection, records["nhs_number"]))
    keys = pl.concat([some.alias("key") for some in found]).drop_nulls().unique()
    where = pl.DataFrame(
        {"feed_no": list(feeds or [None])}, schema={"feed_no": pl.Int16}
    )
    kept = keys.to_frame().join(where, how="cross")
    bulk.copy(connection, kept, "kept_keys", temporary=True)
    bulk.execute(
        connection,
        "INSERT INTO erased_key (key, feed_no, erasure) SELECT key, feed_no,"
        f" {int(erasure)} FROM pg_temp.kept_keys ON CONFLICT DO NOTHING",
    )


def _tokens_of(connection: dbapi.Connection, numbers: pl.Series) -> pl.Series:
    sealed = sealing.seal_numbers(
        numbers.drop_nulls().unique(), identities.search_version(connection)
    )
    bulk.ask(connection, sealed.alias("number").to_frame(), "forgotten_numbers")
    tokens = bulk.fetch(
        connection,
        "SELECT namespace, token FROM crosswalk"
        " JOIN pg_temp.forgotten_numbers USING (number)",
    )
    none = pl.Series("key", [], dtype=pl.Int64)
    return pl.concat(
        [none]
        + [
            token_keys(some["token"], str(namespace)).alias("key")
            for (namespace,), some in tokens.group_by("namespace")
        ]
    )


def _forget_numbers(connection: dbapi.Connection, people: str) -> None:
    """What the vault knows by number or by person, beside the records themselves."""
    numbers = "number IN (SELECT number FROM pg_temp.forgotten_numbers)"
    bulk.execute(
        connection,
        f"DELETE FROM crosswalk WHERE {numbers}",
        f"DELETE FROM national_opt_out WHERE {numbers}",
        f"DELETE FROM national_opt_out_asked WHERE {numbers}",
        f"DELETE FROM pending_merge WHERE person_no IN ({people})"
        f" OR into_person_no IN ({people})",
    )


def lift(connection: dbapi.Connection, erasure: int) -> int:
    """Hold an erasure's keys against nobody any more; returns how many there were."""
    kept = f"FROM erased_key WHERE erasure = {int(erasure)}"
    keys = bulk.fetch(connection, f"SELECT count(*) AS n {kept}")["n"][0]
    bulk.execute(connection, f"DELETE {kept}")
    return int(keys)
