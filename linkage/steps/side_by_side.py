"""Two records beside each other: what agrees, what differs, in words for a reader."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, NamedTuple

import polars as pl

from linkage.steps.link import birth_dates_agree
from linkage.steps.name_key import name_key

Agreement = Literal["agrees", "close", "differs", "missing"]
Record = Mapping[str, object]
FIELDS = {
    "nhs_number": "NHS number",
    "surname": "Surname",
    "forename": "Forename",
    "born_on": "Date of birth",
    "sex": "Sex",
    "postcode": "Postcode",
    "line1": "Address",
}


class Line(NamedTuple):
    """One field of both records, and how far they agree."""

    field: str
    title: str
    left: str
    right: str
    agreement: Agreement
    words: str


def side_by_side(left: Record, right: Record) -> list[Line]:
    """Compare two records field by field, in the order of FIELDS.

    left, right: the columns of a source record; None where a record does not say.
    """
    lines = []
    for name, title in FIELDS.items():
        one, other = left.get(name), right.get(name)
        agreement, words = _compared(name, one, other)
        lines.append(Line(name, title, _shown(one), _shown(other), agreement, words))
    return lines


def _compared(name: str, one: object, other: object) -> tuple[Agreement, str]:
    if one is None or other is None:
        missing = "Neither record says" if one is other else "One record does not say"
        return "missing", missing
    if one == other:
        return "agrees", "The same"
    if name == "born_on":
        return _birth_dates(one, other)
    if name in ("surname", "forename"):
        return _names(_plain(one), _plain(other))
    if str(one).upper() == str(other).upper():
        return "agrees", "The same but for capitals"
    if name == "postcode" and str(one).split()[0] == str(other).split()[0]:
        return "close", "The same first half of the postcode"
    if name == "nhs_number":
        return "differs", "Two different valid NHS numbers"
    return "differs", "Different"


def _birth_dates(one: object, other: object) -> tuple[Agreement, str]:
    pair = pl.DataFrame({"one": [one], "other": [other]}).cast(pl.Date)
    if not pair.select(birth_dates_agree("one", "other")).item():
        return "differs", "Different"
    assert isinstance(one, date)
    assert isinstance(other, date)
    if (one.day, one.month) == (other.month, other.day):
        return "close", "Day and month exchanged"
    return "close", "One part differs"


def _names(one: str, other: str) -> tuple[Agreement, str]:
    if one == other:
        return "agrees", "The same but for capitals, marks or spaces"
    if not one or not other:
        return "missing", "One record has no letters here"
    if one.startswith(other) or other.startswith(one):
        return "close", "One begins with the other"
    if one[0] == other[0]:
        return "differs", "Different, with the same initial"
    return "differs", "Different"


def _plain(value: object) -> str:
    return str(pl.select(name_key(pl.lit(str(value)))).item())


def _shown(value: object) -> str:
    return "" if value is None else str(value)
