"""Whose record is this? Linkage of source records to the person index.

NHS number with an agreeing birth date first (`linking/cross_check.py`); then, for what
no number settles, the weight of everything else that agrees, the source's own
identifier among it; else a new person, where the record is good enough to make one.
Two different valid NHS numbers never join. What cannot be told is left for review.
"""

from typing import NamedTuple

import polars as pl

from linkage.specs import Tier
from linkage.steps.linking.decide import Decided, decide
from linkage.steps.linking.model import model_in_use
from linkage.steps.linking.names import plain
from linkage.steps.linking.prepare import INPUT, prepare
from linkage.steps.linking.weigh import Engine, Shares

# What the index holds of a person: every identity a linked record has stated.
# nhs_number is null there unless the number is held to be the person's own;
# stated_number is what was written, right or wrong.
IDENTITY_SCHEMA = {
    "person_no": pl.Int32,
    "nhs_number": pl.String,
    "born_on": pl.Date,
    "sex": pl.String,
    "surname": pl.String,
    "forename": pl.String,
    "postcode": pl.String,
    "stated_number": pl.String,
}
DECISION = {
    "subject_key": pl.Int64,
    "person_no": pl.Int32,
    "rule": pl.String,
    "number_agreed": pl.Boolean,
    "weight": pl.Float64,
}
MERGE = {"person_no": pl.Int32, "into_person_no": pl.Int32, "weight": pl.Float64}
REVIEW = {
    "subject_key": pl.Int64,
    "person_no": pl.Int32,
    "weight": pl.Float64,
    "why": pl.String,
}


class Linked(NamedTuple):
    """decisions: DECISION, one row for each record that was linked. created: the
    person_no values that are new. merges: people of the index that a new record shows
    to be one (never two NHS numbers). review: records with a likely person that they
    were not given to, and why."""

    decisions: pl.DataFrame
    created: pl.Series
    merges: pl.DataFrame
    review: pl.DataFrame


NOTHING = Linked(
    pl.DataFrame(schema=DECISION),
    pl.Series("person_no", [], dtype=pl.Int32),
    pl.DataFrame(schema=MERGE),
    pl.DataFrame(schema=REVIEW),
)


def link(
    records: pl.DataFrame,
    identities: pl.DataFrame,
    tier: Tier,
    next_person_no: int,
    *,
    persons: int | None = None,
    apart: pl.DataFrame | None = None,
    common: Shares | None = None,
    engine: Engine = "auto",
) -> Linked:
    """Decide for each record which person it belongs to.

    records: subject_key (unique), nhs_number (check digit passed or null), born_on,
        sex, surname, forename, postcode, local_person_no (whom the source's own
        identifier has meant so far, or null).
    identities: IDENTITY_SCHEMA, complete for every person that could be meant.
    tier: what the feed carries decides which routes are open.
    persons: how many people the index has; those of `identities` where null.
    apart: person_no, other_person_no that somebody has decided to be two people.
    """
    if records.is_empty():
        return NOTHING
    if tier == "token":
        return _by_token(records, identities)
    people = identities["person_no"].unique().sort()
    numbers = {int(person): n for n, person in enumerate(people)}
    told = pl.concat([for_comparison(identities).select(INPUT), records.select(INPUT)])
    none = [None] * records.height
    known = pl.Series(
        "known",
        [*(numbers[person] for person in identities["person_no"]), *none],
        dtype=pl.Int64,
    )
    local = records["local_person_no"].replace_strict(
        numbers, default=None, return_dtype=pl.Int64
    )
    decided = decide(
        prepare(told),
        known,
        model_in_use("names"),
        persons=max(persons or 0, people.len() + records.height),
        common=common,
        apart=_renumbered(apart, numbers),
        engine=engine,
        local=pl.concat([pl.Series([None] * identities.height, dtype=pl.Int64), local]),
        wrong_numbers=_wrong_numbers(identities),
    )
    return _as_people(decided, records, identities.height, people, tier, next_person_no)


def birth_dates_agree(one: str, other: str) -> pl.Expr:
    """Two of day, month and year are the same, or day and month are swapped.

    NHS England's Personal Demographics cross-check allows the same slips
    (Person_ID Handbook, "partial date of birth").
    """
    a, b = pl.col(one).dt, pl.col(other).dt
    same_year, same_month, same_day = (
        a.year() == b.year(),
        a.month() == b.month(),
        a.day() == b.day(),
    )
    parts = same_year.cast(pl.Int8) + same_month.cast(pl.Int8) + same_day.cast(pl.Int8)
    swapped = same_year & (a.month() == b.day()) & (a.day() == b.month())
    return (parts >= 2) | swapped


def for_comparison(frame: pl.DataFrame) -> pl.DataFrame:
    """Names in the form that is compared; the number as it was stated."""
    stated = "stated_number" if "stated_number" in frame.columns else "nhs_number"
    return frame.with_columns(
        surname=plain(pl.col("surname")),
        forename=plain(pl.col("forename")),
        stated_number=pl.col(stated),
    )


def _by_token(records: pl.DataFrame, identities: pl.DataFrame) -> Linked:
    """The crosswalk vouches for the number, and nothing else came; makes nobody."""
    numbers = identities.select("person_no", "nhs_number").drop_nulls().unique()
    pairs = records.drop_nulls("nhs_number").join(numbers, on="nhs_number")
    found = pairs.filter(pl.len().over("subject_key") == 1).select(
        "subject_key",
        pl.col("person_no").cast(pl.Int32),
        rule=pl.lit("token"),
        number_agreed=pl.lit(False),
        weight=pl.lit(None, dtype=pl.Float64),
    )
    return NOTHING._replace(decisions=found)


def _renumbered(
    apart: pl.DataFrame | None, numbers: dict[int, int]
) -> pl.DataFrame | None:
    if apart is None:
        return None
    return apart.select(
        pl.col(name)
        .replace_strict(numbers, default=None, return_dtype=pl.Int64)
        .alias(short)
        for name, short in (("person_no", "a"), ("other_person_no", "b"))
    ).drop_nulls()


def _wrong_numbers(identities: pl.DataFrame) -> pl.Series:
    """The places of identities that state a number which is not held to be theirs."""
    stated = identities["stated_number"].is_not_null()
    return (stated & identities["nhs_number"].is_null()).arg_true()


def _as_people(
    decided: Decided,
    records: pl.DataFrame,
    before: int,
    people: pl.Series,
    tier: Tier,
    next_person_no: int,
) -> Linked:
    """Units as person numbers; new people only of records that are good enough."""
    stated = records.select(
        "subject_key", "born_on", "surname", "nhs_number"
    ).with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt32) + before)
    rows = stated.join(decided.rows, on="row")
    with_number = pl.col("number_agreed") & pl.col("born_on").is_not_null()
    with_name = pl.lit(tier == "names") & pl.all_horizontal(
        pl.col("born_on", "surname").is_not_null()
    )
    new = (
        rows.filter(pl.col("unit") >= people.len())
        .group_by("unit")
        .agg(
            good=(with_number | with_name).any(),
            key=pl.col("subject_key").min(),
        )
        .filter("good")
        .sort("key")
        .select("unit", person_no=pl.int_range(pl.len()) + next_person_no)
    )
    whose = pl.concat(
        [
            pl.DataFrame(
                {
                    "unit": pl.int_range(people.len(), eager=True),
                    "person_no": people.cast(pl.Int64),
                }
            ),
            new.cast({"person_no": pl.Int64}),
        ]
    )
    decisions = rows.join(whose, on="unit").select(
        pl.col(name).cast(dtype) for name, dtype in DECISION.items()
    )
    names = dict(whose.iter_rows())

    def person(unit: str) -> pl.Expr:
        return pl.col(unit).replace_strict(names, default=None, return_dtype=pl.Int32)

    merges = decided.merges.select(
        person_no=person("unit"),
        into_person_no=person("into"),
        weight=pl.col("weight").cast(pl.Float64),
    )
    first = rows.sort("row").unique("unit", keep="first", maintain_order=True)
    review = (
        decided.review.join(first.select("unit", "subject_key"), on="unit")
        .join(decisions, on="subject_key", how="semi")
        .with_columns(
            person_no=person("other"),
        )
        .drop_nulls("person_no")
        .select(pl.col(name).cast(dtype) for name, dtype in REVIEW.items())
    )
    return Linked(decisions, new["person_no"].cast(pl.Int32), merges, review)
