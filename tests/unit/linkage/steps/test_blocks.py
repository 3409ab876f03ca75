"""Where a record is looked for, and which records need not be looked for at all."""

from datetime import date

import polars as pl
import pytest

from linkage.steps.blocks import blocks, household_blocks, number_blocks, unsettled
from linkage.steps.link import IDENTITY_SCHEMA

A, B = "9990000018", "9990000026"
RECORD = {"row": 1, "nhs_number": A, "born_on": date(1950, 3, 7), "sex": "F"}
RECORD |= {"surname": "young", "forename": "ada may", "postcode": "ZX1 1AA"}
SCHEMA = {"row": pl.Int64, **IDENTITY_SCHEMA}
del SCHEMA["person_no"], SCHEMA["stated_number"]


def frame(**told) -> pl.DataFrame:
    return pl.DataFrame([RECORD | told], schema=SCHEMA)


def found(tier=None, **told) -> set[int]:
    return set(blocks(frame(**told), tier)["block"])


def test_an_identity_is_found_under_every_key_that_it_has() -> None:
    assert len(found()) == 8
    assert len(found(postcode=None)) == 5
    assert found(postcode=None) < found()


@pytest.mark.parametrize(
    ("tier", "keys"), [("names", 8), ("national", 2), ("token", 1)]
)
def test_a_record_is_looked_for_as_its_tier_allows(tier, keys) -> None:
    assert found(tier) <= found()
    assert len(found(tier)) == keys


@pytest.mark.parametrize(
    "told",
    [
        {"surname": "married", "nhs_number": None},
        {"postcode": "ZX9 9ZZ", "nhs_number": None},
        {"born_on": date(1951, 3, 7), "nhs_number": None},
        {"born_on": date(1950, 7, 3), "nhs_number": None},
        {"forename": "young", "surname": "ada", "nhs_number": None},  # exchanged
        {"forename": None, "nhs_number": None},
        {"forename": "ada"},
    ],
)
def test_one_thing_written_otherwise_leaves_a_key_in_common(told) -> None:
    assert found() & found(**told)


def test_other_people_share_none() -> None:
    other = {"nhs_number": B, "surname": "khan", "forename": "zara"}
    other |= {"postcode": "ZX9 9ZZ"}
    assert found().isdisjoint(found(**other))


def test_a_household_is_asked_for_as_it_was_stated() -> None:
    stated = frame(surname="YOUNG")
    assert set(household_blocks(stated)["block"]) <= found()


def test_a_number_whose_holder_has_that_birth_date_settles_a_record() -> None:
    holder = pl.DataFrame(
        [{"person_no": 7, "nhs_number": A, "born_on": date(1950, 7, 3)}],
        schema=IDENTITY_SCHEMA,
    )
    assert unsettled(frame(), holder).is_empty()
    assert unsettled(frame(born_on=date(1988, 1, 30)), holder).height == 1
    assert unsettled(frame(nhs_number=B), holder).height == 1
    assert number_blocks(frame(nhs_number=None)).is_empty()
