"""What is given to a person unopened is what `link` would have given to them."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.steps.exact import decisions, exact_blocks, full_agreement
from linkage.steps.link import IDENTITY_SCHEMA, for_comparison, link

NUMBERS = ["9990000018", "9990000026", "9990000034", "9990000042"]
BORN = [date(1950, 3, 7), date(1950, 7, 3), date(1950, 1, 1), date(1900, 1, 2), None]
said = st.fixed_dictionaries(
    {
        "nhs_number": st.sampled_from([*NUMBERS, None]),
        "born_on": st.sampled_from(BORN),
        "sex": st.sampled_from(["1", "2", "9", None]),
        "surname": st.sampled_from(["Marsh", "O'Neill", "Ada", None]),
        "forename": st.sampled_from(["Ada", "Ada May", "Eda", None]),
        "postcode": st.sampled_from(["ZX1 1AA", "zx11aa", "ZX1 2AA", "ZZ99 3VZ", None]),
    }
)
RECORD: dict[str, Any] = {"subject_key": pl.Int64, "local_person_no": pl.Int32}
RECORD |= {n: d for n, d in IDENTITY_SCHEMA.items() if n not in {"person_no"}}
del RECORD["stated_number"]


def people(told: list[dict[str, Any]]) -> pl.DataFrame:
    """Identities of people who each hold the number they state, one person each."""
    rows, holder = [], {}
    for n, each in enumerate(told, start=1):
        number = each["nhs_number"]
        person = holder.setdefault(number, n) if number else n
        rows.append(each | {"person_no": person, "stated_number": number})
    return for_comparison(pl.DataFrame(rows, schema=IDENTITY_SCHEMA)).select(
        list(IDENTITY_SCHEMA)
    )


def exactly(records: pl.DataFrame, known: pl.DataFrame, tier: Any) -> pl.DataFrame:
    """subject_key, person_no of records that a key leads to one person."""
    asked = exact_blocks(for_comparison(records).with_row_index("row"), tier)
    held = exact_blocks(known.with_row_index("row"), tier)
    whose = (
        held.join(known.with_row_index("row").cast({"row": pl.Int64}), on="row")
        .group_by("block")
        .agg(pl.col("person_no").unique())
        .filter(pl.col("person_no").list.len() == 1)
        .explode("person_no")
    )
    numbered = records.with_row_index("row").cast({"row": pl.Int64})
    return (
        asked.join(whose, on="block")
        .join(numbered.select("row", "subject_key"), on="row")
        .select("subject_key", "person_no")
    )


@settings(max_examples=200, deadline=None)
@given(
    told=st.lists(said, min_size=1, max_size=5),
    new=st.lists(said, min_size=1, max_size=3),
    again=st.data(),
    tier=st.sampled_from(["names", "national"]),
)
def test_the_long_way_ends_with_the_same_person_and_weight(
    told, new, again, tier
) -> None:
    new = [*new, again.draw(st.sampled_from(told))]
    nameless = {} if tier == "names" else {"surname": None, "forename": None}
    rows = [
        each | nameless | {"subject_key": n, "local_person_no": None}
        for n, each in enumerate(new)
    ]
    records, known = pl.DataFrame(rows, schema=RECORD), people(told)
    clear = exactly(records, known, tier)
    whole = link(records, known, tier, 100, persons=1000)
    ours = decisions(clear, tier).sort("subject_key")
    theirs = whole.decisions.join(clear, on="subject_key", how="semi")
    assert ours.rows() == theirs.select(ours.columns).sort("subject_key").rows()
    assert whole.review.join(clear, on="subject_key", how="semi").is_empty()


def test_full_agreement_says_more_with_names() -> None:
    assert full_agreement("names") > full_agreement("national") > 20


@pytest.mark.parametrize(
    ("told", "keys"),
    [
        ({}, 1),
        ({"postcode": "zx1 1aa"}, 1),
        ({"postcode": "ZZ99 3VZ"}, 0),
        ({"born_on": date(1950, 1, 1)}, 0),
        ({"born_on": None}, 0),
        ({"sex": "9"}, 0),
        ({"nhs_number": None}, 0),
        ({"forename": None}, 0),
    ],
)
def test_what_leaves_something_open_has_no_key(told, keys) -> None:
    record = {"row": 0, "nhs_number": NUMBERS[0], "born_on": date(1950, 3, 7)}
    record |= {"sex": "2", "postcode": "ZX1 1AA", "surname": "x", "forename": "y"}
    frame = pl.DataFrame([record | told], schema={"row": pl.Int64} | RECORD)
    assert exact_blocks(frame, "names").height == keys
