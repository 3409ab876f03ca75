"""Compare the person index with a truth folder; only made data has one."""

from pathlib import Path
from typing import Literal

import polars as pl

from linkage import bulk
from linkage.definitions import FEEDS
from linkage.keys import row_keys
from linkage.steps.pairs import pairs
from linkage.vault import identities, sealing

# The truth names a record by the feed that introduces it; other feeds of the same
# provider use the same local ids.
NAMESPACES = {
    "gp_patient": "gp",
    "trust_patient_index": "trust",
    "council_client_list": "council",
}


def evaluate(truth: Path, by: Literal["feed", "tier"] = "feed") -> pl.DataFrame:
    """Pairwise precision and recall of the current links, by feed, with its tier, or
    by identifier tier alone (`tier`, no `feed`).

    truth: a folder with record_to_person.parquet (feed, organisation, local_id,
    person). Records that the truth does not name are left out.
    """
    tiers: dict[str, str] = {name: spec.tier for name, spec in FEEDS.items()}
    known = _known(truth)
    if by == "tier":
        of_tier = known.with_columns(pl.col("feed").replace_strict(tiers))
        return pairs(of_tier).rename({"feed": "tier"})
    return pairs(known).with_columns(
        tier=pl.col("feed").replace_strict(tiers, default="")
    )


def true_people(truth: Path) -> pl.DataFrame:
    """Who each person of the store truly is: `person_no`, `person`, by most records."""
    return (
        _known(truth)
        .group_by(person_no=pl.col("found").cast(pl.Int32), person="true")
        .len()
        .sort("len", "person", descending=[True, False])
        .unique("person_no", keep="first", maintain_order=True)
        .drop("len")
    )


def _known(truth: Path) -> pl.DataFrame:
    """feed, found, true of every current record that the truth names."""
    keys = pl.read_parquet(truth / "record_to_person.parquet")
    with bulk.connect("vault") as connection:
        records = bulk.fetch(
            connection,
            "SELECT s.feed_no, s.local_key, s.number, l.person_no AS found"
            f" FROM source_record s JOIN {identities.CURRENT}",
        )
        version = identities.search_version(connection)
    numbers = sealing.unseal_numbers(records["number"], version)
    records = records.drop("number").with_columns(numbers.alias("nhs_number"))
    feeds = {spec.number: name for name, spec in FEEDS.items()}
    records = records.with_columns(feed=pl.col("feed_no").replace_strict(feeds))
    known = pl.concat(
        [
            records.join(_local(keys), on="local_key"),
            records.filter(feed="registered_list").join(
                keys.filter(feed="registered_list").select(
                    nhs_number="local_id", true="person"
                ),
                on="nhs_number",
            ),
        ],
        how="diagonal",
    )
    return known.select("feed", "found", "true")


def _local(keys: pl.DataFrame) -> pl.DataFrame:
    """local_key and the true person of every record that a source names itself."""
    parts = []
    for feed, namespace in NAMESPACES.items():
        named = keys.filter(feed=feed)
        parts.append(
            named.select(
                true="person",
                local_key=sealing.blind_records(
                    row_keys(named, ["organisation", "local_id"], f"local {namespace}")
                ),
            )
        )
    return pl.concat(parts)
