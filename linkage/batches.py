"""One batch of a delivered file through the steps, between the vault and the store.

Order: validate → identify → who is it (vault) → not before birth → pseudonymise.
What leaves here for the store carries a person number and no identifier.
"""

from collections.abc import Callable
from datetime import date
from importlib import import_module

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage.definitions import FEEDS
from linkage.key_runs import KeyRuns
from linkage.keys import part_keys, row_keys
from linkage.met_keys import MetKeys
from linkage.specs import FeedSpec
from linkage.steps.before_birth import before_birth
from linkage.steps.identify import identify, subjects
from linkage.steps.measure import measure
from linkage.steps.prices import Prices
from linkage.steps.pseudonymise import SHARED, possible, pseudonymise
from linkage.steps.quality import quality
from linkage.steps.validate import EXCLUDING, NOT_USED, Checked, validate
from linkage.tally import Batch, Tally
from linkage.vault import index, opt_outs, quarantine, reviews, sealing, type1
from linkage.vault import store as vault
from linkage.vault.erased import Erased
from linkage.versions import Doubts

# What a row is known by outside the vault.
KEYS = ("row_key", "subject_key", "number_key", "home_key")
OPT_OUT = "type 1 opt-out"  # the part of a row that says something of it


class Intake:
    """One run's way through the vault: remembers what its earlier batches have met.

    `may_be_known` says of row keys whether an earlier run may have loaded them;
    `delivered` of another feed's row keys whether any run of that feed has.
    `repeats` turns true when a later batch may hold another version of a fact that an
    earlier one has brought.
    """

    def __init__(
        self,
        spec: FeedSpec,
        *,
        feed: str,
        run_id: int,
        received_on: date,
        period_on: date,
        by: str,
        prices: Prices,
        may_be_known: Callable[[pl.Series], pl.Series],
        delivered: Callable[[str, pl.Series], pl.Series],
    ) -> None:
        self.spec = spec
        self.feed = feed
        self.run_id = run_id
        self.received_on = received_on
        self.period_on = period_on
        self.by = by
        self.prices = prices
        self.may_be_known = may_be_known
        self.delivered = delivered
        self.tally = Tally()
        self.repeats = False
        self._begun = False
        self._met = MetKeys()
        self._left_out = KeyRuns()
        self._shared = KeyRuns()
        self._again = pl.Series(dtype=pl.Int64)
        self._known: list[pl.DataFrame] = []
        self._listed: list[pl.Series] = []
        self._references: pl.DataFrame | None = None
        self._tokens: pl.DataFrame | None = None
        self._erased: Erased | None = None
        self._areas = pl.DataFrame(
            schema={"postcode": pl.String, "lsoa_code": pl.String}
        )

    def take(self, frame: pl.DataFrame, checked: Checked | None = None) -> Batch:
        """Take one batch as read; returns what goes to the store.

        checked: what validation said of it, where that was asked before.
        """
        spec, tally = self.spec, self.tally
        checked = checked or validate(frame, spec, self.received_on)
        tally.rows_in += frame.height
        tally.blanked.update(checked.blanked)
        tally.noted.update(checked.noted)
        tally.measured.add(measure(checked, frame.height))
        reasons = [checked.rejected]
        doubtful = pl.Series(dtype=pl.Int64)
        # Who only refers to people leaves the index as it is, and waits for nobody.
        changes = spec.tier != "reference"
        with index.writing() if changes else index.reading() as connection:
            rows = checked.accepted
            self._erased = self._erased or Erased(connection, spec)
            left_out = self._erased.rows
            if spec.token:
                rows = self._erased.without_tokens(rows, spec.token)
                rows, unknown = self._without_token(connection, rows)
                reasons.append(unknown)
            rows = self._erased.without(keyed(identify(rows, spec)))
            tally.excluded += self._erased.rows - left_out
            tally.erased = self._erased.rows
            rows, unknown = self._delivered(rows)
            reasons.append(unknown)
            rows = met = self._once(rows)
            if spec.keeps:
                self._met.add(rows["row_key"])
                facts = self._keep(connection, rows)
            else:
                rows, unknown = self._whose(connection, rows)
                reasons.append(unknown)
                early = before_birth(rows, spec)
                reasons.append(early)
                rows = rows.join(early, on="row_number", how="anti")
                # One that is left out hides no repeat that can be taken in.
                self._met.add(rows["row_key"])
                if rows.height < met.height:
                    left = met.join(rows, on="row_number", how="anti")
                    self._left_out.add(left["row_key"].to_numpy())
                facts = self._facts(connection, rows)
                known = self._may_be_known(rows)
                if spec.opt_out:
                    self._keep_opt_outs(connection, rows, known)
                doubtful = self._doubtful(rows, known)
            rejected = self._reject(connection, frame, reasons)
        tally.quality.append(quality(frame, checked, rejected, spec))
        for name in ("event", "activity"):
            if name in facts:
                on = "on_date" if name == "event" else "start_on"
                tally.span(facts[name][on])
        return Batch(facts, rejected, doubtful)

    def doubts(self) -> Doubts:
        """What is open until the facts set aside meet the store's."""
        spec = self.spec
        none = pl.DataFrame(
            schema={"row_number": pl.Int64, "row_key": pl.Int64, "version": pl.Date}
        )
        once = any(activity.once_per for activity in spec.activities)
        return Doubts(
            repeats=self.repeats,
            dated=spec.latest_by is not None,
            of_many=frozenset(
                ["registration", "residence", *(["activity"] if once else [])]
            ),
            keys=(self._met.keys, self._left_out, self._shared),
            rows=pl.concat(self._known) if self._known else none,
            possible=lambda rows: possible(rows, spec),
        )

    def keep_list(self, connection: dbapi.Connection) -> None:
        """Put the list that the file was, whole, in the place of the one before."""
        none = pl.Series("nhs_number", [], dtype=pl.String)
        numbers = pl.concat([none, *self._listed])
        if self.spec.keeps == "national_opt_out_reply":
            opt_outs.keep_reply(connection, numbers, self.run_id)
        else:
            vault.replace_national_opt_outs(connection, numbers, self.run_id)

    def _may_be_known(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that an earlier run, or an earlier batch, may have loaded."""
        known = self.may_be_known(rows["row_key"])
        return rows.filter(known | rows["row_key"].is_in(self._again.implode()))

    def _doubtful(self, rows: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
        """The numbers of the rows whose facts may be there already.

        All, where another row can have made the same fact. Of the known ones what the
        store needs to find their earlier version is remembered.
        """
        spec = self.spec
        if known.height and (spec.events or spec.activities):
            version = pl.col(spec.latest_by) if spec.latest_by else pl.lit(None)
            once = {name for activity in spec.activities for name in activity.once_per}
            self._known.append(
                known.select(
                    "row_number",
                    "row_key",
                    *sorted(once),
                    version=version.cast(pl.Date),
                )
            )
        return (known if spec.keyed_by_row else rows)["row_number"]

    def _without_token(
        self, connection: dbapi.Connection, rows: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give tokened rows the number that the crosswalk holds; part those unknown."""
        if self._tokens is None:
            self._tokens = vault.crosswalk(connection, self.spec.token or "")
        rows = rows.join(self._tokens, on="token", how="left", maintain_order="left")
        unknown = rows.filter(pl.col("nhs_number").is_null())
        return rows.filter(pl.col("nhs_number").is_not_null()), _reason(
            unknown, "token_unknown"
        )

    def _delivered(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Part or note the rows that refer to a record that another feed never had."""
        unknown = [_reason(rows.clear(), "")]
        for check in self.spec.checks:
            if check.rule != "not_delivered":
                continue
            names = list(check.columns)
            stated = rows.drop_nulls(names)
            keys = row_keys(stated, names, f"row {FEEDS[check.feed].number}")
            come = self.delivered(check.feed, sealing.blind_records(keys))
            field_ = self.spec.expanded[names[-1]].headers[0]
            absent = stated.filter(~come).select("row_number")
            if check.then == "note":
                if absent.height:
                    self.tally.noted[f"{field_}: {check.rule}"] += absent.height
                continue
            unknown.append(
                absent.with_columns(rule=pl.lit(check.rule), field=pl.lit(field_))
            )
        parted = pl.concat(unknown)
        return rows.join(parted, on="row_number", how="anti"), parted

    def _once(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Keep each row once: its latest version within the batch, then its last.

        A repeat of a row of an earlier batch is a duplicate, unless versions can
        differ: then the store decides, when all have come.
        """
        before = rows.height
        if rows["row_key"].n_unique() < before:
            if self.spec.latest_by:
                rows = rows.sort(
                    self.spec.latest_by, nulls_last=False, maintain_order=True
                )
            rows = rows.unique("row_key", keep="last", maintain_order=True)
        if self._begun:
            held = self._met.held(rows["row_key"])
            fresh = rows.filter(~held)
            shared = any(a.once_per for a in self.spec.activities)
            self.repeats |= shared or bool(self.spec.registrations)
            if self.spec.latest_by and fresh.height < rows.height:
                self.repeats = True
                self._again = self._again.append(rows.filter(held)["row_key"])
            else:
                rows = fresh
        self._begun = True
        self.tally.duplicate += before - rows.height
        return rows

    def _whose(
        self, connection: dbapi.Connection, rows: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Add person_no and subject_born_on; part the rows that are nobody's."""
        spec = self.spec
        if spec.tier == "reference":
            if self._references is None:
                namespace = spec.local_ids[0].namespace
                self._references = index.by_local_key(connection, namespace)
            rows = rows.join(
                self._references,
                left_on="local_key_0",
                right_on="local_key",
                how="left",
                maintain_order="left",
            )
            why = "subject_unknown"
        else:
            met = subjects(rows, spec, pl.lit(self.period_on))
            found = index.resolve(connection, met, spec, run_id=self.run_id, by=self.by)
            reviews.raise_pairs(
                connection, found.review, index.newest_version(connection)
            )
            rows = rows.join(
                found.known, on="subject_key", how="left", maintain_order="left"
            ).join(met.select("subject_key", "seen_on"), on="subject_key", how="left")
            why = "unlinked"
        unknown = rows.filter(pl.col("person_no").is_null())
        rows = rows.filter(pl.col("person_no").is_not_null())
        if spec.introduces:
            index.introduce(connection, rows, spec, run_id=self.run_id, by=self.by)
        return rows, _reason(unknown, why)

    def _facts(
        self, connection: dbapi.Connection, rows: pl.DataFrame
    ) -> dict[str, pl.DataFrame]:
        spec = self.spec
        if spec.prepare:
            feed = import_module(f"linkage.feeds.{self.feed}")
            rows = feed.prepare(rows, self.period_on)
        if spec.residences and self._areas.is_empty():
            self._areas = vault.postcode_areas(connection)
        facts = pseudonymise(rows, spec, self.prices, self._areas)
        self.tally.unplaced += facts.unplaced
        if spec.registrations:
            stated = facts.tables["registration"]
            vault.keep_registrations(
                connection,
                stated.with_columns(feed_no=pl.lit(spec.number, dtype=pl.Int16)),
                self.run_id,
                self.period_on,
            )
        if not spec.keyed_by_row:
            for name in set(SHARED).intersection(facts.tables):
                self._shared.add(facts.tables[name]["record_key"].to_numpy())
        return facts.tables

    def _keep_opt_outs(
        self, connection: dbapi.Connection, rows: pl.DataFrame, known: pl.DataFrame
    ) -> None:
        """Keep what rows say of opt-outs; known rows may say nothing of them now."""
        said = self.spec.opt_out
        assert said is not None
        latest = pl.col(self.spec.latest_by) if self.spec.latest_by else pl.lit(None)
        speaks = pl.col(said.code).is_in([*said.opted_out, *said.withdrawn])
        stated = rows.filter(speaks)
        if stated.height:
            statements = stated.select(
                part_keys(stated["row_key"], OPT_OUT).alias("record_key"),
                "subject_key",
                pl.col(said.date).alias("on_date"),
                opted_out=pl.col(said.code).is_in(said.opted_out),
                recorded_on=latest,
            )
            type1.keep(connection, statements, self.run_id, self.period_on)
        silent = known.filter(~speaks.fill_null(value=False))
        if silent.height:
            keys = part_keys(silent["row_key"], OPT_OUT).alias("record_key")
            newer = silent.select(keys, recorded_on=latest)
            type1.take_back(connection, newer, self.period_on)

    def _keep(
        self, connection: dbapi.Connection, rows: pl.DataFrame
    ) -> dict[str, pl.DataFrame]:
        """Keep what never leaves the vault."""
        if self.spec.keeps == "crosswalk":
            vault.keep_crosswalk(
                connection,
                rows.select("namespace", "token", "nhs_number"),
                self.run_id,
            )
        else:
            self._listed.append(rows["nhs_number"])
        return {}

    def _reject(
        self,
        connection: dbapi.Connection,
        frame: pl.DataFrame,
        reasons: list[pl.DataFrame],
    ) -> pl.DataFrame:
        """Count rejected rows and keep their content; returns reasons with a fate."""
        left_out = pl.col("rule").is_in(EXCLUDING)
        rejected = pl.concat(reasons).with_columns(
            fate=pl.when(left_out)
            .then(pl.lit("excluded"))
            .otherwise(pl.lit("quarantined"))
        )
        if rejected.height:
            for fate, rows in _rows_by_fate(rejected).items():
                setattr(self.tally, fate, getattr(self.tally, fate) + rows)
            # What the product does not use it does not keep either.
            kept = rejected.filter(pl.col("rule") != NOT_USED)
            fates = kept.select("row_number", "fate").unique("row_number")
            delivered = frame.join(
                fates, on="row_number", how="inner", maintain_order="left"
            )
            assert self._erased is not None
            delivered = self._erased.without_unused(delivered)
            sealed = quarantine.seal(delivered.drop("fate"), self.run_id)
            vault.keep_rejected(
                connection,
                self.run_id,
                delivered.select("row_number", "fate").with_columns(sealed),
            )
        return rejected


def keyed(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the keys of identified rows under the vault's key, before they go anywhere.

    `identify` hashes what a row says; of a known row, or of an NHS number, anyone can
    make the same hash again.
    """
    plain = [n for n in rows.columns if n in KEYS or n.startswith("local_key_")]
    return rows.with_columns(sealing.blind_records(rows[name]) for name in plain)


def _rows_by_fate(rejected: pl.DataFrame) -> dict[str, int]:
    """Rows by fate; a row that broke several rules counts once."""
    rows = rejected.unique("row_number").group_by("fate").len()
    return dict(rows.iter_rows())


def _reason(rows: pl.DataFrame, rule: str) -> pl.DataFrame:
    return rows.select("row_number", rule=pl.lit(rule), field=pl.lit(""))
