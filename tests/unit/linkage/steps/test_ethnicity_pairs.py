"""Which pairs of feeds agree on ethnicity, and of whom."""

import polars as pl

from linkage.steps.ethnicity_pairs import ethnicity_pairs


def stated(*rows: tuple[str, int, str]) -> pl.DataFrame:
    schema = {"feed": pl.String, "person_no": pl.Int32, "ethnicity": pl.String}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def test_each_pair_is_compared_once_over_the_people_of_both() -> None:
    found = ethnicity_pairs(
        stated(
            ("gp_patient", 1, "H"),
            ("sus_apc", 1, "H"),
            ("ecds", 1, "L"),  # another Asian category
            ("gp_patient", 2, "A"),
            ("sus_apc", 2, "M"),
            ("sus_apc", 3, "A"),
        )
    )
    rows = found.sort("one", "other", "person_no").rows()
    assert [
        (one, other, who, same, group) for who, one, other, same, group in rows
    ] == [
        ("ecds", "gp_patient", 1, False, True),
        ("ecds", "sus_apc", 1, False, True),
        ("gp_patient", "sus_apc", 1, True, True),
        ("gp_patient", "sus_apc", 2, False, False),
    ]


def test_what_is_not_stated_agrees_with_nothing() -> None:
    assert ethnicity_pairs(stated(("a", 1, "Z"), ("b", 1, "Z"))).is_empty()
    assert ethnicity_pairs(stated(("a", 1, "Z"), ("b", 1, "A"))).is_empty()
