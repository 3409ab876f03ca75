"""Which records could speak of the same person at all: equal in one of these keys."""

import polars as pl

from linkage.keys import row_keys
from linkage.specs import Tier

# A record's candidates are the people of whom a known identity shares one of its keys.
KINDS: dict[str, tuple[str, ...]] = {
    "number": ("nhs_number",),
    "name": ("born_on", "surname"),
    "home": ("born_on", "postcode"),
    # Asked for by reviewers: who else of that name lives there.
    "household": ("surname", "postcode"),
}
SEARCHED: dict[Tier, tuple[str, ...]] = {
    "names": ("number", "name"),
    "national": ("number", "home"),
    "token": ("number",),
}


def blocks(records: pl.DataFrame, tier: Tier | None = None) -> pl.DataFrame:
    """The keys under which records are looked for: `row`, `block`, both Int64.

    records: `row` and the columns of an identity in the form that is compared. A key
    with a missing part is none. tier: what the asking feed carries decides where it
    is looked for; None gives every key, for identities that are to be found.
    """
    kinds = KINDS if tier is None else {k: KINDS[k] for k in SEARCHED.get(tier, ())}
    found = [pl.DataFrame(schema={"row": pl.Int64, "block": pl.Int64})]
    for kind, columns in kinds.items():
        whole = records.select("row", *columns).drop_nulls(columns)
        keys = row_keys(whole, list(columns), f"block {kind}")
        found.append(whole.select("row", keys.alias("block")))
    return pl.concat(found).unique()
