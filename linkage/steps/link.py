"""Whose record is this? Deterministic linkage of source records to the person index.

Routes, in order: NHS number with an agreeing birth date; the source's own identifier
with nothing against it; exact demographics with one candidate; else a new person,
where the record is good enough to make one. Two different valid NHS numbers never
join. A record that contradicts itself is left unlinked rather than guessed at.
"""

from typing import NamedTuple

import polars as pl

from linkage.specs import Tier
from linkage.steps.name_key import name_key

# What the index holds of a person: every identity a linked record has stated.
# nhs_number is null there unless the number is held to be the person's own.
IDENTITY_SCHEMA = {
    "person_no": pl.Int32,
    "nhs_number": pl.String,
    "born_on": pl.Date,
    "sex": pl.String,
    "surname": pl.String,
    "forename": pl.String,
    "postcode": pl.String,
}
DECISION = {
    "subject_key": pl.Int64,
    "person_no": pl.Int32,
    "rule": pl.String,
    "number_agreed": pl.Boolean,
}
SAME_NAME_AND_HOME = ["born_on", "surname", "forename", "postcode"]
SAME_NAME = ["born_on", "surname", "forename", "sex"]
SAME_HOME = ["born_on", "sex", "postcode"]


class Linked(NamedTuple):
    """decisions: subject_key, person_no (Int32), rule, number_agreed; one row for each
    record that was linked. created: the person_no values that are new."""

    decisions: pl.DataFrame
    created: pl.Series


def link(
    records: pl.DataFrame, identities: pl.DataFrame, tier: Tier, next_person_no: int
) -> Linked:
    """Decide for each record which person it belongs to.

    records: subject_key (unique), nhs_number (check digit passed or null), born_on,
        sex, surname, forename, postcode, local_person_no (whom the source's own
        identifier has meant so far, or null).
    identities: IDENTITY_SCHEMA, complete for every person that could be meant.
    tier: what the feed carries decides which routes are open.
    """
    records, identities = for_comparison(records), for_comparison(identities)
    decided = [_match(records, identities, tier)]
    left = _left(records, decided)
    created = []
    for anchors_of in (_new_by_number, _new_by_name):
        anchors = anchors_of(left, identities, tier, next_person_no)
        if not anchors.height:
            continue
        next_person_no += anchors.height
        created.append(anchors["person_no"])
        decided.append(anchors.select(list(DECISION)))
        left = _left(left, decided)
        made = anchors.with_columns(
            nhs_number=pl.when("number_agreed").then("nhs_number")
        ).select(list(IDENTITY_SCHEMA))
        identities = pl.concat([identities, made])
        decided.append(_match(left, identities, tier))
        left = _left(left, decided)
    return Linked(
        pl.concat(decided),
        pl.concat([pl.Series("person_no", [], dtype=pl.Int32), *created]),
    )


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
    """Names in the form that is compared; the first forename only."""
    first = pl.col("forename").str.strip_chars().str.extract(r"^(\S+)")
    return frame.with_columns(
        surname=name_key(pl.col("surname")), forename=name_key(first)
    )


def _left(records: pl.DataFrame, decided: list[pl.DataFrame]) -> pl.DataFrame:
    done = pl.concat(decided).select("subject_key")
    return records.join(done, on="subject_key", how="anti")


def _match(records: pl.DataFrame, identities: pl.DataFrame, tier: Tier) -> pl.DataFrame:
    """Try each route against the index as it stands; the first that decides counts.

    A number that one route gives to a person is that person's for the routes after it.
    """
    numbers = identities.select("person_no", "nhs_number").drop_nulls().unique()
    found = [_by_number(records, identities, numbers, tier)]
    left = _left(records, found)
    found.append(_by_local_id(left, identities, numbers))
    keys = {"names": [SAME_NAME_AND_HOME, SAME_NAME], "national": [SAME_HOME]}
    for key in keys.get(tier, []):
        numbers = _with_agreed(numbers, left, found[-1])
        left = _left(left, found)
        found.append(_by_demographics(left, identities, numbers, key))
    return pl.concat(found)


def _with_agreed(
    numbers: pl.DataFrame, records: pl.DataFrame, decisions: pl.DataFrame
) -> pl.DataFrame:
    agreed = (
        decisions.filter("number_agreed")
        .join(records.select("subject_key", "nhs_number"), on="subject_key")
        .select("person_no", "nhs_number")
        .drop_nulls()
    )
    return pl.concat([numbers, agreed]).unique()


def _decision(frame: pl.DataFrame, rule: str, agreed: pl.Expr) -> pl.DataFrame:
    return frame.select(
        "subject_key",
        pl.col("person_no").cast(pl.Int32),
        rule=pl.lit(rule),
        number_agreed=agreed,
    )


def _by_number(
    records: pl.DataFrame, identities: pl.DataFrame, numbers: pl.DataFrame, tier: Tier
) -> pl.DataFrame:
    pairs = records.drop_nulls("nhs_number").join(numbers, on="nhs_number")
    if tier == "token":  # the crosswalk vouches for the number; nothing else came
        return _decision(_only_one(pairs), "token", pl.lit(False))
    known = identities.select(
        "person_no",
        known_born="born_on",
        known_surname="surname",
        known_forename="forename",
        known_postcode="postcode",
    ).unique()
    pairs = pairs.join(known, on="person_no")
    same_name = (pl.col("surname") == pl.col("known_surname")) & (
        pl.col("forename") == pl.col("known_forename")
    )
    same_home = pl.col("postcode") == pl.col("known_postcode")
    # Without a birth date a number alone is too weak: a slip can be another's number.
    agrees = (
        pl.when(pl.col("born_on").is_not_null() & pl.col("known_born").is_not_null())
        .then(birth_dates_agree("born_on", "known_born"))
        .otherwise(same_name.fill_null(False) | same_home.fill_null(False))
    )
    pairs = pairs.filter(agrees).select("subject_key", "person_no").unique()
    return _decision(_only_one(pairs), "nhs_number_and_birth_date", pl.lit(True))


def _only_one(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.filter(pl.len().over("subject_key") == 1)


def _without_other_number(pairs: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """Drop pairs that would join two different valid NHS numbers.

    Adds `own` (the person's numbers) and `number_agreed`: the record's number is, or
    now becomes, the person's. When several records bring different numbers for one
    numberless person, one number is taken and the others' records are not joined; a
    number brought for several persons is given to none.
    """
    owned = numbers.group_by("person_no").agg(own=pl.col("nhs_number"))
    taken = numbers.select("nhs_number", taken=pl.lit(True)).unique()
    pairs = pairs.join(owned, on="person_no", how="left", maintain_order="left")
    pairs = pairs.join(taken, on="nhs_number", how="left", maintain_order="left")
    stated, own = pl.col("nhs_number"), pl.col("own")
    is_own = own.list.contains(stated).fill_null(False)
    allowed = stated.is_null() | own.is_null() | is_own
    brings = stated.is_not_null() & own.is_null() & pl.col("taken").is_null()
    pairs = pairs.filter(allowed).with_columns(number_agreed=is_own | brings)
    chosen = pl.col("nhs_number").filter("number_agreed").min().over("person_no")
    given_to = pl.col("person_no").filter("number_agreed").n_unique()
    for_one = given_to.over("nhs_number") == 1
    return pairs.filter(~pl.col("number_agreed") | (stated == chosen) & for_one)


def _by_local_id(
    records: pl.DataFrame, identities: pl.DataFrame, numbers: pl.DataFrame
) -> pl.DataFrame:
    pairs = records.drop_nulls("local_person_no").with_columns(
        person_no=pl.col("local_person_no")
    )
    pairs = _without_other_number(pairs, numbers)
    births = identities.select("person_no", known_born="born_on").drop_nulls().unique()
    agreeing = (
        pairs.select("subject_key", "person_no", "born_on")
        .join(births, on="person_no")
        .group_by("subject_key")
        .agg(agrees=birth_dates_agree("born_on", "known_born").any())
    )
    pairs = pairs.join(agreeing, on="subject_key", how="left")
    # A different birth date contradicts, unless the number says the same person.
    contradicted = (
        pl.col("born_on").is_not_null()
        & ~pl.col("agrees").fill_null(True)
        & ~pl.col("own").list.contains(pl.col("nhs_number")).fill_null(False)
    )
    return _decision(
        pairs.filter(~contradicted), "local_identifier", pl.col("number_agreed")
    )


def _by_demographics(
    records: pl.DataFrame,
    identities: pl.DataFrame,
    numbers: pl.DataFrame,
    key: list[str],
) -> pl.DataFrame:
    known = identities.select("person_no", *key).drop_nulls().unique()
    pairs = records.drop_nulls(key).join(known, on=key)
    pairs = _without_other_number(_only_one(pairs), numbers)
    return _decision(pairs, "_and_".join(key), pl.col("number_agreed"))


def _numbered(anchors: pl.DataFrame, first: int) -> pl.DataFrame:
    """Give anchors their person numbers, in the meaningless order of their keys."""
    return anchors.sort("subject_key").with_columns(
        person_no=pl.int_range(first, first + pl.len(), dtype=pl.Int32)
    )


def _new_by_number(
    left: pl.DataFrame, identities: pl.DataFrame, tier: Tier, first: int
) -> pl.DataFrame:
    """One new person for each valid number that the index does not know.

    Where records of one number state several birth dates, the commonest makes the
    person, and the others must agree with it to join.
    """
    if tier == "token":
        return left.head(0).with_columns(
            person_no=pl.lit(0, dtype=pl.Int32), rule=pl.lit(""), number_agreed=True
        )
    fresh = left.drop_nulls(["nhs_number", "born_on"]).join(
        identities.select("nhs_number").drop_nulls().unique(),
        on="nhs_number",
        how="anti",
    )
    anchors = (
        fresh.with_columns(often=pl.len().over("nhs_number", "born_on"))
        .sort("often", "subject_key", descending=[True, False])
        .unique("nhs_number", keep="first", maintain_order=True)
        .drop("often")
    )
    return _numbered(anchors, first).with_columns(
        rule=pl.lit("new_nhs_number"), number_agreed=pl.lit(True)
    )


def _new_by_name(
    left: pl.DataFrame, identities: pl.DataFrame, tier: Tier, first: int
) -> pl.DataFrame:
    """One new person for each name and birth date; only where the feed carries names.

    A number that belongs to somebody else by birth date is not taken over.
    """
    named = left.drop_nulls(["surname", "born_on"])
    if tier != "names":
        named = named.head(0)
    anchors = named.sort("subject_key").unique(
        SAME_NAME, keep="first", maintain_order=True
    )
    return _numbered(anchors, first).with_columns(
        rule=pl.lit("new_name_and_birth_date"), number_agreed=pl.lit(False)
    )
