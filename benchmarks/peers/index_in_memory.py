"""A person index of frames: what the vault's tables hold, without the database.

It is searched and extended as `linkage/vault/index.py` does it: by the NHS number
first, by blocks for what that leaves, and nothing is relinked.
"""

import polars as pl

from linkage.steps.blocks import blocks, number_blocks, unsettled
from linkage.steps.link import IDENTITY_SCHEMA, Linked, for_comparison, link

RECORD = ("subject_key", "nhs_number", "born_on", "sex", "surname", "forename")
RECORD += ("postcode",)


class IndexInMemory:
    """People, their identities, and the blocks by which they are found."""

    def __init__(self) -> None:
        self.identities = pl.DataFrame(schema=IDENTITY_SCHEMA)
        self.found = pl.DataFrame(schema={"block": pl.Int64, "person_no": pl.Int32})
        self.links = pl.DataFrame(
            schema={"subject_key": pl.Int64, "person_no": pl.Int32}
        )
        self.next_person_no = 1

    def add(self, records: pl.DataFrame, linked: Linked) -> None:
        """Keep what a linkage decided: links, merges, identities and their blocks."""
        told = records.join(linked.decisions, on="subject_key")
        identities = for_comparison(told).select(
            "person_no",
            pl.when("number_agreed").then("nhs_number").alias("nhs_number"),
            *list(IDENTITY_SCHEMA)[2:],
        )
        fresh = identities.unique().with_row_index("row")
        found = blocks(fresh).join(
            fresh.select(pl.col("row").cast(pl.Int64), "person_no"), on="row"
        )
        self.identities = pl.concat([self.identities, fresh.drop("row")])
        self.found = pl.concat([self.found, found.select("block", "person_no")])
        links = linked.decisions.select("subject_key", "person_no")
        self.links = pl.concat([self.links, links])
        if linked.merges.height:
            into = dict(linked.merges.select("person_no", "into_person_no").iter_rows())
            moved = pl.col("person_no").replace(into)
            self.identities = self.identities.with_columns(moved)
            self.found = self.found.with_columns(moved)
            self.links = self.links.with_columns(moved)
        self.next_person_no += linked.created.len()

    def link(self, records: pl.DataFrame) -> Linked:
        """Link a day's records (RECORD columns) against the index."""
        rows = for_comparison(records).with_row_index("row").drop("stated_number")
        asked = number_blocks(rows)
        settled = self._identities_of(asked)
        left = unsettled(rows, settled)
        more = self._identities_of(blocks(left, "names"))
        known = pl.concat([settled, more]).unique()
        return link(
            records.with_columns(local_person_no=pl.lit(None, dtype=pl.Int32)),
            known,
            "names",
            self.next_person_no,
            persons=self.next_person_no,
        )

    def _identities_of(self, asked: pl.DataFrame) -> pl.DataFrame:
        people = self.found.join(asked.select("block").unique(), on="block", how="semi")
        return self.identities.join(
            people.select("person_no").unique(), on="person_no", how="semi"
        )
