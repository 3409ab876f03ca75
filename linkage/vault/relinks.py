"""Proposed relinkings: kept beside the index until somebody accepts or refuses them."""

import polars as pl
from adbc_driver_postgresql import dbapi

from linkage import bulk
from linkage.definitions import FEEDS
from linkage.steps.relink import MOVE, Changes
from linkage.vault import changes, index
from linkage.vault.models import Relink

SAMPLED = 20


class RefusedRelinkError(ValueError):
    """A relinking that cannot be accepted; says why."""


def keep(
    connection: dbapi.Connection,
    made: Changes,
    feeds: pl.DataFrame,
    *,
    model: str,
    version: int,
    by: str,
) -> int:
    """Keep a proposal with its moves; returns its number.

    feeds: subject_key, feed_no. The sample names feeds and rules, and nobody.
    """
    names = {spec.number: name for name, spec in FEEDS.items()}
    sample = (
        made.moves.join(feeds, on="subject_key", maintain_order="left")
        .select(
            feed=pl.col("feed_no").replace_strict(names, return_dtype=pl.String),
            rule="rule",
            to_somebody_new=pl.col("to_no") < 0,
        )
        .group_by("feed", "rule", "to_somebody_new")
        .agg(records=pl.len())
        .sort("records", "feed", "rule", descending=[True, False, False])
        .head(SAMPLED)
    )
    proposal = Relink.objects.create(
        by=by,
        model=model,
        index_version=version,
        counts=made.counts,
        sample=sample.to_dicts(),
    )
    moves = made.moves.with_columns(relink_id=pl.lit(proposal.pk, dtype=pl.Int32))
    bulk.copy(connection, moves, "relink_move")
    return int(proposal.pk)


def accept(connection: dbapi.Connection, relink_id: int, *, by: str) -> int:
    """Move the records of a proposal; returns the index version that it ends in.

    Refused when the index has changed since: the proposal says nothing of that.
    """
    proposal = _open(relink_id)
    if index.newest_version(connection) != proposal.index_version:
        raise RefusedRelinkError(
            "the index has changed since this was proposed: propose it again"
        )
    moves = bulk.fetch(
        connection,
        "SELECT subject_key, from_no, to_no, rule FROM relink_move"
        f" WHERE relink_id = {int(relink_id)}",
    ).cast(MOVE)
    version = proposal.index_version
    if moves.height:
        version = _move(connection, moves, f"relink {proposal.model}", by)
    proposal.state = Relink.State.ACCEPTED
    proposal.decided_by, proposal.accepted_version = by, version
    proposal.save()
    return version


def refuse(connection: dbapi.Connection, relink_id: int, *, by: str) -> None:
    """Put a proposal away, with its moves."""
    proposal = _open(relink_id)
    bulk.execute(
        connection, f"DELETE FROM relink_move WHERE relink_id = {int(relink_id)}"
    )
    proposal.state, proposal.decided_by = Relink.State.REFUSED, by
    proposal.save()


def _open(relink_id: int) -> Relink:
    proposal = Relink.objects.filter(pk=relink_id, state=Relink.State.PROPOSED).first()
    if proposal is None:
        raise RefusedRelinkError(f"there is no open proposal {relink_id}")
    return proposal


def _move(connection: dbapi.Connection, moves: pl.DataFrame, rule: str, by: str) -> int:
    """First what parts people or moves records between them, then whole people."""
    made = sorted({n for n in moves["to_no"].to_list() if n < 0}, reverse=True)
    first = index.next_person_no(connection)
    numbers = {temporary: first + n for n, temporary in enumerate(made)}
    moves = moves.with_columns(to_no=pl.col("to_no").replace(numbers))
    whole = _absorbed(connection, moves)
    parts = moves.join(whole, on=["from_no", "to_no"], how="anti")
    version = index.newest_version(connection)
    if parts.height:
        version = changes.apply(
            connection,
            parts,
            kind="split",
            rule=rule,
            by=by,
            created=list(numbers.values()),
        )
    merged = moves.join(whole, on=["from_no", "to_no"], how="semi")
    if merged.height:
        version = changes.apply(connection, merged, kind="merge", rule=rule, by=by)
        changes.redirect(connection, whole, version)
    return version


def _absorbed(connection: dbapi.Connection, moves: pl.DataFrame) -> pl.DataFrame:
    """from_no, to_no of people who go over whole to one other."""
    bulk.copy(connection, moves.select("from_no").unique(), "leaving", temporary=True)
    sizes = bulk.fetch(
        connection,
        "SELECT l.person_no AS from_no, count(*) AS records FROM pg_temp.leaving v"
        " JOIN link l ON l.person_no = v.from_no AND l.to_version IS NULL"
        " GROUP BY l.person_no",
    ).cast({"from_no": pl.Int32, "records": pl.Int64})
    arriving = moves.select(from_no="to_no").unique()
    return (
        moves.group_by("from_no", "to_no")
        .agg(gone=pl.len().cast(pl.Int64))
        .join(sizes, on="from_no")
        .filter(pl.col("gone") == pl.col("records"))
        .join(arriving, on="from_no", how="anti")
        .select("from_no", "to_no")
    )
