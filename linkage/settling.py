"""Which version of a record stands, when staged facts meet the store's own.

All of it runs inside the transaction that attaches a run's facts. It is decided row by
row: a row that is older than what the store holds of it brings nothing, a newer one
takes away all that its earlier version said, wherever that stands and whether or not
the new one says it too. Facts are found by (person_no, record_key); rows that are
known and not found there have changed person, and are looked for everywhere.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date
from io import BytesIO
from typing import Any

import polars as pl

from linkage.probing import probing_by_key
from linkage.steps.pseudonymise import TABLES
from linkage.versions import VERSIONED, Doubts

# What may differ between two versions of one fact; whose it is and how the source
# described that person is no part of it.
CONTENT = {
    table: [
        c for c in TABLES[table] if c not in {"person_no", "record_key", "subject_key"}
    ]
    for table in VERSIONED
}
# A row of an episode can have made 46 facts: to name those of so many takes 250 MiB.
ROWS_AT_ONCE = 20_000
_KEYS = "row_number bigint, person_no integer, record_key bigint"
# A version whose day is known comes after one of which none is.
_LATER = (
    "coalesce(s.recorded_on > t.recorded_on,"
    " s.recorded_on IS NOT NULL AND t.recorded_on IS NULL)"
)
_NOT_LATER = (
    "coalesce(s.version <= t.recorded_on,"
    " s.version IS NULL AND t.recorded_on IS NOT NULL)"
)


class Settling:
    """One run's staged facts (`aside`: temporary table by table) against the store.

    tables: every table that rows of the feed make facts for; a corrected row may make
    none for one where its earlier version did. period_on: the day the file speaks of.
    said_later: of keys of facts, whether a file that speaks of a later day has them.
    """

    def __init__(
        self,
        cursor: Any,
        aside: dict[str, str],
        tables: Collection[str],
        doubts: Doubts,
        period_on: date,
        run_id: int,
        said_later: Callable[[pl.Series], pl.Series],
    ) -> None:
        self.cursor = cursor
        self.aside = aside
        self.tables = tables
        self.doubts = doubts
        self.period_on = period_on
        self.run_id = run_id
        self.said_later = said_later

    def settle(self) -> int:
        """Leave staged what is to be inserted; returns how many rows brought nothing.

        That is, rows with facts of which none is left, and rows of this very run that
        a later one replaced.
        """
        self._make("lost", "row_number bigint")
        self._make("taken", "name text, run_id integer, person_no integer")
        latest = self._latest_of_each_row()
        for table in {*self.aside, *self.doubts.by_row}:
            self._make(
                f"met_{table}", f"{_KEYS}, newer boolean, timely boolean, own boolean"
            )
            if name := self.aside.get(table):
                self.cursor.execute(f"ANALYZE {name} (person_no, record_key)")
                if self.doubts.repeats:
                    _drop_repeats(self.cursor, name, table)
                self._meet(table, name)
        self._judge_rows(latest)
        replaced = self._replace(latest) + self._find_moved(latest)
        names = self.aside.values()
        left = "".join(f" EXCEPT SELECT row_number FROM {name}" for name in names)
        self.cursor.execute(
            f"SELECT count(*) FROM (SELECT row_number FROM lost{left}) gone"
        )
        return self.cursor.fetchone()[0] + replaced

    def taken(self) -> tuple[dict[str, int], list[int]]:
        """What was deleted: facts of this very run by table, and who has lost any."""
        self.cursor.execute(
            "SELECT name, count(*) FROM taken WHERE run_id = %s GROUP BY name",
            [self.run_id],
        )
        own = dict(self.cursor.fetchall())
        self.cursor.execute("SELECT DISTINCT person_no FROM taken")
        return own, [person_no for (person_no,) in self.cursor.fetchall()]

    def _latest_of_each_row(self) -> pl.DataFrame:
        """Of rows that came more than once keep the latest version, then the last."""
        rows = self.doubts.rows
        if rows["row_key"].n_unique() == rows.height:
            return rows
        latest = rows.sort("version", "row_number", nulls_last=False).unique(
            "row_key", keep="last", maintain_order=True
        )
        older = rows.join(latest, on="row_number", how="anti")
        self._make("older", "row_number bigint")
        self._fill("older", older.select("row_number"))
        self._clear("older")
        return latest

    def _meet(self, table: str, name: str) -> None:
        """Compare staged facts with those of the same key and person in the store.

        met: timely, where the file may speak for today; newer, where the staged fact
        replaces the other.
        """
        run, values = "", [self.run_id]
        period = "coalesce((r.detail->>'period_on')::date, '-infinity') <= %s"
        if table not in VERSIONED:
            newer = f"s.end_on IS DISTINCT FROM t.end_on AND {period}"
            timely = "NULL::boolean"
        elif self.doubts.dated:
            newer = _LATER
            timely = "NULL::boolean"
        else:
            one, other = (
                ", ".join(f"{of}.{c}" for c in CONTENT[table]) for of in ("s", "t")
            )
            newer = f"({one}) IS DISTINCT FROM ({other}) AND {period}"
            timely = period
            values.insert(0, self.period_on)
        if table == "activity" and table in self.doubts.of_many:
            # Of a spell the first episode tells, whichever was sent last.
            newer = (
                f"CASE WHEN s.place <> t.place THEN s.place < t.place ELSE {newer} END"
            )
        if period in newer:
            run = " JOIN feed_run r ON r.id = t.run_id"
            values.insert(0, self.period_on)
        with probing_by_key(self.cursor, name, table):
            self.cursor.execute(
                f"INSERT INTO met_{table} SELECT s.row_number, s.person_no,"
                f" s.record_key, {newer}, {timely}, t.run_id = %s"
                f" FROM {name} s JOIN {table} t ON {_same('s')}{run}",
                values,
            )
        if self.cursor.rowcount:
            self.cursor.execute(f"ANALYZE met_{table}")
        if table not in VERSIONED:
            self._hear_later_lists(table)

    def _hear_later_lists(self, table: str) -> None:
        """What a later list has said again unchanged, an older one does not end."""
        self.cursor.execute(f"SELECT DISTINCT record_key FROM met_{table} WHERE newer")
        found = [key for (key,) in self.cursor.fetchall()]
        keys = pl.Series("record_key", found, dtype=pl.Int64)
        self.cursor.execute(
            f"UPDATE met_{table} SET newer = false WHERE record_key = ANY(%s)",
            [keys.filter(self.said_later(keys)).to_list()],
        )

    def _judge_rows(self, rows: pl.DataFrame) -> None:
        """Say of each row whose own facts met any whether it is the newer version."""
        met = " UNION ALL ".join(
            f"SELECT row_number, person_no, newer, timely, own FROM met_{table}"
            for table in self.doubts.by_row
        )
        columns = "row_number bigint, person_no integer, newer boolean, timely boolean"
        self._make("judged", f"{columns}, own boolean")
        if not met:
            return
        self.cursor.execute(
            "INSERT INTO judged SELECT row_number, min(person_no), bool_or(newer),"
            f" bool_and(timely), bool_or(own) FROM ({met}) met GROUP BY row_number"
        )
        if self.doubts.dated or not self.cursor.rowcount:
            return
        # Undated, a row that says more, or less, than the store does is newer too.
        for table in set(self.doubts.by_row).intersection(self.aside):
            self.cursor.execute(
                f"UPDATE judged j SET newer = true FROM {self.aside[table]} s"
                " WHERE j.row_number = s.row_number AND j.timely AND NOT EXISTS"
                f" (SELECT FROM met_{table} t WHERE {_same('s')})"
            )
        again = rows.join(self._judged("timely AND NOT newer"), on="row_number")
        for table in self._all_that_may_stand(again):
            with probing_by_key(self.cursor, "there", table):
                self.cursor.execute(
                    "UPDATE judged j SET newer = true FROM there s JOIN"
                    f" {table} t ON {_same('s')} WHERE j.row_number = s.row_number AND"
                    f" NOT EXISTS (SELECT FROM met_{table} m WHERE"
                    " m.row_number = s.row_number AND m.record_key = s.record_key)"
                )

    def _replace(self, rows: pl.DataFrame) -> int:
        """Let older rows go, and put the newer in the place of what stands."""
        self._make("stale", "row_number bigint")
        self.cursor.execute(
            "INSERT INTO stale SELECT row_number FROM judged WHERE NOT newer"
        )
        self._clear("stale")
        for table, name in self.aside.items():
            if table in self.doubts.by_row:
                which = "JOIN judged j USING (row_number) WHERE j.newer"
            else:
                which = "WHERE m.newer"
                self.cursor.execute(
                    f"WITH gone AS (DELETE FROM {name} s USING met_{table} t"
                    f" WHERE {_same('s')} AND NOT t.newer RETURNING s.row_number)"
                    " INSERT INTO lost SELECT row_number FROM gone"
                )
            self._take(
                table, f"SELECT m.person_no, m.record_key FROM met_{table} m {which}"
            )
        newer = self._judged("newer")
        # What older versions of these rows said, whatever the new ones say.
        for table in self._all_that_may_stand(rows.join(newer, on="row_number")):
            self._take(table, "SELECT person_no, record_key FROM there")
        return int(newer["own"].sum())

    def _judged(self, which: str) -> pl.DataFrame:
        self.cursor.execute(
            f"SELECT row_number, person_no, own FROM judged WHERE {which}"
        )
        return pl.DataFrame(
            self.cursor.fetchall(),
            schema={"row_number": pl.Int64, "person_no": pl.Int32, "own": pl.Boolean},
            orient="row",
        )

    def _all_that_may_stand(self, rows: pl.DataFrame) -> Iterator[str]:
        """Give the tables in which rows, with their person_no, may have facts.

        While a table is given, `there` holds row_number, person_no, record_key of them.
        A row that makes one fact is left out: that one was met.
        """
        for part in rows.iter_slices(ROWS_AT_ONCE):
            made = self.doubts.possible(part)
            if made.height <= part.height:
                continue
            made = made.join(part.select("row_number", "person_no"), on="row_number")
            for table in self.doubts.by_row:
                facts = made.filter(pl.col("table") == table)
                if facts.is_empty():
                    continue
                self._make("there", _KEYS)
                self._fill(
                    "there", facts.select("row_number", "person_no", "record_key")
                )
                self.cursor.execute("ANALYZE there")
                yield table
                self.cursor.execute("DROP TABLE there")

    def _find_moved(self, rows: pl.DataFrame) -> int:
        """Look everywhere for what known rows said that were not met where they are.

        The older version goes, whoever has it; what is newer stands, and the staged
        facts of its row go. No index leads from a key alone to its fact, so the tables
        are read once: only for rows that an earlier run is as good as sure to hold.
        """
        met = self._judged("true")
        rows = rows.join(met, on="row_number", how="anti")
        tables = [table for table in VERSIONED if table in self.tables]
        if rows.is_empty() or not tables:
            return 0
        for table in tables:
            self._make(
                f"sought_{table}", "row_number bigint, record_key bigint, version date"
            )
        for part in rows.iter_slices(ROWS_AT_ONCE):
            made = self.doubts.possible(part).join(
                part.select("row_number", "version"), on="row_number"
            )
            for (table,), keys in made.group_by("table"):
                self._fill(
                    f"sought_{table}",
                    keys.select("row_number", "record_key", "version"),
                )
        self._make(
            "found", f"name text, {_KEYS}, shared boolean, stale boolean, own boolean"
        )
        for table in tables:
            stale, values = _NOT_LATER, [self.run_id]
            if not self.doubts.dated:
                stale = "coalesce((r.detail->>'period_on')::date > %s, false)"
                values.insert(0, self.period_on)
            self.cursor.execute(f"ANALYZE sought_{table}")
            shared = table in self.doubts.of_many
            elsewhere = "true"
            if shared:
                # Another row may have made it: it goes along only if it goes anywhere.
                elsewhere = "false"
                if table in self.aside:
                    elsewhere = (
                        f"EXISTS (SELECT FROM {self.aside[table]} a WHERE"
                        " a.record_key = t.record_key AND a.person_no <> t.person_no)"
                    )
            self.cursor.execute(
                f"INSERT INTO found SELECT '{table}', s.row_number, t.person_no,"
                f" t.record_key, {shared}, {stale}, t.run_id = %s FROM sought_{table} s"
                f" JOIN {table} t ON t.record_key = s.record_key"
                f" JOIN feed_run r ON r.id = t.run_id WHERE {elsewhere}",
                values,
            )
            self.cursor.execute(f"DROP TABLE sought_{table}")
        self._make("told", "row_number bigint, stale boolean, own boolean")
        self.cursor.execute(
            "INSERT INTO told SELECT row_number, coalesce(bool_or(stale)"
            " FILTER (WHERE NOT shared), bool_or(stale)),"
            " coalesce(bool_or(own) FILTER (WHERE NOT shared), false)"
            " FROM found GROUP BY row_number"
        )
        self._make("stale", "row_number bigint")
        self.cursor.execute("INSERT INTO stale SELECT row_number FROM told WHERE stale")
        self._clear("stale")
        for table in tables:
            self._take(
                table,
                "SELECT f.person_no, f.record_key FROM found f JOIN told"
                f" USING (row_number) WHERE f.name = '{table}' AND NOT told.stale",
            )
        self.cursor.execute("SELECT count(*) FROM told WHERE own AND NOT stale")
        return self.cursor.fetchone()[0]

    def _make(self, name: str, columns: str) -> None:
        self.cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        self.cursor.execute(f"CREATE TEMP TABLE {name} ({columns}) ON COMMIT DROP")

    def _fill(self, name: str, frame: pl.DataFrame) -> None:
        text = BytesIO()
        frame.write_csv(text, include_header=False)
        columns = ", ".join(frame.columns)
        with self.cursor.copy(f"COPY {name} ({columns}) FROM STDIN (FORMAT csv)") as to:
            to.write(text.getbuffer())

    def _clear(self, rows: str) -> None:
        """Nothing that is staged of these rows is taken in."""
        for name in self.aside.values():
            self.cursor.execute(
                f"WITH gone AS (DELETE FROM {name} s USING {rows} r"
                " WHERE s.row_number = r.row_number RETURNING s.row_number)"
                " INSERT INTO lost SELECT row_number FROM gone"
            )

    def _take(self, table: str, keys: str) -> None:
        """Delete facts of the store, remembering whose and which run's they were."""
        self._make("going", "person_no integer, record_key bigint")
        self.cursor.execute(f"INSERT INTO going {keys}")
        if not self.cursor.rowcount:
            return
        self.cursor.execute("ANALYZE going")
        with probing_by_key(self.cursor, "going", table):
            self.cursor.execute(
                f"WITH gone AS (DELETE FROM {table} t USING going g WHERE {_same('g')}"
                " RETURNING t.run_id, t.person_no)"
                f" INSERT INTO taken SELECT '{table}', run_id, person_no FROM gone"
            )


def _same(one: str) -> str:
    return f"t.person_no = {one}.person_no AND t.record_key = {one}.record_key"


def _drop_repeats(cursor: Any, staged: str, table: str) -> None:
    """Keep one of each record_key staged twice: the latest version, then the last.

    Of a spell, which many rows tell of, the version of its first episode.
    """
    newest = "recorded_on DESC NULLS LAST, " if table in VERSIONED else ""
    if table == "activity":
        newest = "place NULLS LAST, " + newest
    cursor.execute(
        "WITH ranked AS (SELECT ctid, row_number() OVER (PARTITION BY record_key"
        f" ORDER BY {newest}row_number DESC) AS place FROM {staged}), gone AS"
        f" (DELETE FROM {staged} s USING ranked r WHERE s.ctid = r.ctid AND r.place > 1"
        " RETURNING s.row_number) INSERT INTO lost SELECT row_number FROM gone"
    )
