"""Whom a list of identifiers speaks of: linked against the index, nothing kept.

The identifiers live in this process for as long as the call lasts. What leaves are
counts, and person numbers into the store's table of imported lists.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl
from adbc_driver_postgresql import dbapi

from governance.definitions import load_file
from linkage import bulk
from linkage.definitions import HERE
from linkage.specs import FeedSpec
from linkage.steps.identify import identify
from linkage.steps.link import link
from linkage.steps.read import read_content
from linkage.steps.validate import validate
from linkage.vault import identities

# An analyst's cohort of one would be that person's record, exact.
FEWEST = 20


@dataclass(frozen=True)
class LinkedList:
    """Counts of a list's rows, and who was found: distinct person numbers.

    unusable: rows without enough to look anybody up. repeated: rows of somebody
    already found. opted_out: found, and left out of uses beyond their own care.
    """

    rows: int
    matched: int
    unmatched: int
    unusable: int
    repeated: int
    opted_out: int
    people: list[int]


def specification() -> FeedSpec:
    """The columns that a list may have."""
    return load_file(HERE / "imported_list.yaml", FeedSpec)


def link_list(content: bytes, *, today: date, honour_opt_outs: bool) -> LinkedList:
    """Link the rows of a CSV to people of the index; nobody new is made."""
    spec = specification()
    rows = read_content(content, spec, "the list")
    checked = validate(rows, spec, today)
    enough = pl.col("nhs_number").is_not_null() | (
        pl.col("born_on").is_not_null() & pl.col("surname").is_not_null()
    )
    usable = identify(checked.accepted.filter(enough), spec)
    records = usable.unique("subject_key", maintain_order=True).with_columns(
        local_person_no=pl.lit(None, dtype=pl.Int32)
    )
    with bulk.connect("vault") as connection:
        search = identities.search_version(connection)
        close = identities.candidates(connection, records, spec, search)
        # Numbers of people to be made lie beyond every known one: they are dropped.
        beyond = 2**30
        found = link(records, close, spec.tier, beyond).decisions.filter(
            pl.col("person_no") < beyond
        )
        opted_out = _opted_out(connection, found["person_no"])
    whose = usable.join(found.select("subject_key", "person_no"), on="subject_key")
    people = whose["person_no"].unique()
    kept = (
        people.filter(~people.is_in(opted_out.implode())) if honour_opt_outs else people
    )
    return LinkedList(
        rows=rows.height,
        matched=whose.height,
        unmatched=usable.height - whose.height,
        unusable=rows.height - usable.height,
        repeated=whose.height - people.len(),
        opted_out=people.len() - kept.len(),
        people=kept.sort().to_list(),
    )


def _opted_out(connection: dbapi.Connection, people: pl.Series) -> pl.Series:
    asked = people.unique().alias("person_no").to_frame()
    bulk.copy(connection, asked, "asked_people", temporary=True)
    return bulk.fetch(
        connection,
        "SELECT person_no FROM pg_temp.asked_people JOIN person_identity"
        " USING (person_no) WHERE national_opt_out OR type1_opt_out_on IS NOT NULL",
    )["person_no"].cast(pl.Int32)
