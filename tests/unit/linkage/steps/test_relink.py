"""Everything linked anew: what would change, and what people have decided stays."""

from datetime import date

import polars as pl

from linkage.steps.identify import SUBJECT_COLUMNS
from linkage.steps.relink import Fed, changes, relink

A, B = "9990000018", "9990000026"
NOBODY = pl.DataFrame(schema={"subject_key": pl.Int64, "person_no": pl.Int32})
NONE = pl.Series([], dtype=pl.Int64)


def record(key: int, **told) -> dict:
    usual = dict.fromkeys(SUBJECT_COLUMNS)
    usual |= {"subject_key": key, "born_on": date(1950, 3, 7), "sex": "F"}
    usual |= {"surname": "Young", "forename": "Ada", "postcode": "ZX1 1AA"}
    return usual | told


def fed(*rows: dict, tier="names", introduces=True) -> Fed:
    return Fed(tier, introduces, pl.DataFrame(list(rows), schema=SUBJECT_COLUMNS))


def groups(linked: pl.DataFrame) -> set[frozenset[int]]:
    found = linked.group_by("cluster").agg("subject_key")["subject_key"]
    return {frozenset(keys) for keys in found.to_list()}


def people(**of: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"subject_key": [int(k[1:]) for k in of], "person_no": list(of.values())},
        schema={"subject_key": pl.Int64, "person_no": pl.Int32},
    )


def test_feeds_are_linked_in_turn_by_number_local_id_and_name() -> None:
    first = fed(record(1, nhs_number=A), record(2, nhs_number=B, forename="Eve"))
    second = fed(record(3, nhs_number=A, local_key=70))
    third = fed(
        record(4, local_key=70, surname="Married", postcode=None, forename=None),
        tier="national",
        introduces=False,
    )
    assert groups(relink([first, second, third])) == {
        frozenset({1, 3, 4}),
        frozenset({2}),
    }


def test_the_same_links_change_nothing() -> None:
    feeds = [fed(record(1, nhs_number=A), record(2, nhs_number=B, forename="Eve"))]
    now = people(_1=11, _2=22)
    found = changes(now, relink(feeds), NONE, NOBODY)
    assert found.moves.is_empty()
    assert found.counts["records_moved"] == 0
    assert found.counts["people_before"] == 2


def test_a_merge_keeps_the_person_of_most_records() -> None:
    anew = people(_1=1, _2=1, _3=1).rename({"person_no": "cluster"})
    anew = anew.with_columns(rule=pl.lit("weighed"))
    found = changes(people(_1=5, _2=5, _3=9), anew, NONE, NOBODY)
    assert found.moves.rows() == [(3, 9, 5, "weighed")]
    assert found.counts["people_absorbed"] == 1
    assert found.counts["people_made"] == 0


def test_a_split_makes_somebody_new() -> None:
    anew = people(_1=1, _2=1, _3=2).rename({"person_no": "cluster"})
    anew = anew.with_columns(rule=pl.lit("weighed"))
    found = changes(people(_1=5, _2=5, _3=5), anew, NONE, NOBODY)
    assert found.moves.rows() == [(3, 5, -1, "weighed")]
    assert found.counts["people_made"] == 1
    assert found.counts["people_absorbed"] == 0


def test_what_people_decided_stays() -> None:
    anew = people(_1=1, _2=1, _3=1).rename({"person_no": "cluster"})
    anew = anew.with_columns(rule=pl.lit("weighed"))
    now = people(_1=5, _2=5, _3=9)
    placed = pl.Series([3], dtype=pl.Int64)
    assert changes(now, anew, placed, NOBODY).moves.is_empty()
    assert changes(now, anew, NONE, people(_3=5)).moves.is_empty()
