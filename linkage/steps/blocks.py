"""Keys by which the person index finds whom a record could mean.

Two records can be one person's only if they share a block; the same blocks serve the
index (kept for every identity) and a batch (`linking/block.py` has the reasons).
"""

import polars as pl

from linkage.keys import row_keys
from linkage.specs import Tier
from linkage.steps.linking.block import NAMED, WITHOUT_NAMES
from linkage.steps.linking.compare import levels
from linkage.steps.linking.model import model_in_use
from linkage.steps.linking.names import plain
from linkage.steps.linking.prepare import INPUT, prepare

BLOCK = {"row": pl.Int64, "block": pl.Int64}
NUMBER = ("nhs_number",)
HOUSEHOLD = ("surname", "postcode")


def blocks(records: pl.DataFrame, tier: Tier | None = None) -> pl.DataFrame:
    """The keys under which records are looked for: `row`, `block`, both Int64.

    records: `row` and the columns of an identity in the form that is compared
    (`for_comparison`). A key with a missing part is none. tier: what the asking feed
    carries decides where it is looked for beyond the NHS number; None gives every key,
    for identities that are to be found.
    """
    found = [pl.DataFrame(schema=BLOCK), number_blocks(records)]
    if tier != "token":
        rules = NAMED if tier in (None, "names") else WITHOUT_NAMES
        said = _parts(records)
        for rule in rules:
            if "letter" not in rule:
                found.append(_keyed(said, rule))
                continue
            for name in ("forename", "surname"):
                lettered = said.with_columns(letter=pl.col(name).str.head(1))
                found.append(_keyed(lettered, rule))
    return pl.concat(found).unique()


def number_blocks(records: pl.DataFrame) -> pl.DataFrame:
    """row, block: of the NHS number alone, which settles nearly every record."""
    return _keyed(records.select("row", "nhs_number"), NUMBER)


def household_blocks(records: pl.DataFrame) -> pl.DataFrame:
    """row, block: of surname and postcode, to ask who else of that name lives there.

    records: row, surname, postcode as they were stated or as they are compared.
    """
    return _keyed(
        records.select("row", "postcode", surname=_joined(plain(pl.col("surname")))),
        HOUSEHOLD,
    )


def _joined(surname: pl.Expr) -> pl.Expr:
    return surname.str.replace_all(" ", "", literal=True)


def _parts(records: pl.DataFrame) -> pl.DataFrame:
    born = pl.col("born_on").dt
    return records.select(
        pl.col("row").cast(pl.Int64),
        "postcode",
        born="born_on",
        forename=pl.col("forename").str.split(" ").list.first(),
        surname=_joined(pl.col("surname")),
        year=born.year(),
        day_of_year=born.month().cast(pl.Int32) * 32 + born.day(),
    )


def unsettled(records: pl.DataFrame, identities: pl.DataFrame) -> pl.DataFrame:
    """The records that no NHS number settles, and that demographics must be asked for.

    A number settles a record when somebody holds it whose birth date agrees or nearly
    agrees. records, identities: as `link` takes them.
    """
    model = model_in_use("names")
    told = pl.concat([records.select(INPUT), identities.select(INPUT)])
    prepared = prepare(told)
    ours, theirs = (
        prepared.rows.filter(pl.col("nhs").is_not_null()).filter(side)
        for side in (
            pl.col("row") < records.height,
            pl.col("row") >= records.height,
        )
    )
    pairs = ours.select("row", "nhs").join(theirs.select("nhs", other="row"), on="nhs")
    born = levels(prepared, pairs["row"].to_numpy(), pairs["other"].to_numpy(), model)[
        "born"
    ]
    agree = (born >= 0) & (born < model.level("born", "different"))
    settled = pairs.filter(pl.Series(agree))["row"].unique()
    places = pl.int_range(pl.len(), dtype=pl.UInt32)
    return records.filter(~places.is_in(settled.implode()))


def _keyed(records: pl.DataFrame, rule: tuple[str, ...]) -> pl.DataFrame:
    """row and the key of the rule's columns, where none of them is missing."""
    columns = sorted(rule)
    whole = records.drop_nulls(columns)
    keys = row_keys(whole, columns, f"block {' '.join(columns)}")
    return whole.select(pl.col("row").cast(pl.Int64), keys.alias("block"))
