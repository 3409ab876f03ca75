"""Where a record is looked for."""

import polars as pl

from linkage.steps.blocks import KINDS, SEARCHED, blocks

RECORD = {"row": 1, "nhs_number": "9990000018", "born_on": "1950-03-07"}
RECORD |= {"surname": "YOUNG", "forename": "ADA", "postcode": "ZX1 1AA"}


def found(tier=None, **told) -> set[int]:
    frame = pl.DataFrame([RECORD | told]).cast({"born_on": pl.String})
    typed = frame.with_columns(
        pl.col("born_on").str.to_date(),
        pl.col("nhs_number", "postcode").cast(pl.String),
    )
    return set(blocks(typed, tier)["block"])


def test_an_identity_is_found_under_every_key_that_it_has() -> None:
    assert len(found()) == len(KINDS)
    assert len(found(postcode=None)) == len(KINDS) - sum(
        "postcode" in columns for columns in KINDS.values()
    )


def test_a_record_is_looked_for_as_its_tier_allows() -> None:
    for tier, kinds in SEARCHED.items():
        assert found(tier) < found()
        assert len(found(tier)) == len(kinds)


def test_equal_things_meet_and_different_ones_do_not() -> None:
    assert found() & found(forename="EVE", surname="YOUNG") == found()
    other = found(nhs_number=None, surname="KHAN", postcode="ZX9 9ZZ")
    assert found().isdisjoint(other)
