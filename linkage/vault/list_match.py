"""Whom the records of a list are in the person index; nothing is written there."""

import polars as pl

from linkage import bulk
from linkage.keys import row_keys
from linkage.specs import FeedSpec
from linkage.steps.check_digit import check_digit
from linkage.steps.link import link
from linkage.vault import identities, index, judged
from linkage.vault.list_import import specification

LINKS = ("record_id", "cluster_id", "rule", "weight")


def match_records(records: pl.DataFrame) -> pl.DataFrame:
    """record_id, cluster_id (the person number; null for nobody), rule, weight.

    records: as `linkage.record_files.read_records` reads them. A record that would
    make a new person is nobody; what people have judged apart stays apart.
    """
    spec: FeedSpec = specification()
    asked = records.with_columns(
        check_digit("nhs_number"),
        sex=pl.col("sex")
        .str.to_uppercase()
        .str.slice(0, 1)
        .replace({"1": "M", "2": "F"}),
        subject_key=row_keys(records, ["record_id"], "list record"),
        local_person_no=pl.lit(None, dtype=pl.Int32),
    )
    with bulk.connect("vault") as connection:
        version = identities.search_version(connection)
        close = identities.candidates(connection, asked, spec, version)
        beyond = index.next_person_no(connection)
        found = link(
            asked,
            close,
            spec.tier,
            beyond,
            persons=beyond - 1,
            apart=judged.apart(connection),
        ).decisions
    known = found.filter(pl.col("person_no") < beyond).rename(
        {"person_no": "cluster_id"}
    )
    return (
        asked.select("record_id", "subject_key")
        .join(known, on="subject_key", how="left", maintain_order="left")
        .select(LINKS)
    )
