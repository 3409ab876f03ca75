"""Every write to the person index that is not a load: each one action, one audit row.

All of it runs in the vault zone. A change commits in the vault with what the store has
to move; the store is told at once, or, after a crash, by the next load.
"""

import logging
from dataclasses import dataclass
from datetime import date

import polars as pl
from adbc_driver_postgresql import dbapi

from governance import audit
from linkage import actions, bulk
from linkage.definitions import FEEDS
from linkage.models import LinkageAudit
from linkage.steps.relink import Fed, changes, relink
from linkage.vault import (
    bias,
    identities,
    index,
    judged,
    opt_outs,
    pseudonyms,
    relinks,
    reviews,
)
from linkage.vault import changes as people

log = logging.getLogger("catchment.linkage")
# How long a reviewer waits at a page for a load that is changing the index.
PATIENCE_SECONDS = 15


def judge_pair(
    *, pair_id: int, verdict: str, reason: str, reviewer_id: int
) -> reviews.Outcome:
    """Take a reviewer's judgement of a pair, and do what follows of it."""
    with index.writing(wait_seconds=PATIENCE_SECONDS) as connection:
        outcome = reviews.judge(
            connection,
            pair_id,
            reviewer_id=reviewer_id,
            verdict=verdict,
            reason=reason,
        )
    audit.record(
        "link_judged",
        None,
        subject=f"pair {pair_id}",
        reviewer=reviewer_id,
        verdict=verdict,
        state=outcome.state,
    )
    if outcome.changed:
        try:
            actions.settle_people(wait_seconds=PATIENCE_SECONDS)
        except index.IndexBusyError:
            # The judgement stands; the load that is running tells the store of it.
            log.info("the store hears of pair %s when the load has ended", pair_id)
    return outcome


def merge_people(*, one: int, other: int, by: str) -> int:
    """Make two people of the index one; returns the version. Never two NHS numbers."""
    with index.writing() as connection:
        version = people.merge(connection, one, other, by=by)
    audit.record("people_merged", None, subject=f"version {version}", persons=2, by=by)
    actions.settle_people()
    return version


def undo_merge(*, version: int, by: str) -> int:
    """Take a merge back, and keep the two apart from now on; returns the version."""
    with index.writing() as connection:
        made = people.undo_merge(connection, version, by=by)
        for one, other in people.parted_at(connection, made).iter_rows():
            reviews.keep_apart(connection, one, other, made)
    audit.record("merge_undone", None, subject=f"version {version}", persons=2, by=by)
    actions.settle_people()
    return made


def split_person(*, subjects: pl.Series, by: str) -> int:
    """Part records from their person, and keep them apart; returns the version."""
    with index.writing() as connection:
        version = people.split(connection, subjects, by=by)
        for one, other in people.parted_at(connection, version).iter_rows():
            reviews.keep_apart(connection, one, other, version)
    audit.record("person_split", None, subject=f"version {version}", persons=2, by=by)
    actions.settle_people()
    return version


@dataclass(frozen=True)
class Proposal:
    """A relinking as it would be: its number, and counts by kind of change."""

    relink_id: int
    counts: dict[str, int]


def propose_relink(*, model: str, by: str) -> Proposal:
    """Link everything anew, beside the index, and keep what that would change."""
    with index.reading() as connection:
        version = index.newest_version(connection)
        records = identities.read_records(connection, "l.person_no IS NOT NULL")
        now = records.select("subject_key", pl.col("person_no").cast(pl.Int32))
        by_hand = records.filter(
            pl.col("rule").is_in([judged.CLERICAL, judged.FOLLOWS])
        )
        never = judged.never(connection, records)
        anew = relink(_fed(records))
    made = changes(now, anew, by_hand["subject_key"], never)
    feeds = records.select("subject_key", "feed_no")
    with index.writing() as connection:
        relink_id = relinks.keep(
            connection, made, feeds, model=model, version=version, by=by
        )
    audit.record(
        "relink_proposed", None, subject=f"relink {relink_id}", by=by, **made.counts
    )
    return Proposal(relink_id, made.counts)


def _fed(records: pl.DataFrame) -> list[Fed]:
    """Records feed by feed, in the order in which feeds are loaded."""
    ordered = sorted(FEEDS.values(), key=lambda spec: spec.order)
    plain = records.drop("rule", "person_no", "number_agreed")
    parts = [(spec, plain.filter(feed_no=spec.number)) for spec in ordered]
    return [
        Fed(spec.tier, spec.introduces, some) for spec, some in parts if some.height
    ]


def accept_relink(*, relink_id: int, by: str) -> int:
    """Make a proposed relinking the index; returns the version that it makes."""
    with index.writing() as connection:
        version = relinks.accept(connection, relink_id, by=by)
    audit.record("relink_accepted", None, subject=f"relink {relink_id}", by=by)
    actions.settle_people()
    return version


def refuse_relink(*, relink_id: int, by: str) -> None:
    """Put a proposed relinking away."""
    with index.writing() as connection:
        relinks.refuse(connection, relink_id, by=by)
    audit.record("relink_refused", None, subject=f"relink {relink_id}", by=by)


def count_facts_in_review() -> int:
    """Count the facts that hang on each record in the queue; returns how many pairs."""
    with bulk.connect("vault") as connection:
        pairs = reviews.uncounted(connection)
    if pairs.is_empty():
        return 0
    with bulk.connect("default") as connection:
        counts = _facts(connection, pairs)
    with index.reading() as connection:
        reviews.keep_counts(connection, counts)
    return counts.height


def _facts(connection: dbapi.Connection, pairs: pl.DataFrame) -> pl.DataFrame:
    bulk.copy(connection, pairs, "in_review", temporary=True)
    per_table = " UNION ALL ".join(
        f"SELECT r.id FROM pg_temp.in_review r JOIN {table} f"
        " ON f.person_no = r.person_no AND f.subject_key = r.subject_key"
        for table in ("event", "activity", "registration", "residence")
    )
    return bulk.fetch(
        connection,
        "SELECT r.id, count(f.id)::integer AS facts FROM pg_temp.in_review r"
        f" LEFT JOIN ({per_table}) f ON f.id = r.id GROUP BY r.id",
    )


def pseudonymise(
    *, rows: pl.DataFrame, recipient: str, purpose: str, by: str
) -> pl.DataFrame:
    """Put the recipient's pseudonym in the place of `person_no`, for what leaves.

    Rows of numbers that the index does not know are refused, not passed on.
    """
    with index.reading() as connection:
        named = pseudonyms.pseudonyms(
            connection, rows["person_no"], recipient=recipient, purpose=purpose
        )
    made = rows.with_columns(pl.col("person_no").cast(pl.Int32)).join(
        named, on="person_no", how="left", maintain_order="left"
    )
    unknown = made["pseudonym"].null_count()
    if unknown:
        raise pseudonyms.RefusedPseudonymError(
            f"{unknown} rows speak of nobody in the person index"
        )
    audit.record(
        "pseudonyms_made",
        None,
        subject=f"{recipient} for {purpose}",
        persons=named.height,
        by=by,
    )
    return made.select(
        "pseudonym", *(n for n in made.columns if n not in ("person_no", "pseudonym"))
    )


def begin_epoch(*, recipient: str, purpose: str, by: str) -> int:
    """Give a recipient new pseudonyms from now on; returns the epoch."""
    with index.writing() as connection:
        epoch = pseudonyms.begin_epoch(
            connection, recipient=recipient, purpose=purpose, by=by
        )
    audit.record(
        "epoch_begun", None, subject=f"{recipient} for {purpose}", epoch=epoch, by=by
    )
    return epoch


def check_links(*, as_of: date) -> LinkageAudit:
    """Check the links on a sample of real records, for the linkage report."""
    made = bias.check_links(as_of=as_of)
    audit.record("links_checked", None, subject=f"{as_of}", persons=made.tried)
    return made


def ask_opt_outs(*, by: str) -> list[str]:
    """Note that the national opt-out service is asked about everyone known.

    Returns their NHS numbers, for the one file that MESH carries there.
    """
    with index.writing() as connection:
        numbers = opt_outs.ask(connection)
    audit.record(
        "opt_outs_asked", None, subject="everyone known", persons=len(numbers), by=by
    )
    return numbers.to_list()
