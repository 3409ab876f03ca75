"""Records that say of a person only what is known of that one person already.

Most of what a hospital sends is about patients whom the index holds under the very
same NHS number, birth date, sex and address. Cross-check gives such a record to whoever
holds the number, with the weight of full agreement, whatever else there is: so it needs
none of the candidates opened, compared and weighed. Anything that could make a
difference (a number held twice, a birth date that is a usual placeholder, an address
that is none) leaves a record to `link`.
"""

from functools import cache

import polars as pl

from linkage.keys import row_keys
from linkage.specs import Tier
from linkage.steps.link import DECISION, for_comparison
from linkage.steps.linking.cross_check import NEEDS_BITS
from linkage.steps.linking.model import model_in_use
from linkage.steps.linking.prepare import (
    INPUT,
    NO_ADDRESS,
    NO_BIRTH_DATE,
    POSTCODE,
    SEXES,
    prepare,
)
from linkage.steps.linking.weigh import weigh

STATED = ("nhs_number", "born_on", "sex", "postcode")
NAMES = ("surname", "forename")
RULE = "nhs_number_and_birth_date"


def exact_blocks(records: pl.DataFrame, tier: Tier) -> pl.DataFrame:
    """row, block (both Int64): one key of all that a record of a tier states together.

    records: row, and the columns of an identity in the form that is compared
    (`for_comparison`). A record that leaves anything out has none.
    """
    columns = [*STATED, *(NAMES if tier == "names" else ())]
    born = pl.col("born_on").cast(pl.Date)
    whole = (
        records.select(
            pl.col("row").cast(pl.Int64),
            "nhs_number",
            born.alias("born_on"),
            pl.col("sex")
            .str.to_uppercase()
            .str.slice(0, 1)
            .replace_strict(SEXES, default=None, return_dtype=pl.UInt8),
            pl.col("postcode").str.to_uppercase().str.replace_all(r"[^A-Z0-9]", ""),
            *NAMES,
        )
        .drop_nulls(columns)
        .filter(
            # Many sources write 1 January where only the year is known.
            (pl.col("born_on") >= NO_BIRTH_DATE)
            & ~((pl.col("born_on").dt.month() == 1) & (pl.col("born_on").dt.day() == 1))
            & (pl.col("forename").is_null() | (pl.col("forename") != pl.col("surname")))
            & pl.col("postcode").str.contains(POSTCODE)
            & ~pl.col("postcode").str.starts_with(NO_ADDRESS)
        )
    )
    keys = row_keys(whole, columns, f"exact {' '.join(columns)}")
    return whole.select("row", keys.alias("block"))


def decisions(known: pl.DataFrame, tier: Tier) -> pl.DataFrame:
    """What `link` would decide of records (subject_key, person_no), as its DECISION."""
    weight = full_agreement(tier)
    assert weight >= NEEDS_BITS
    decided = known.with_columns(
        rule=pl.lit(RULE), number_agreed=pl.lit(value=True), weight=pl.lit(weight)
    )
    return decided.select(pl.col(name).cast(to) for name, to in DECISION.items())


@cache
def full_agreement(tier: Tier) -> float:
    """Bits of two records of a tier that agree in everything, by the model in use."""
    said = {
        "nhs_number": None,
        "born_on": "1950-03-07",
        "sex": "2",
        "postcode": "ZX1 1AA",
        "surname": "EXAMPLE" if tier == "names" else None,
        "forename": "ADA" if tier == "names" else None,
    }
    schema = dict.fromkeys(said, pl.String)
    two = for_comparison(pl.DataFrame([said, said], schema=schema)).drop(
        "stated_number"
    )
    one, other = (pl.Series([n], dtype=pl.UInt32).to_numpy() for n in (0, 1))
    model = model_in_use("names")
    return float(
        weigh(prepare(two.select(INPUT)), one, other, model, None, "frames").total()[0]
    )
