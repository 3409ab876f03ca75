"""Link everything anew in memory, and say what that would change."""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from linkage.specs import Tier
from linkage.steps.link import IDENTITY_SCHEMA, for_comparison, link

MOVE = pl.Schema(
    {
        "subject_key": pl.Int64,
        "from_no": pl.Int32,
        "to_no": pl.Int32,
        "rule": pl.String,
    }
)


class Fed(NamedTuple):
    """One feed's records in the order of loading: its tier, whether it introduces
    people, and records (SUBJECT_COLUMNS)."""

    tier: Tier
    introduces: bool
    records: pl.DataFrame


class Changes(NamedTuple):
    """moves (MOVE; people to be made have negative numbers) and counts by kind."""

    moves: pl.DataFrame
    counts: dict[str, int]


def relink(feeds: Iterable[Fed]) -> pl.DataFrame:
    """Link every record from nothing: subject_key, cluster (Int32), rule.

    Records that no rule gives to anyone are left out.
    """
    identities = pl.DataFrame(schema=IDENTITY_SCHEMA)
    local = pl.DataFrame(schema={"local_key": pl.Int64, "local_person_no": pl.Int32})
    done = [pl.DataFrame(schema={"subject_key": pl.Int64, "cluster": pl.Int32})]
    done[0] = done[0].with_columns(rule=pl.lit(None, dtype=pl.String))
    following = 1
    for feed in feeds:
        records = feed.records.join(
            local, on="local_key", how="left", maintain_order="left"
        )
        linked = link(records, identities, feed.tier, following)
        following += linked.created.len()
        decided = linked.decisions
        done.append(
            decided.select("subject_key", "rule", cluster="person_no").select(
                "subject_key", "cluster", "rule"
            )
        )
        told = for_comparison(
            feed.records.join(decided, on="subject_key", maintain_order="left")
        ).with_columns(nhs_number=pl.when("number_agreed").then("nhs_number"))
        stated = told.select(list(IDENTITY_SCHEMA)).cast(pl.Schema(IDENTITY_SCHEMA))
        identities = pl.concat([identities, stated]).unique()
        if linked.merges.height:
            one = dict(linked.merges.select("person_no", "into_person_no").iter_rows())
            identities = identities.with_columns(pl.col("person_no").replace(one))
            local = local.with_columns(pl.col("local_person_no").replace(one))
            done = [part.with_columns(pl.col("cluster").replace(one)) for part in done]
        if feed.introduces:
            named = told.drop_nulls("local_key").sort("seen_on", nulls_last=False)
            newest = named.select("local_key", local_person_no="person_no")
            local = pl.concat([local, newest]).unique(
                "local_key", keep="last", maintain_order=True
            )
    return pl.concat(done)


def changes(
    now: pl.DataFrame, anew: pl.DataFrame, by_hand: pl.Series, never: pl.DataFrame
) -> Changes:
    """What accepting a relinking would change.

    now: subject_key, person_no. anew: of `relink`. A cluster is the person of most of
    its records; others are new people. by_hand: records that somebody has placed, which
    stay. never: subject_key, person_no that somebody has forbidden.
    """
    both = now.join(anew, on="subject_key")
    shared = (
        both.group_by("cluster", "person_no")
        .len()
        .sort("len", "cluster", "person_no", descending=[True, False, False])
    )
    matched = _one_to_one(shared)
    fresh = (
        both.select("cluster")
        .unique()
        .join(matched, on="cluster", how="anti")
        .sort("cluster")
        .with_columns(to_no=-pl.int_range(1, pl.len() + 1, dtype=pl.Int32))
    )
    people = pl.concat([matched.select("cluster", to_no="person_no"), fresh])
    moves = (
        both.join(people, on="cluster")
        .filter(
            (pl.col("to_no") != pl.col("person_no"))
            & ~pl.col("subject_key").is_in(by_hand.implode())
        )
        .join(
            never,
            left_on=["subject_key", "to_no"],
            right_on=["subject_key", "person_no"],
            how="anti",
        )
        .select("subject_key", from_no="person_no", to_no="to_no", rule="rule")
        .cast(MOVE)
        .sort("subject_key")
    )
    return Changes(moves, _counts(now, moves))


def _one_to_one(shared: pl.DataFrame) -> pl.DataFrame:
    """Give each cluster one person and each person one cluster, most records first."""
    clusters: set[int] = set()
    people: set[int] = set()
    chosen = []
    for cluster, person_no in shared.select("cluster", "person_no").iter_rows():
        if cluster not in clusters and person_no not in people:
            clusters.add(cluster)
            people.add(person_no)
            chosen.append((cluster, person_no))
    schema = {"cluster": pl.Int32, "person_no": pl.Int32}
    return pl.DataFrame(chosen, schema=schema, orient="row")


def _counts(now: pl.DataFrame, moves: pl.DataFrame) -> dict[str, int]:
    sizes = now.group_by("person_no").len()
    leaving = moves.group_by(person_no="from_no").agg(gone=pl.len())
    arriving = set(moves["to_no"].to_list())
    emptied = sizes.join(leaving, on="person_no").filter(
        (pl.col("len") == pl.col("gone")) & ~pl.col("person_no").is_in(list(arriving))
    )
    return {
        "records": now.height,
        "records_moved": moves.height,
        "people_before": sizes.height,
        "people_absorbed": emptied.height,
        "people_made": len({n for n in arriving if n < 0}),
        "people_touched": moves["from_no"].n_unique() if moves.height else 0,
    }
